"""How long to wait before the same deployment is asked again."""

from random import Random

from wsgi_gateway.config.model import Retries


def backoff(number: int, asked: float | None, rules: Retries, dice: Random) -> float | None:
    """Seconds before retry ``number`` (from 1); None if the upstream asked for more than is waited.

    ``asked`` is what it asked for: it is never cut short, and a little is added so that not all come back at once.
    Otherwise the delay doubles each time, and a random half of it is left out.
    """
    delay = min(rules.base_delay * 2.0 ** min(number - 1, 32), rules.max_delay)
    if asked is None:
        return delay * dice.uniform(0.5, 1.0)
    if asked > rules.max_delay:
        return None
    return asked + rules.base_delay * dice.random()
