"""Plano's ``ratelimits``: tokens of one model for requests with a header.

Of two limits for one header the one that names the request's value holds. Plano counts a request's own tokens when it
comes, if the client names the header in x-arch-ratelimit-selector; here the request needs not say so, and what is
counted is what the upstream reports of request and reply, afterwards. Source: Plano, crates/common/src/ratelimit.rs.
"""

import hashlib
from collections.abc import Iterable, Mapping

from wsgi_gateway.access.windows import Gauge
from wsgi_gateway.config import HeaderLimit


class HeaderLimits:
    """The limits of one config."""

    def __init__(self, limits: Iterable[HeaderLimit]) -> None:
        self._of: dict[str, dict[str, dict[str | None, HeaderLimit]]] = {}
        for limit in limits:
            by_header = self._of.setdefault(limit.model, {})
            by_header.setdefault(limit.header, {})[limit.value] = limit

    def gauges(self, names: Iterable[str | None], headers: Mapping[str, str]) -> tuple[Gauge, ...]:
        """What limits a request for a model with these names. ``headers`` are by names in lower case."""
        found = []
        for name in dict.fromkeys(names):
            for header, by_value in self._of.get(name or "", {}).items():
                value = headers.get(header)
                if value is None:
                    continue
                limit = by_value.get(value) or by_value.get(None)
                if limit is not None:
                    found.append(_gauge(limit, value))
        return tuple(found)


def _gauge(limit: HeaderLimit, value: str) -> Gauge:
    """The value may be a key, so its hash stands for it."""
    digest = hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    name = f"header {limit.model} {limit.header} {digest} {limit.tokens.seconds}"
    return Gauge("tokens", name, limit.tokens)
