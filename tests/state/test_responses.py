"""Responses as they are kept, one by one. Not here: chains of them (test_turn.py)."""

from typing import Any

import msgspec
import pytest

from wsgi_gateway.state import Responses, Store, passed, told
from wsgi_gateway.state.memory import MemoryBackend

MESSAGE = {"type": "message", "id": "msg_1", "content": []}
ANONYMOUS: dict[str, Any] = {"type": "custom"}
RESPONSE = {"id": "resp_1", "status": "completed", "output": [MESSAGE, ANONYMOUS], "more": 1}


def kept(origin: str | None = None) -> Responses:
    responses = Responses(Store(MemoryBackend(ttl=60, max_items=1000), "memory").within(""))
    responses.put(
        told(RESPONSE), [{"role": "user", "content": "Hi"}], previous="resp_0", origin=origin
    )
    return responses


def test_the_object_comes_back_as_it_was() -> None:
    stored = kept("only-openai").response("resp_1")
    assert stored is not None
    assert msgspec.json.decode(stored.response) == RESPONSE
    assert stored.origin == "only-openai"


def test_a_turn_has_its_input_and_output_and_the_way_back() -> None:
    turn = kept().turn("resp_1")
    assert turn is not None
    assert turn.input == [{"role": "user", "content": "Hi"}]
    assert turn.response.output == [MESSAGE, ANONYMOUS]
    assert (turn.previous, turn.origin) == ("resp_0", None)


def test_items_are_known_by_their_ids() -> None:
    for origin in (None, "only-openai"):
        known = kept(origin).items(["msg_1", "resp_1", "msg_2"])
        assert known == {"msg_1": (MESSAGE, origin)}


def test_what_is_deleted_is_gone_with_its_items() -> None:
    responses = kept()
    assert responses.delete("resp_1")
    assert responses.response("resp_1") is None
    assert responses.turn("resp_1") is None
    assert responses.items(["msg_1"]) == {}
    assert not responses.delete("resp_1")


def test_what_passed_is_kept_byte_for_byte() -> None:
    raw = b'{ "output": [{"id":"msg_1"},{"id":7},{}], "id": "resp_1", "status":"queued", "x":1e2 }'
    response = passed(msgspec.Raw(raw))
    assert response is not None
    assert (response.id, response.status, response.item_ids) == ("resp_1", "queued", ["msg_1"])
    responses = Responses(Store(MemoryBackend(ttl=60, max_items=1000), "memory").within(""))
    responses.put(response, [])
    stored = responses.response("resp_1")
    assert stored is not None
    assert (bytes(stored.response), stored.is_open) == (raw, True)


@pytest.mark.parametrize(
    "odd", [b"1", b"{}", b'{"id":1,"output":[]}', b'{"id":"r","output":3}', b'{"id":"r"}']
)
def test_what_cannot_be_asked_for_is_no_response(odd: bytes) -> None:
    assert passed(msgspec.Raw(odd)) is None


def test_a_response_changes_with_its_items() -> None:
    responses = kept()
    other = {"type": "message", "id": "msg_2"}
    changed = responses.change("resp_1", {"status": "cancelled", "output": [other]})
    assert changed == {**RESPONSE, "status": "cancelled", "output": [other]}
    assert list(responses.items(["msg_1", "msg_2"])) == ["msg_2"]
    turn = responses.turn("resp_1")
    assert turn is not None
    assert turn.previous == "resp_0"
    assert responses.change("resp_9", {}) is None
