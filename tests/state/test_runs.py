"""Who ends a response that is made in the background, and what its stream tells then."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.state import Namespace, Responses, Runs, Store, StoreDown, Turn, behind, told
from wsgi_gateway.state.memory import MemoryBackend

OPEN: dict[str, Any] = {"id": "resp_1", "status": "in_progress", "background": True, "output": []}
CREATED = b'event: response.created\ndata: {"sequence_number":7,"response":{}}\n\n'


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store() -> Namespace:
    return Store(MemoryBackend(ttl=60, max_items=1000), "memory").within("")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def runs(store: Namespace, clock: Clock) -> Runs:
    """With one response that is worked on."""
    runs = Runs(store, clock)
    runs.beat(["resp_1"])
    Turn({"input": "Hi", "background": True}, store).begin(told(OPEN))
    return runs


def status(runs: Runs) -> str:
    current = runs.current("resp_1")
    assert current is not None
    return current.status


def last_event(runs: Runs) -> Any:
    name, data = runs.logged("resp_1", 0)[-1].strip().split(b"\n")
    event = json.loads(data.removeprefix(b"data: "))
    assert name == b"event: " + event["type"].encode()
    return event


def test_one_alone_ends_it(runs: Runs, store: Namespace) -> None:
    assert runs.ended(["resp_1", "resp_2"]) == set()
    assert runs.end("resp_1")
    assert not Runs(store).end("resp_1")
    assert runs.ended(["resp_1", "resp_2"]) == {"resp_1"}


def test_who_ended_it_may_ask_again(runs: Runs, store: Namespace) -> None:
    """As after a write of which nobody knows whether it was done."""
    assert runs.end("resp_1")
    assert runs.end("resp_1")
    assert not Runs(store).end("resp_1")
    assert runs.end("resp_1")


def test_a_response_whose_worker_is_gone_has_failed(
    runs: Runs, store: Namespace, clock: Clock
) -> None:
    runs.log("resp_1", CREATED)
    clock.now += 50
    assert status(runs) == "in_progress"
    runs.beat(["resp_1"])
    clock.now += 50
    assert status(runs) == "in_progress"
    clock.now += 50
    assert status(runs) == "failed"
    assert not Runs(store).end("resp_1")
    event = last_event(runs)
    assert (event["type"], event["sequence_number"]) == ("response.failed", 8)
    assert event["response"]["error"]["code"] == "server_error"
    assert len(runs.logged("resp_1", 0)) == 2


def test_a_worker_that_died_between_two_writes_has_failed_too(runs: Runs, clock: Clock) -> None:
    assert runs.end("resp_1")
    clock.now += 100
    assert status(runs) == "failed"


def test_what_has_an_end_is_not_asked_for_signs_of_life(
    runs: Runs, store: Namespace, clock: Clock
) -> None:
    Turn({"input": "Hi"}, store).keep(told({**OPEN, "status": "completed"}))
    clock.now += 1000
    assert status(runs) == "completed"


def test_cancelling(runs: Runs, store: Namespace) -> None:
    runs.log("resp_1", CREATED)
    for _ in range(2):
        cancelled = runs.cancel("resp_1")
        assert cancelled is not None
        assert json.loads(bytes(cancelled.response)) == {**OPEN, "status": "cancelled"}
    assert last_event(runs)["type"] == "response.cancelled"
    assert len(runs.logged("resp_1", 0)) == 2
    assert not Runs(store).end("resp_1")
    assert runs.cancel("resp_2") is None


def test_cancelling_what_its_worker_is_ending_leaves_it_to_the_worker(
    runs: Runs, store: Namespace
) -> None:
    assert runs.end("resp_1")
    current = Runs(store, lambda: 1000.0).cancel("resp_1")
    assert current is not None
    assert current.status == "in_progress"


class Dying:
    """A storage that is away from its next change of a value on, until it is asked to come back."""

    def __init__(self, store: Namespace) -> None:
        self._store = store
        self.is_away = False
        self.name = store.name

    def __getattr__(self, name: str) -> Any:
        if name == "put" and self.is_away:
            raise StoreDown
        return getattr(self._store, name)


@pytest.mark.parametrize("waits", [False, True], ids=["asks again", "asks when it is too late"])
def test_a_cancellation_that_the_storage_broke_off_is_one(
    runs: Runs, store: Namespace, clock: Clock, waits: bool
) -> None:
    """The worker has heard of it: there is nobody else to end the response."""
    runs.log("resp_1", CREATED)
    dying: Any = Dying(store)
    dying.is_away = True
    with pytest.raises(StoreDown):
        Runs(dying, clock).cancel("resp_1")
    assert runs.ended(["resp_1"]) == {"resp_1"}
    if waits:
        clock.now += 100
    else:
        again = Runs(store, clock).cancel("resp_1")
        assert again is not None
        assert again.status == "cancelled"
    assert status(runs) == "cancelled"
    assert last_event(runs)["type"] == "response.cancelled"
    assert len(runs.logged("resp_1", 0)) == 2


def test_the_end_of_a_stream_is_told_once(runs: Runs, store: Namespace) -> None:
    """Two clients cancel at the same moment, and each puts the response into its state."""
    runs.log("resp_1", CREATED)
    runs.cancel("resp_1")
    Responses(store).change("resp_1", {"status": "in_progress"})
    runs.cancel("resp_1")
    assert status(runs) == "cancelled"
    assert len(runs.logged("resp_1", 0)) == 2


def test_without_a_stream_there_is_no_event(runs: Runs) -> None:
    runs.cancel("resp_1")
    assert not runs.has_log("resp_1")


def test_what_is_deleted_cannot_come_back(runs: Runs, store: Namespace) -> None:
    runs.log("resp_1", CREATED)
    assert runs.delete("resp_1")
    assert not runs.delete("resp_1")
    assert not runs.has_log("resp_1")
    assert not Runs(store).end("resp_1")
    assert Responses(store).response("resp_1") is None


class Meanwhile:
    """A storage where, before the method of that name is called next, somebody else does something."""

    def __init__(self, store: Namespace, method: str, work: Callable[[], object]) -> None:
        self._store = store
        self._method = method
        self._work: list[Callable[[], object]] = [work]
        self.name = store.name

    def __getattr__(self, name: str) -> Any:
        if name == self._method and self._work:
            self._work.pop()()
        return getattr(self._store, name)


@pytest.mark.parametrize(
    ("asked", "before"),
    [("cancel", "put"), ("cancel", "read"), ("current", "put"), ("change", "put")],
)
def test_what_is_deleted_while_it_is_given_its_end_stays_deleted(
    runs: Runs, store: Namespace, clock: Clock, asked: str, before: str
) -> None:
    runs.log("resp_1", CREATED)
    meanwhile: Any = Meanwhile(store, before, lambda: Runs(store).delete("resp_1"))
    ending = Runs(meanwhile, clock)
    clock.now += 100 if asked == "current" else 0
    if asked == "change":
        assert ending.change("resp_1", {"status": "completed"}) is None
    else:
        assert getattr(ending, asked)("resp_1") is None
    assert Responses(store).response("resp_1") is None
    assert not runs.has_log("resp_1")


@pytest.mark.parametrize("origin", [None, "only-openai"])
def test_what_is_deleted_while_it_is_made_stays_deleted(
    runs: Runs, store: Namespace, origin: str | None
) -> None:
    turn = Turn({"input": "Hi", "background": True}, store)
    if origin is not None:
        turn.passed(origin, Loss("responses"))
    turn.begin(told(OPEN))
    assert runs.delete("resp_1")
    turn.keep(told({**OPEN, "status": "completed"}))
    assert Responses(store).response("resp_1") is None


def test_nothing_is_told_behind_the_end(runs: Runs) -> None:
    """A worker that has not heard that a client cancelled goes on for a while."""
    runs.log("resp_1", CREATED)
    runs.cancel("resp_1")
    whole = runs.logged("resp_1", 0)
    runs.log("resp_1", CREATED.replace(b"7", b"19"))
    assert runs.logged("resp_1", 0) == whole
    assert runs.logged("resp_1", 1) == whole[1:]


def test_events_behind_a_number() -> None:
    comment = b': warning "sequence_number":1\n\n'
    events = [b'data: {"sequence_number":%d}\n\n' % number for number in range(12)]
    whole = comment + b"".join(events)
    assert behind(whole, -1) == (whole, 11)
    assert behind(whole, 9) == (comment + b"".join(events[10:]), 11)
    assert behind(whole, 11) == (comment, 11)
    assert behind(b"", 0) == (b"", 0)


def test_what_was_logged_twice_is_told_once() -> None:
    event = b'data: {"sequence_number":3}\n\n'
    assert behind(event + event, 2) == (event, 3)
