"""`wsgi_gateway.serving.drain`: how long a worker waits for what has begun, and what becomes of the rest."""

from __future__ import annotations

from collections.abc import Callable

import gevent
import pytest
from gevent.event import Event
from gevent.pool import Pool

from wsgi_gateway.client_watch import GatewayStopping, StopSwitch
from wsgi_gateway.serving import drain as module
from wsgi_gateway.serving.drain import drain
from wsgi_gateway.unfinished import Unfinished


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Pool:
    monkeypatch.setattr(module, "_PACE", 0.01)
    return Pool()


def nothing() -> None:
    """Nobody to be notified."""


def test_nothing_to_wait_for(pool: Pool) -> None:
    assert drain([pool], 600, nothing)


def test_ends_with_the_last_connection(pool: Pool) -> None:
    end = Event()
    pool.spawn(end.wait)
    notified = []

    def notify() -> None:
        notified.append(True)
        if len(notified) == 3:
            end.set()

    assert drain([Pool(), pool], 600, notify)
    assert len(notified) >= 3


def test_ends_with_the_last_work_in_the_background(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    unfinished = Unfinished()
    monkeypatch.setattr(module, "UNFINISHED", unfinished)
    end = Event()

    def work() -> None:
        with unfinished:
            end.wait()

    greenlet = gevent.spawn(work)
    gevent.sleep(0)
    assert drain([pool], 600, end.set)
    assert greenlet.ready()


def told(call: Callable[[], object], into: list[str]) -> None:
    switch = StopSwitch()
    try:
        switch.wait(call)
    except GatewayStopping as error:
        into.append(error.message)


def test_who_waits_for_an_upstream_is_told_and_who_does_not_is_cut(pool: Pool) -> None:
    heard: list[str] = []
    waits = pool.spawn(told, Event().wait, heard)
    stuck = pool.spawn(Event().wait)
    assert not drain([pool], 0.3, nothing)
    assert "is stopping" in heard[0]
    assert waits.successful()
    assert isinstance(stuck.value, gevent.GreenletExit)
