"""Chains of responses, and references to their items."""

from typing import Any

import pytest

from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.state import Namespace, Store, expand, remember
from wsgi_gateway.state.memory import MemoryBackend

ANSWER = {"type": "message", "id": "msg_1", "role": "assistant", "content": []}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "done"}


def new_store() -> Namespace:
    return Store(MemoryBackend(ttl=60, max_items=1000), "memory").within("")


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def test_a_chain_is_expanded_in_order() -> None:
    store = new_store()
    remember({"input": "one"}, {"id": "resp_1", "output": [ANSWER]}, store)
    second = {"input": [user("two")], "previous_response_id": "resp_1"}
    remember(second, {"id": "resp_2", "output": [CALL]}, store)
    body = expand({"input": [RESULT], "previous_response_id": "resp_2"}, store)
    assert body["input"] == [user("one"), ANSWER, user("two"), CALL, RESULT]
    assert body["previous_response_id"] == "resp_2"


@pytest.mark.parametrize("kind", [{"type": "item_reference"}, {"type": None}, {}])
def test_references_become_the_items_that_they_mean(kind: dict[str, Any]) -> None:
    store = new_store()
    remember({"input": "one"}, {"id": "resp_1", "output": [ANSWER, CALL]}, store)
    given = [user("one"), {"id": "msg_1", **kind}, {"id": "fc_1", **kind}, RESULT]
    assert expand({"input": given}, store)["input"] == [user("one"), ANSWER, CALL, RESULT]


def test_references_within_stored_turns_are_resolved_too() -> None:
    store = new_store()
    remember({"input": "one"}, {"id": "resp_1", "output": [CALL]}, store)
    given = [user("one"), {"type": "item_reference", "id": "fc_1"}, RESULT]
    remember({"input": given}, {"id": "resp_2", "output": [ANSWER]}, store)
    body = expand({"input": "three", "previous_response_id": "resp_2"}, store)
    assert body["input"] == [user("one"), CALL, RESULT, ANSWER, user("three")]


@pytest.mark.parametrize("id_", ["msg_9", "resp_1", "item msg_1", None, 1])
def test_a_reference_to_nothing_stays(id_: Any) -> None:
    store = new_store()
    remember({"input": "one"}, {"id": "resp_1", "output": [ANSWER]}, store)
    given = [{"type": "item_reference", "id": id_}]
    assert expand({"input": given}, store)["input"] == given


@pytest.mark.parametrize("id_", ["resp_?", "msg_1", "item msg_1", 1])
def test_an_unknown_id_is_the_documented_error(id_: Any) -> None:
    store = new_store()
    remember({"input": "one"}, {"id": "resp_1", "output": [ANSWER]}, store)
    with pytest.raises(ApiError) as caught:
        expand({"input": "x", "previous_response_id": id_}, store)
    assert caught.value.code == "previous_response_not_found"
    assert caught.value.param == "previous_response_id"


def test_store_false_is_honoured() -> None:
    store = new_store()
    remember({"input": "one", "store": False}, {"id": "resp_1", "output": [ANSWER]}, store)
    with pytest.raises(ApiError):
        expand({"input": "two", "previous_response_id": "resp_1"}, store)
    reference = [{"type": "item_reference", "id": "msg_1"}]
    assert expand({"input": reference}, store)["input"] == reference
