"""What every storage keeps to: one suite for memory, SQLite, PostgreSQL and Redis, the latter two real servers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from time import monotonic

import pytest
from conftest import Json
from support.until import until

from wsgi_gateway.config import load_config
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.state import Namespace, Runs, Store, Turn, open_store, told
from wsgi_gateway.state.store import MOST_AT_ONCE

KINDS = ("memory", "sqlite", "postgres", "redis")
PROVIDERS = [{"model": "openai/m", "access_key": "k"}]

Opened = Callable[..., Store]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def opened(storage: Json) -> Iterator[Opened]:
    """Opens the test's storage, with more settings if given, as a gateway does."""
    stores: list[Store] = []

    def start(**settings: object) -> Store:
        config = load_config(
            {"model_providers": PROVIDERS, "state_storage": {**storage, **settings}}, {}
        )
        stores.append(open_store(config.state_storage))
        return stores[-1]

    yield start
    for store in stores:
        store.close()


@pytest.fixture
def state(opened: Opened) -> Namespace:
    return opened().within("tenant")


# --- values


def test_what_was_put_is_read_in_one_go(state: Namespace) -> None:
    state.put({"a": b"1", "b": b"\x00\xff", "empty": b""})
    assert state.get(["a", "b", "empty", "unknown"]) == {"a": b"1", "b": b"\x00\xff", "empty": b""}
    assert state.get([]) == {}


def test_a_value_put_again_replaces_the_one_before(state: Namespace) -> None:
    state.put({"a": b"1"})
    state.put({"a": b"2"})
    assert state.get(["a"]) == {"a": b"2"}


def test_what_was_deleted_is_gone(state: Namespace) -> None:
    state.put({"a": b"1", "b": b"2"})
    state.append("log", [b"1", b"2"])
    state.delete(["a", "log", "unknown"])
    assert state.get(["a", "b", "log"]) == {"b": b"2"}
    assert state.read("log") == []
    assert state.append("log", [b"3"]) == 0
    state.delete([])
    state.put({})


def test_namespaces_see_nothing_of_each_other(opened: Opened) -> None:
    store = opened()
    one, other = store.within("t"), store.within("t ")
    one.put({" key": b"1"})
    other.put({"key": b"2"})
    one.append("log", [b"1"])
    assert one.get(["key", " key"]) == {" key": b"1"}
    assert other.get(["key", " key"]) == {"key": b"2"}
    assert other.read("log") == []
    other.delete([" key", "log"])
    assert one.get([" key"]) == {" key": b"1"}
    assert one.length("log") == 1


@pytest.mark.parametrize(
    "key", ["", "a" * 100_000, "nul \x00", "half \ud83d", "é☃", "x'; --", "%s"]
)
def test_keys_are_any_text(state: Namespace, key: str) -> None:
    state.put({key: b"1"})
    assert state.get([key, key + "x"]) == {key: b"1"}


def test_values_may_be_large(state: Namespace) -> None:
    value = bytes(range(256)) * 40_000
    state.put({"a": value})
    assert state.get(["a"]) == {"a": value}
    state.append("log", [value, b"small"])
    assert state.read("log") == [value, b"small"]


def test_many_keys_at_once(state: Namespace) -> None:
    values = {f"key {number}": b"%d" % number for number in range(MOST_AT_ONCE + 10)}
    state.put(values)
    assert state.get(values) == values
    state.delete(values)
    assert state.get(values) == {}


# --- lists


def test_appended_values_are_numbered_and_read_from_a_number_on(state: Namespace) -> None:
    assert state.length("log") == 0
    assert state.append("log", [b"0", b"1"]) == 0
    assert state.append("log", [b"2"]) == 2
    assert state.append("log", [b"3", b"4"]) == 3
    assert state.length("log") == 5
    assert state.read("log") == [b"0", b"1", b"2", b"3", b"4"]
    assert state.read("log", 3) == [b"3", b"4"]
    assert state.read("log", 1, 2) == [b"1", b"2"]
    assert state.get(["log"]) == {"log": b"0"}


@pytest.mark.parametrize(
    ("start", "limit"), [(5, 10), (-1, 10), (0, 0), (0, -1), (2**31 - 1, 1), (2**70, 2**70)]
)
def test_reading_where_nothing_is(state: Namespace, start: int, limit: int) -> None:
    state.append("log", [b"0", b"1"])
    assert state.read("log", start, limit) == []
    assert state.read("unknown", max(start, 0), limit) == []


def test_no_read_is_longer_than_the_bound(state: Namespace) -> None:
    state.append("log", [b"%d" % number for number in range(MOST_AT_ONCE + 5)])
    assert len(state.read("log", 0, 10 * MOST_AT_ONCE)) == MOST_AT_ONCE
    assert len(state.read("log", MOST_AT_ONCE)) == 5


def test_put_makes_a_list_of_one(state: Namespace) -> None:
    state.append("a", [b"0", b"1", b"2"])
    state.put({"a": b"new"})
    assert state.read("a") == [b"new"]
    assert state.length("a") == 1
    assert state.append("a", [b"next"]) == 1
    assert state.read("a") == [b"new", b"next"]


def test_appending_at_the_same_time_leaves_no_gap_and_loses_nothing(
    opened: Opened, kind: str
) -> None:
    one = opened()
    states = [(one if kind == "memory" else opened()).within("t") for _ in range(4)]
    start = threading.Barrier(len(states))

    def work(worker: int) -> list[tuple[int, bytes]]:
        start.wait()
        written = []
        for number in range(10):
            value = b"%d.%d" % (worker, number)
            written.append((states[worker].append("log", [value, value]), value))
        return written

    with ThreadPoolExecutor(len(states)) as pool:
        written = [entry for entries in pool.map(work, range(len(states))) for entry in entries]
    log = states[0].read("log")
    assert sorted(first for first, _ in written) == list(range(0, len(log), 2))
    assert all(log[first : first + 2] == [value, value] for first, value in written)


# --- bounds


def test_what_is_old_enough_is_gone(opened: Opened) -> None:
    state = opened(ttl="200ms").within("t")
    state.put({"a": b"1"})
    state.append("log", [b"1", b"2", b"3"])
    until(lambda: state.get(["a", "log"]) == {})
    assert state.read("log") == []
    assert state.length("log") == 0
    assert state.append("log", [b"new"]) == 0
    assert state.read("log") == [b"new"]


def test_writing_renews_the_time_of_all_that_a_key_has(opened: Opened) -> None:
    state = opened(ttl="500ms").within("t")
    state.append("log", [b"first"])
    state.put({"mark": b""})
    end = monotonic() + 0.4
    until(lambda: monotonic() > end)
    state.append("log", [b"second"])
    until(lambda: state.get(["mark"]) == {})
    assert state.read("log") == [b"first", b"second"]


def test_of_too_many_the_newest_stay(opened: Opened) -> None:
    state = opened(max_items=10).within("t")
    for number in range(40):
        state.put({f"key {number}": b"x"})
    state.append("log", [b"x"])
    kept = state.get([f"key {number}" for number in range(40)])
    assert 8 <= len(kept) <= 10
    assert set(kept) == {f"key {number}" for number in range(40 - len(kept), 40)}
    assert state.read("log") == [b"x"]


def test_expired_values_make_room(opened: Opened) -> None:
    state = opened(max_items=10, ttl="50ms").within("t")
    state.append("old", [b"x"] * 50)
    until(lambda: state.length("old") == 0)
    lasting = opened(max_items=10).within("t")
    for number in range(9):
        lasting.put({f"key {number}": b"x"})
    assert len(lasting.get([f"key {number}" for number in range(9)])) == 9


# --- what is made of it


@pytest.mark.parametrize("bound", [{"max_items": 10}, {"ttl": "50ms"}], ids=str)
def test_a_chain_is_there_from_its_beginning_or_refused(opened: Opened, bound: Json) -> None:
    """Each turn sees all that was said, until the storage has dropped the first."""
    state = opened(**bound).within("t")
    said: list[Json] = []
    previous = None
    for number in count():
        own = {"role": "user", "content": f"{number}"}
        turn = Turn({"input": [own], "previous_response_id": previous}, state)
        try:
            asked = turn.expanded()
        except ApiError as error:
            refused = error
            break
        said.append(own)
        assert asked["input"] == said
        previous = f"resp_{number}"
        turn.keep(told({"id": previous, "status": "completed", "output": []}))
    assert said
    assert refused.code == "previous_response_not_found"


def test_what_is_deleted_while_others_end_it_stays_deleted(opened: Opened, kind: str) -> None:
    """Its worker, a client that cancels it and one that deletes it, all at the same moment."""
    one = opened()
    stores = [one if kind == "memory" else opened() for _ in range(3)]
    states = [store.within("t") for store in stores]
    runs = [Runs(state) for state in states]
    for number in range(5):
        made = {"id": f"resp_{number}", "background": True, "output": []}
        id_ = made["id"]
        runs[0].beat([id_])
        turn = Turn({"input": "Hi", "background": True}, states[0])
        turn.begin(told({**made, "status": "in_progress"}))
        runs[0].log(id_, b"event: response.created\n\n")
        start = threading.Barrier(3)

        def finish(turn: Turn = turn, made: Json = made, start: threading.Barrier = start) -> bool:
            start.wait()
            if not runs[0].end(made["id"]):
                return False
            turn.keep(told({**made, "status": "completed"}))
            return True

        def ask(
            work: Callable[[str], object], id_: str, start: threading.Barrier = start
        ) -> object:
            start.wait()
            return work(id_)

        with ThreadPoolExecutor(3) as pool:
            finished = pool.submit(finish)
            cancelled = pool.submit(ask, runs[1].cancel, id_)
            deleted = pool.submit(ask, runs[2].delete, id_)
        assert deleted.result() is True
        assert not finished.exception()
        assert not cancelled.exception()
        assert [Runs(state).current(id_) for state in states] == [None] * 3
        assert not runs[0].has_log(id_)
