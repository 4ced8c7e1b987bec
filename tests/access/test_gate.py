"""Places and the queue for them, with threads for requests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import gevent
import pytest
from support.until import until

from wsgi_gateway.access import open_gate
from wsgi_gateway.access.gate import Gate
from wsgi_gateway.config import Overload
from wsgi_gateway.protocols.errors import ApiError

LONG = 60.0


def is_refused(gate: Gate) -> bool:
    try:
        gate.enter()
    except ApiError as error:
        assert error.openai().status == 503
        assert error.anthropic().status == 529
        assert int(error.headers["retry-after"]) >= 1
        return True
    gate.leave()
    return False


def test_there_is_a_place_again_for_each_that_was_left() -> None:
    gate = Gate(2, 0, LONG)
    gate.enter()
    assert not gate.is_full
    gate.enter()
    assert gate.is_full
    assert is_refused(gate)
    gate.leave()
    assert not is_refused(gate)
    gate.leave()
    assert not gate.is_full


def test_who_waits_longest_is_next_and_the_queue_is_bounded() -> None:
    gate = Gate(1, 2, LONG)
    gate.enter()
    served: list[int] = []
    may_leave = [threading.Event(), threading.Event()]

    def request(number: int) -> None:
        gate.enter()
        served.append(number)
        assert may_leave[number].wait(LONG)
        gate.leave()

    with ThreadPoolExecutor(2) as pool:
        asked = [_waiting(pool, gate, lambda number=number: request(number)) for number in (0, 1)]
        assert is_refused(gate)
        gate.leave()
        until(lambda: served == [0])
        may_leave[0].set()
        until(lambda: served == [0, 1])
        may_leave[1].set()
        for each in asked:
            each.result()
    assert not gate.is_full


def _waiting(pool: ThreadPoolExecutor, gate: Gate, request: Callable[[], None]) -> Future[None]:
    """A request that stands in the queue."""
    before = len(gate._queue)
    future = pool.submit(request)
    until(lambda: len(gate._queue) > before)
    return future


@pytest.mark.parametrize("patience", [0.0, 0.01])
def test_who_waited_too_long_is_refused_and_leaves_the_queue(patience: float) -> None:
    gate = Gate(1, 1, patience)
    gate.enter()
    assert is_refused(gate)
    assert is_refused(gate)
    gate.leave()
    assert not is_refused(gate)


def test_who_is_cut_while_waiting_takes_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(1, 1, LONG)
    gate.enter()

    def cut(_event: threading.Event, _timeout: float) -> bool:
        raise gevent.GreenletExit

    monkeypatch.setattr(threading.Event, "wait", cut)
    with pytest.raises(gevent.GreenletExit):
        gate.enter()
    gate.leave()
    assert not gate.is_full


def test_without_a_bound_everybody_enters() -> None:
    gate = open_gate(Overload(max_in_flight=None))
    for _ in range(10_000):
        gate.enter()
    assert not gate.is_full
