"""Chains of responses."""

import pytest

from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.state import MemoryStore, expand, remember


def test_a_chain_is_expanded_in_order() -> None:
    store = MemoryStore()
    remember({"input": "one"}, {"id": "resp_1", "output": ["a"]}, store)
    second = {"input": [{"role": "user", "content": "two"}], "previous_response_id": "resp_1"}
    remember(second, {"id": "resp_2", "output": ["b"]}, store)
    body = expand({"input": "three", "previous_response_id": "resp_2"}, store)
    assert body["input"] == [
        {"role": "user", "content": "one"},
        "a",
        {"role": "user", "content": "two"},
        "b",
        {"role": "user", "content": "three"},
    ]
    assert body["previous_response_id"] == "resp_2"


def test_an_unknown_id_is_the_documented_error() -> None:
    with pytest.raises(ApiError) as caught:
        expand({"input": "x", "previous_response_id": "resp_?"}, MemoryStore())
    assert caught.value.code == "previous_response_not_found"
    assert caught.value.param == "previous_response_id"


def test_store_false_is_honoured() -> None:
    store = MemoryStore()
    remember({"input": "one", "store": False}, {"id": "resp_1", "output": []}, store)
    assert store.get("resp_1") is None
