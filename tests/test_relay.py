"""When a silent stream gets a comment, by a clock that the test sets. Not here: the wait itself (test_arrival.py)."""

from __future__ import annotations

from collections.abc import Generator
from types import SimpleNamespace
from typing import Any

import pytest

from wsgi_gateway import relay
from wsgi_gateway.relay import Stream

COMMENT = b": keepalive\n\n"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(relay, "monotonic", clock)
    return clock


def told(clock: Clock, steps: list[tuple[float, bytes]], keepalive: float | None) -> list[bytes]:
    """What the client gets where each piece comes so many seconds after the one before."""

    def pieces() -> Generator[bytes]:
        for seconds, data in steps:
            clock.now += seconds
            yield data

    reply: Any = SimpleNamespace(patience=None)
    return list(Stream(pieces(), lambda: False, reply, keepalive))


def test_silence_is_bridged_as_often_as_it_lasts(clock: Clock) -> None:
    steps = [(0, b"a"), (10, b""), (10, b""), (10, b"b"), (10, b"")]
    assert told(clock, steps, 10) == [b"a", COMMENT, COMMENT, b"b", COMMENT]


def test_what_says_nothing_to_the_client_is_silence_too(clock: Clock) -> None:
    """As an upstream's pings are, where they are translated."""
    steps = [(0, b"a"), *[(4, b"")] * 6]
    assert told(clock, steps, 10) == [b"a", COMMENT, COMMENT]


def test_before_the_first_event_there_are_none(clock: Clock) -> None:
    assert told(clock, [(99, b""), (0, b"a"), (9, b"")], 10) == [b"a"]


def test_none_is_never(clock: Clock) -> None:
    assert told(clock, [(0, b"a"), (9999, b"")], None) == [b"a"]
