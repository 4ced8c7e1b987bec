"""A client as each of its requests needs it: what may be known of its config before there is one."""

import re
from collections.abc import Iterable
from fnmatch import translate

from wsgi_gateway.access.windows import Gauge, Unit
from wsgi_gateway.config import Client, Provider, Rate

_UNITS: tuple[Unit, ...] = ("requests", "tokens", "budget")
_MOST_FOUND = 1000
_LONGEST_NAME = 200


class Caller:
    """``gauges`` are its limits; ``charged`` those of them that count what a reply used.

    ``key_prefix`` is how its key begins, for people; None for one that stands in the config.
    """

    __slots__ = (
        "_found",
        "_globs",
        "_uses_all",
        "charged",
        "concurrency",
        "gauges",
        "id",
        "key_prefix",
    )

    def __init__(self, client: Client, key_prefix: str | None = None) -> None:
        self.id = client.id
        self.key_prefix = key_prefix
        self.concurrency = client.limits.concurrency
        self.gauges = tuple(
            Gauge(unit, f"{unit} {client.id} {rate.seconds}", rate)
            for unit in _UNITS
            for rate in _tightest(getattr(client.limits, unit))
        )
        self.charged = tuple(gauge for gauge in self.gauges if gauge.unit != "requests")
        if any(gauge.unit == "budget" for gauge in self.gauges):
            # Half a second of imports: now, and not at the end of the first reply.
            import wsgi_gateway.access.prices  # noqa: F401
        self._uses_all = "*" in client.models
        self._found: dict[tuple[str | None, str, str], bool] = {}
        self._globs = re.compile("|".join(map(translate, client.models)))

    def may_use(self, asked: str | None, provider: Provider, model: str) -> bool:
        """Whether a model is one of the client's. ``asked`` is what the request calls it."""
        if self._uses_all:
            return True
        key = (asked, provider.name, model)
        found = self._found.get(key)
        if found is None:
            names = names_of(asked, provider, model)
            found = any(name and self._globs.match(name) for name in names)
            # Clients make names up, where an entry stands for any model.
            if len(self._found) < _MOST_FOUND and len(asked or "") < _LONGEST_NAME:
                self._found[key] = found
        return found


def _tightest(rates: Iterable[Rate]) -> Iterable[Rate]:
    """One for each stretch of time: two would count in the same window, which would count everything twice."""
    found: dict[int, Rate] = {}
    for rate in rates:
        known = found.get(rate.seconds, rate)
        found[rate.seconds] = min(known, rate, key=lambda each: each.amount)
    return found.values()


def names_of(asked: str | None, provider: Provider, model: str) -> tuple[str | None, ...]:
    """What a model is called: an alias, its entry's name, and the rest as if its entry were for it alone."""
    return asked, provider.name, f"{provider.provider}/{model}", model
