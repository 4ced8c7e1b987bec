"""Streams that begin before their upstream does.

Not here: what clients of the three APIs get of them (tests/integration/test_early_streams.py).
"""

from __future__ import annotations

import weakref

from support.collecting import uncollected

from wsgi_gateway.client_watch import NoWatch
from wsgi_gateway.exchange.call import Answer
from wsgi_gateway.exchange.early_stream import EarlyStream, Pending
from wsgi_gateway.exchange.keepalive import Keepalive
from wsgi_gateway.protocols.errors import ApiError


class _History:
    """What a request holds."""


class _Watch(NoWatch):
    def __init__(self) -> None:
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


def test_a_stream_that_fails_before_it_has_an_answer_watches_its_client_no_more() -> None:
    def fail() -> Answer:
        raise ApiError("overloaded", "no room")

    watch = _Watch()
    sign = Keepalive(0.01)
    stream = EarlyStream(
        Pending(fail), sign, dict, lambda error: f"failed: {error.kind}".encode(), watch
    )
    assert [*stream] == [sign.sign, b"failed: overloaded"]
    stream.close()
    assert watch.is_closed


def test_a_stream_that_failed_holds_nothing_until_the_garbage_collector_comes() -> None:
    def failed() -> weakref.ref[_History]:
        history = _History()

        def fail() -> Answer:
            assert history
            raise ApiError("overloaded", "no room")

        stream = EarlyStream(Pending(fail), Keepalive(0.01), dict, lambda _: b"failed", NoWatch())
        assert [*stream][1:] == [b"failed"]
        stream.close()
        return weakref.ref(history)

    with uncollected():
        assert failed()() is None
