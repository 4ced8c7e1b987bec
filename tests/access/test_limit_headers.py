"""What each API's clients are told of their limits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from wsgi_gateway.access import limit_headers as module
from wsgi_gateway.access.limit_headers import limit_headers, retry_after
from wsgi_gateway.access.windows import Gauge
from wsgi_gateway.config import Rate

NOW = datetime(2031, 1, 1, tzinfo=UTC).timestamp()
REQUESTS = Gauge("requests", "r", Rate(60, 60))
DAILY = Gauge("requests", "d", Rate(500, 86_400))
TOKENS = Gauge("tokens", "t", Rate(1000, 3600))
MONEY = Gauge("budget", "m", Rate(10**9, 3600))


@pytest.mark.parametrize("api", ["chat_completions", "responses"])
def test_openai_s(api: str) -> None:
    gauges = (REQUESTS, TOKENS, MONEY)
    assert limit_headers(api, gauges, [(1, 60.0), (250.5, 3700.2), (5, 9.0)]) == {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1m0s",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "749",
        "x-ratelimit-reset-tokens": "1h1m41s",
    }


def test_anthropic_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "time", lambda: NOW)
    assert limit_headers("messages", (REQUESTS, TOKENS), [(70, 60.0), (0, 0.0)]) == {
        "anthropic-ratelimit-requests-limit": "60",
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": "2031-01-01T00:01:00Z",
        "anthropic-ratelimit-tokens-limit": "1000",
        "anthropic-ratelimit-tokens-remaining": "1000",
        "anthropic-ratelimit-tokens-reset": "2031-01-01T00:00:00Z",
    }


@pytest.mark.parametrize(
    ("minute", "day", "told"), [(10, 499, ("500", "1")), (59, 400, ("60", "1"))]
)
def test_the_tightest_of_several(minute: float, day: float, told: tuple[str, str]) -> None:
    for gauges, levels in [
        ((REQUESTS, DAILY), [(minute, 1.0), (day, 2.0)]),
        ((DAILY, REQUESTS), [(day, 2.0), (minute, 1.0)]),
    ]:
        headers = limit_headers("responses", gauges, levels)
        assert len(headers) == 3
        limit, remaining = "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests"
        assert (headers[limit], headers[remaining]) == told


def test_a_wait_is_a_second_at_least() -> None:
    assert retry_after(0.0) == {"retry-after": "1"}
    assert retry_after(59.2) == {"retry-after": "60"}
