"""Streams under way: when a silent one gets a keepalive, by a clock that the test sets; how one begins and ends.

Not here: the wait itself (test_arrival.py).
"""

from __future__ import annotations

from collections.abc import Generator
from types import SimpleNamespace
from typing import Any

import pytest

from wsgi_gateway.client_watch import NoWatch
from wsgi_gateway.exchange import relay
from wsgi_gateway.exchange.keepalive import Keepalive
from wsgi_gateway.exchange.relay import Stream
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.table import PROTOCOLS
from wsgi_gateway.upstream import UpstreamReply, Waits

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
    return list(Stream(pieces(), lambda: False, reply, Keepalive(keepalive)))


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


def reply_of(*pieces: bytes, largest: int = 1_000_000) -> Any:
    """A reply of which these pieces come, and so much may be held."""
    left = iter(pieces)
    body: Any = SimpleNamespace(next=lambda _: next(left, None))
    return UpstreamReply(200, {}, body, NoWatch(), Waits(), largest)


def first_of(*pieces: bytes) -> bytes:
    """What is relayed when a Chat stream with these pieces begins; b"" if it did not."""
    tap = PROTOCOLS["chat_completions"].tap()
    first, event = relay._first_event(iter(pieces), tap, reply_of())
    return first if event is not None else b""


def test_a_stream_begins_with_its_first_event() -> None:
    event = b'data: {"choices": []}\n\n'
    assert first_of(event, event) == event
    assert first_of(b": working\n\n", b": working\r\n\r\n", b"data: ", event[6:], event) == (
        b": working\n\n: working\r\n\r\n" + event
    )
    assert first_of(b": a\n\n" + event) == b": a\n\n" + event


def test_comments_alone_are_no_beginning() -> None:
    assert first_of(b": working\n\n", b": working\n\n") == b""
    assert first_of(b": working\n\n", b"data: {") == b""


def test_comments_without_end_are_not_kept_without_end() -> None:
    comment, event = b": " + b"x" * 1000 + b"\n\n", b"data: {}\n\n"
    begun = first_of(*[comment] * 100, event)
    assert begun.endswith(comment + event)
    assert len(begun) < 67_000


def test_an_event_without_an_end_is_no_beginning() -> None:
    with pytest.raises(ApiError) as caught:
        first_of(b"data: ", *[b"x" * 1000] * 1000)
    assert caught.value.kind == "upstream_invalid"


def test_who_asked_for_it_is_told_of_the_end_once() -> None:
    told: list[bool] = []
    reply: Any = SimpleNamespace(
        broke=True, close=lambda: None, client=SimpleNamespace(close=lambda: None)
    )
    stream = Stream((piece for piece in [b"a"]), lambda: True, reply, Keepalive())
    stream.on_close = told.append
    stream.close()
    stream.close()
    assert told == [True]
