"""What a connection remembers that is stored nowhere, and what it goes on from with each upstream."""

from __future__ import annotations

from typing import Any

import pytest

from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.state import ConnectionState, Namespace, Responses, Store, Turn, context, told
from wsgi_gateway.state.connection import SharedBound
from wsgi_gateway.state.memory import MemoryBackend

Json = dict[str, Any]
THEIRS = "provider"


@pytest.fixture
def store() -> Namespace:
    return Store(MemoryBackend(60, 1000), "memory").within("tenant")


def message(text: str) -> Json:
    return {"role": "user", "content": text}


def said(text: str) -> Json:
    return {"type": "message", "id": f"msg_{text}", "role": "assistant", "content": text}


def take(
    state: Namespace,
    id_: str,
    previous: str | None = None,
    origin: str | None = None,
    output: list[Json] | None = None,
    **more: Any,
) -> Json | None:
    """One turn, with the response ``id_``: what the upstream is asked."""
    body = {"input": id_, "store": False, "previous_response_id": previous, **more}
    turn = Turn(body, state)
    asked = turn.passed(origin, Loss("responses")) if origin else turn.expanded()
    items = [said(id_)] if output is None else output
    turn.keep(told({"id": id_, "status": "completed", "output": items}))
    return asked


def input_of(asked: Json | None) -> list[Any]:
    assert asked is not None
    return [item["content"] for item in asked["input"]]


def test_what_is_stored_nowhere_is_there_on_the_connection(store: Namespace) -> None:
    state = ConnectionState().over(store)
    take(state, "one")
    asked = take(state, "two", "one")
    assert input_of(asked) == ["one", "one", "two"]
    assert Responses(store).turn("one") is None
    with pytest.raises(ApiError, match="'one' not found"):
        take(ConnectionState().over(store), "two", "one")


def test_what_is_to_be_stored_is_stored(store: Namespace) -> None:
    take(ConnectionState().over(store), "one", store=True)
    asked = take(ConnectionState().over(store), "two", "one")
    assert input_of(asked) == ["one", "one", "two"]


def test_what_is_stored_behind_what_is_not_is_whole_or_refused(store: Namespace) -> None:
    """The client wants the turn before stored nowhere, so who comes back later has to say it again."""
    state = ConnectionState().over(store)
    take(state, "one")
    take(state, "two", "one", store=True)
    assert input_of(take(state, "three", "two")) == ["one", "one", "two", "two", "three"]
    assert Responses(store).response("two") is not None
    for ask in (lambda: take(store, "four", "two"), lambda: context("two", store)):
        with pytest.raises(ApiError, match="'one' not found") as refused:
            ask()
        assert refused.value.code == "previous_response_not_found"


def test_references_are_resolved(store: Namespace) -> None:
    state = ConnectionState().over(store)
    take(state, "one")
    asked = take(state, "two", input=[{"type": "item_reference", "id": "msg_one"}])
    assert asked is not None
    assert asked["input"] == [said("one")]


def test_what_is_forgotten_is_gone_on_the_connection_alone(store: Namespace) -> None:
    connection = ConnectionState()
    state = connection.over(store)
    take(state, "kept", store=True)
    take(state, "lost")
    for id_ in ("kept", "lost", "unknown"):
        connection.forget(id_)
    assert take(state, "more", "kept")
    with pytest.raises(ApiError) as error:
        take(state, "more", "lost")
    assert error.value.code == "previous_response_not_found"


def test_all_else_is_the_stores(store: Namespace) -> None:
    state = ConnectionState().over(store)
    assert [state.append("log", [b"a"]), store.append("log", [b"b"])] == [0, 1]
    assert (state.read("log"), state.length("log")) == ([b"a", b"b"], 2)
    state.put({"key": b"value"})
    assert store.get(["key"]) == {"key": b"value"}
    state.delete(["key", "log"])
    assert state.get(["key"]) == {}
    assert store.length("log") == 0


def test_it_is_bounded(store: Namespace) -> None:
    state = ConnectionState(most_values=4).over(store)
    for number in range(3):
        take(state, str(number))
    assert [Responses(state).turn(str(number)) is None for number in range(3)] == [
        True,
        False,
        False,
    ]
    state = ConnectionState(most_bytes=3000).over(store)
    for number in range(3):
        take(state, str(number), input="x" * 1200)
    assert Responses(state).turn("0") is None
    assert Responses(state).turn("2") is not None


def test_all_of_a_process_are_bounded_together(store: Namespace) -> None:
    """Where it is too much, the connection that holds most gives its oldest away."""
    shared = SharedBound(most_bytes=9000)
    large, small = (ConnectionState(shared=shared) for _ in range(2))
    for number in range(4):
        take(large.over(store), f"large {number}", input="x" * 1200)
    take(small.over(store), "small", input="x" * 1200)
    assert shared.size <= 9000

    def kept(connection: ConnectionState, *ids: str) -> list[bool]:
        return [Responses(connection.over(store)).turn(id_) is not None for id_ in ids]

    assert kept(large, *(f"large {number}" for number in range(4))) == [True] * 4
    take(small.over(store), "small again", input="x" * 2400)
    assert shared.size <= 9000
    assert kept(large, "large 0", "large 3") == [False, True]
    assert kept(small, "small", "small again") == [True, True]
    with pytest.raises(ApiError, match="'large 0' not found") as refused:
        take(large.over(store), "more", "large 0")
    assert refused.value.code == "previous_response_not_found"
    before = shared.size
    small.forget("small again")
    assert shared.size < before - 2400
    small.close()
    large.close()
    assert shared.size == 0


def test_an_upstream_with_state_is_told_what_it_did_not_store(store: Namespace) -> None:
    state = ConnectionState().over(store)
    assert take(state, "stored", origin=THEIRS, store=True) is None, "it can go as it came"
    first = take(state, "one", "stored", THEIRS)
    assert first is None, "the upstream knows what it stored"
    second = take(state, "two", "one", THEIRS)
    assert second is not None
    assert second["previous_response_id"] == "stored"
    assert input_of(second) == ["one", "one", "two"]
    third = take(state, "three", "two", THEIRS)
    assert input_of(third) == ["one", "one", "two", "two", "three"]
    elsewhere = take(state, "four", "three")
    assert input_of(elsewhere)[:2] == ["stored", "stored"]


def test_what_only_the_upstream_knows_is_left_to_it(store: Namespace) -> None:
    state = ConnectionState().over(store)
    take(state, "one", "of the upstream's own", THEIRS)
    asked = take(state, "two", "one", THEIRS)
    assert asked is not None
    assert asked["previous_response_id"] == "of the upstream's own"
    assert input_of(asked) == ["one", "one", "two"]


def test_what_another_made_is_told_whole(store: Namespace) -> None:
    state = ConnectionState().over(store)
    take(state, "zero")
    take(state, "one", "zero", THEIRS)
    asked = take(state, "two", "one", THEIRS)
    assert asked is not None
    assert "previous_response_id" not in asked
    assert input_of(asked) == ["zero", "zero", "one", "one", "two"]


def test_a_thought_without_its_proof_is_lost(store: Namespace) -> None:
    """An upstream takes a thought by its id only if it stored it."""
    state = ConnectionState().over(store)
    bare = {"type": "reasoning", "id": "rs_1", "summary": []}
    proven = {**bare, "id": "rs_2", "encrypted_content": "proof"}
    take(state, "one", origin=THEIRS, output=[bare, proven, said("one")])
    asked = take(state, "two", "one", THEIRS)
    assert asked is not None
    assert asked["input"] == [message("one"), proven, said("one"), message("two")]


def test_an_upstream_that_gives_every_response_the_same_id(store: Namespace) -> None:
    state = ConnectionState().over(store)
    take(state, "same", origin=THEIRS)
    take(state, "same", "same", THEIRS)
    with pytest.raises(ApiError, match="'same' ends a chain of more than 1000"):
        take(state, "same", "same", THEIRS)
