"""The delay before a retry."""

from __future__ import annotations

from random import Random

from wsgi_gateway.config.model import Retries
from wsgi_gateway.routing.backoff import backoff

RULES = Retries(base_delay=0.5, max_delay=4)


def delays(number: int, asked: float | None = None) -> list[float | None]:
    dice = Random(7)
    return [backoff(number, asked, RULES, dice) for _ in range(200)]


def test_it_doubles_with_jitter_up_to_the_longest() -> None:
    for number, longest in ((1, 0.5), (2, 1), (3, 2), (4, 4), (5, 4), (5000, 4)):
        found = [delay for delay in delays(number) if delay is not None]
        assert len(found) == 200
        assert longest / 2 <= min(found) < longest * 0.6
        assert longest * 0.9 < max(found) <= longest


def test_what_is_asked_is_never_cut_short() -> None:
    found = [delay for delay in delays(1, 3.0) if delay is not None]
    assert min(found) >= 3
    assert max(found) <= 3.5
    assert len(set(found)) > 100


def test_what_is_too_long_is_not_waited() -> None:
    assert set(delays(1, 4.1)) == {None}
    assert None not in delays(1, 4.0)
