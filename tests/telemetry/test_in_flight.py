"""How many requests are in flight: in one process, and over workers that share their counts."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator

import pytest

from wsgi_gateway.telemetry.in_flight import LINE, InFlight, Totals

NONE = dict.fromkeys(("chat_completions", "messages", "responses"), Totals(0, 0))


class Pieces:
    """A stream's body, which notes that it was closed."""

    closed = 0

    def is_over(self) -> bool:
        return True

    def __iter__(self) -> Iterator[bytes]:
        yield b"one"

    def close(self) -> None:
        self.closed += 1


def test_a_plain_answer_counts_until_it_is_there() -> None:
    in_flight = InFlight()
    with in_flight.enter("messages"):
        assert in_flight.totals() == NONE | {"messages": Totals(1, 0)}
    assert in_flight.totals() == NONE


def test_a_request_that_fails_has_left() -> None:
    in_flight = InFlight()
    for error in (LookupError, SystemExit):
        with pytest.raises(error), in_flight.enter("messages") as flight:
            flight.mark_stream()
            raise error
    assert in_flight.totals() == NONE


def test_a_stream_counts_until_its_body_is_closed() -> None:
    in_flight, pieces = InFlight(), Pieces()
    with in_flight.enter("responses") as flight:
        flight.mark_stream()
        body = flight.until_closed(pieces)
    assert list(body) == [b"one"]
    assert body.is_over()
    assert in_flight.totals() == NONE | {"responses": Totals(1, 1)}
    body.close()
    body.close()
    assert in_flight.totals() == NONE
    assert pieces.closed == 2


def test_a_stream_that_fails_to_close_has_left() -> None:
    class Stubborn(Pieces):
        def close(self) -> None:
            raise OSError

    in_flight = InFlight()
    with in_flight.enter("responses") as flight:
        body = flight.until_closed(Stubborn())
    with pytest.raises(OSError):
        body.close()
    assert in_flight.totals() == NONE


def test_a_body_without_close_is_whole() -> None:
    in_flight = InFlight()
    with in_flight.enter("messages") as flight:
        body = flight.until_closed([b"all"])
    assert list(body) == [b"all"]
    assert not body.is_over()
    body.close()
    assert in_flight.totals() == NONE


def test_threads_lose_no_request() -> None:
    in_flight = InFlight()

    def work() -> None:
        for _ in range(2000):
            with in_flight.enter("messages") as flight:
                flight.mark_stream()

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert in_flight.totals() == NONE


def fork(in_flight: InFlight, streams: int) -> None:
    """A worker that is killed while it has so many streams."""
    pid = os.fork()
    if pid == 0:
        for _ in range(streams):
            in_flight.enter("messages").mark_stream()
        os._exit(0)
    os.waitpid(pid, 0)


def test_workers_see_each_other_and_a_dead_one_is_forgotten() -> None:
    master = InFlight()
    first, second, third = object(), object(), object()
    master.worker_begins(first)
    fork(master, 2)
    master.worker_begins(second)
    fork(master, 3)
    assert master.totals() == NONE | {"messages": Totals(5, 5)}
    master.worker_ended(first)
    assert master.totals() == NONE | {"messages": Totals(3, 3)}
    master.worker_begins(third)
    fork(master, 1)
    assert master.totals() == NONE | {"messages": Totals(4, 4)}
    master.worker_ended(second)
    master.worker_ended(third)
    assert master.totals() == NONE


def test_more_workers_than_there_is_room_for_count_for_themselves() -> None:
    master = InFlight(most_workers=1)
    first, second = object(), object()
    master.worker_begins(first)
    with master.enter("messages"):
        master.worker_begins(second)
        with master.enter("responses"):
            assert master.totals() == NONE | {"responses": Totals(1, 0)}
    master.worker_ended(second)
    master.worker_ended(first)


def test_who_never_began_ends_unnoticed() -> None:
    InFlight().worker_ended(object())


def test_a_worker_writes_into_a_line_of_its_own() -> None:
    """64 bytes, a cache line of most processors: workers do not slow each other."""
    assert LINE * 8 == 64
