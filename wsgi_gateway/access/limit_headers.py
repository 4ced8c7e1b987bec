"""What a client is told of its limits, in the headers of its API.

OpenAI tells when all of a limit is there again as a duration (``6m0s``), Anthropic as a time (RFC 3339): protocols
digest 1.6. Of several limits of one unit the tightest is told.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from math import ceil
from time import time

from wsgi_gateway.access.windows import Gauge, Level

_FACTS = ("limit", "remaining", "reset")

_OPENAI, _ANTHROPIC = (
    {unit: tuple(form.format(fact, unit) for fact in _FACTS) for unit in ("requests", "tokens")}
    for form in ("x-ratelimit-{0}-{1}", "anthropic-ratelimit-{1}-{0}")
)


def limit_headers(api: str, gauges: Iterable[Gauge], levels: Iterable[Level]) -> dict[str, str]:
    """The headers for a client of ``api``: of requests and tokens. Money has none in any API."""
    names = _ANTHROPIC if api == "messages" else _OPENAI
    headers: dict[str, str] = {}
    for gauge, (used, until_unused) in zip(gauges, levels):  # noqa: B905 - dearer than the rest
        if gauge.unit not in names:
            continue
        limit, remaining, reset = names[gauge.unit]
        amount = gauge.rate.amount
        room = int(amount - used) if used < amount else 0
        if remaining in headers and int(headers[remaining]) <= room:
            continue
        headers[limit] = str(amount)
        headers[remaining] = str(room)
        headers[reset] = (
            _at(ceil(time() + until_unused)) if api == "messages" else _duration(ceil(until_unused))
        )
    return headers


def retry_after(seconds: float) -> dict[str, str]:
    """Both SDKs wait for so long before they ask again."""
    return {"retry-after": str(max(1, ceil(seconds)))}


@lru_cache(1024)
def _at(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(1024)
def _duration(seconds: int) -> str:
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if hours:
        return f"{hours}h{minutes}m{seconds % 60}s"
    return f"{minutes}m{seconds % 60}s" if minutes else f"{seconds}s"
