"""How a chain of responses is read. Not here: what a turn makes of it (test_turn.py)."""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.state import Namespace, Responses, Store, Turn, context, page, told
from wsgi_gateway.state.memory import MemoryBackend


class _CountingBackend(MemoryBackend):
    """Counts how often it is asked, as each time is a way to the database and back."""

    def __init__(self) -> None:
        super().__init__(ttl=60, max_items=10_000)
        self.reads = 0

    def get(self, ids: Sequence[bytes]) -> dict[bytes, bytes]:
        self.reads += 1
        return super().get(ids)


@pytest.fixture
def backend() -> _CountingBackend:
    return _CountingBackend()


@pytest.fixture
def store(backend: _CountingBackend) -> Namespace:
    return Store(backend, "memory").within("")


def add(store: Namespace, number: int, origin: str | None = None) -> None:
    """A turn that goes on from the one before, as a client of the gateway's or of an upstream's response."""
    previous = None if number == 0 else f"resp_{number - 1}"
    turn = Turn({"input": f"{number}", "previous_response_id": previous}, store)
    if origin is None:
        turn.expanded()
    else:
        turn.passed(origin, Loss("responses"))
    turn.keep(told({"id": f"resp_{number}", "status": "completed", "output": []}))


def said(store: Namespace, previous: str) -> list[str]:
    body = Turn({"input": [], "previous_response_id": previous}, store).expanded()
    return [item["content"] for item in body["input"]]


@pytest.mark.parametrize("origin", [None, "only-openai"])
def test_a_long_chain_is_read_in_few_goes(
    backend: _CountingBackend, store: Namespace, origin: str | None
) -> None:
    for number in range(200):
        add(store, number, origin)
    backend.reads = 0
    assert said(store, "resp_199") == [f"{number}" for number in range(200)]
    assert backend.reads <= 8
    backend.reads = 0
    assert len(context("resp_199", store)) == 200
    assert backend.reads <= 9


def test_a_chain_is_read_whatever_its_turns_name(store: Namespace) -> None:
    """Those that an older gateway stored name none but the one before."""
    ids = [f"old_{number}" for number in range(5)]
    for before, id_ in pairwise([None, *ids]):
        done = told({"id": id_, "status": "completed", "output": []})
        Responses(store).put(done, [{"role": "user", "content": id_}], previous=before)
    for number, before in enumerate(["old_4", "new_0", "new_1"]):
        turn = Turn({"input": f"new_{number}", "previous_response_id": before}, store)
        turn.expanded()
        turn.keep(told({"id": f"new_{number}", "status": "completed", "output": []}))
    assert said(store, "new_2") == [*ids, "new_0", "new_1", "new_2"]


def test_items_are_listed_under_ids_of_their_own(store: Namespace) -> None:
    """Else a client that asks for page after page would come back to one that it had."""
    rule = {"type": "message", "id": "msg_rule", "role": "system", "content": "Be brief."}
    nameless = {"type": "message", "role": "assistant", "content": []}
    for previous, id_ in pairwise([None, "resp_1", "resp_2"]):
        turn = Turn({"input": [rule], "previous_response_id": previous}, store)
        turn.passed("only-openai", Loss("responses"))
        turn.keep(told({"id": id_, "status": "completed", "output": [nameless, nameless]}))
    ids = [item["id"] for item in context("resp_2", store)]
    assert len(set(ids)) == len(ids) == 4
    assert ids[0] == "msg_rule"
    assert ids == [item["id"] for item in context("resp_2", store)]
    assert (
        page(context("resp_2", store), {"after": ids[2], "order": "asc"})["data"][0]["id"] == ids[3]
    )


def test_a_link_that_is_gone_is_named(store: Namespace) -> None:
    for number in range(10):
        add(store, number)
    Responses(store).delete("resp_4")
    with pytest.raises(ApiError, match="'resp_4' not found") as caught:
        said(store, "resp_9")
    assert caught.value.code == "previous_response_not_found"


def test_a_chain_that_is_too_long_is_told_so(store: Namespace) -> None:
    """Nothing of it is missing: a client that looks for what it named would find it."""
    for number in range(1001):
        add(store, number, "only-openai")  # which is told of the turn before by its id only
    with pytest.raises(ApiError, match="'resp_1000' ends a chain of more than 1000") as caught:
        said(store, "resp_1000")
    assert caught.value.code == "previous_response_not_found"
