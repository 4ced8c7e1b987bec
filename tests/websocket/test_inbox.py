"""Messages that wait: in order, bounded, and what ends the wait for them."""

from __future__ import annotations

import threading

from wsgi_gateway.websocket.inbox import Ending, Inbox


def test_messages_come_in_order() -> None:
    inbox = Inbox(3, 100)
    assert all([inbox.put(b"a"), inbox.put(b"b")])
    assert [inbox.get(1), inbox.get(1), inbox.get(0)] == [b"a", b"b", Ending.LATE]


def test_it_is_bounded_in_number_and_in_bytes() -> None:
    inbox = Inbox(2, 10)
    assert [inbox.put(b"a"), inbox.put(b"b"), inbox.put(b"c")] == [True, True, False]
    inbox = Inbox(20, 10)
    assert [inbox.put(b"x" * 11), inbox.put(b"")] == [True, False], "one alone has room"
    assert inbox.get(1) == b"x" * 11
    assert [inbox.put(b"x" * 5), inbox.put(b"x" * 5), inbox.put(b"x")] == [True, True, False]


def test_whoever_waits_is_woken() -> None:
    inbox = Inbox(2, 10)
    got: list[bytes | Ending] = []
    waiting = threading.Thread(target=lambda: got.extend([inbox.get(60), inbox.get(60)]))
    waiting.start()
    inbox.put(b"a")
    inbox.end(Ending.DRAINING)
    waiting.join(30)
    assert got in ([b"a", Ending.DRAINING], [Ending.DRAINING] * 2)


def test_what_ends_the_connection_goes_before_messages() -> None:
    inbox = Inbox(2, 10)
    inbox.put(b"a")
    inbox.end(Ending.DRAINING)
    assert inbox.get(1) is Ending.DRAINING
    inbox.end(Ending.LEFT)
    inbox.end(Ending.DRAINING)
    assert inbox.get(1) is Ending.LEFT, "nobody is left to be told anything else"


def test_no_time_is_left() -> None:
    inbox = Inbox(2, 10)
    inbox.put(b"a")
    assert inbox.get(0) is Ending.LATE
    assert inbox.get(1) == b"a"
