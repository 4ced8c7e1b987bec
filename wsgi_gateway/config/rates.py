"""How much in how long, as people write it: ``60/m``, ``1000/12h``, ``0.5/30d``.

The config and the key file both have such limits. What is counted, and how, is the access package's matter.
"""

import re
from collections.abc import Sequence
from decimal import Decimal

from wsgi_gateway.config.model import NANODOLLARS, Rate

_RATE = re.compile(r"\s*(\d[\d_]{0,30})(\.\d{1,30})?\s*/\s*(\d{1,6})?\s*([smhd])\s*", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST = 366 * 86_400
_MOST = 1_000_000_000_000
_MOST_DOLLARS = 1_000_000
_EXAMPLES = "like 60/m, 1000/12h or 5000/30d"


class BadRate(ValueError):
    """A text that is no rate; the message says why."""


def read_rates(given: str | Sequence[str] | None, *, dollars: bool = False) -> tuple[Rate, ...]:
    """The rates of one key of a config. In nanodollars where they are ``dollars``. Raises BadRate."""
    texts = [given] if isinstance(given, str) else given or ()
    return tuple(_read(text, dollars) for text in texts)


def _read(text: str, dollars: bool) -> Rate:
    match = _RATE.fullmatch(text)
    if match is None:
        raise BadRate(f"not so much in so long, {_EXAMPLES}")
    whole, fraction, count, unit = match.groups()
    seconds = int(count or 1) * _SECONDS[unit]
    if not 1 <= seconds <= _LONGEST:
        raise BadRate("the time must be from 1s to 366d")
    if not dollars and fraction:
        raise BadRate("must be a whole number")
    amount = int(whole)
    if dollars:
        amount = round(Decimal(whole + (fraction or "")) * NANODOLLARS)
    if not 1 <= amount <= (_MOST_DOLLARS * NANODOLLARS if dollars else _MOST):
        raise BadRate(f"must be more than 0 and at most {_MOST_DOLLARS if dollars else _MOST:,}")
    return Rate(amount, seconds)


def written(rate: Rate, *, dollars: bool = False) -> str:
    """The rate as a config has it, in the largest unit that fits."""
    unit = next(unit for unit in "dhms" if rate.seconds % _SECONDS[unit] == 0)
    count = rate.seconds // _SECONDS[unit]
    amount = f"{rate.amount / NANODOLLARS:.9g}" if dollars else str(rate.amount)
    return f"{amount}/{count if count > 1 else ''}{unit}"
