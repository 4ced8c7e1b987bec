"""The config's timeouts as the waits of one attempt, at a time that the test sets."""

from __future__ import annotations

import pytest

from wsgi_gateway.config.model import Timeouts
from wsgi_gateway.upstream import Waits, waits, waits_of

NOW = 1000.0
TIMEOUTS = Timeouts(connect=5, first_event=20, idle=30, total=None, plain=600)


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "monotonic", lambda: NOW)


def of(timeouts: Timeouts, streams: bool, started: float, deadline: float | None) -> Waits:
    return waits_of(timeouts, streams=streams, started=started, deadline=deadline)


def test_a_stream_has_to_begin_and_then_may_pause() -> None:
    assert of(TIMEOUTS, True, NOW, None) == Waits(5, 20, 30, NOW + 20, None)


def test_a_plain_reply_is_silent_until_it_is_whole() -> None:
    assert of(TIMEOUTS, False, NOW, None) == Waits(5, 600, 600, None, None)


def test_a_total_counts_from_the_requests_beginning() -> None:
    given = Timeouts(connect=5, first_event=20, idle=30, total=60, plain=60)
    assert of(given, True, NOW - 50, None) == Waits(5, 10, 30, NOW + 10, NOW + 10)
    assert of(given, True, NOW, None) == Waits(5, 20, 30, NOW + 20, NOW + 60)
    assert of(given, False, NOW - 57, None) == Waits(3, 3, 60, NOW + 3, NOW + 3)


def test_a_clients_deadline_bounds_the_beginning_only() -> None:
    assert of(TIMEOUTS, True, NOW, NOW + 2) == Waits(2, 2, 30, NOW + 2, None)
    late = of(TIMEOUTS, True, NOW, NOW - 2)
    assert late.begin is not None
    assert 0 < late.begin < 0.1


def test_without_limits_there_are_none() -> None:
    none = Timeouts(connect=None, first_event=None, idle=None, total=None, plain=None)
    assert of(none, True, NOW, None) == of(none, False, NOW, None) == Waits()
