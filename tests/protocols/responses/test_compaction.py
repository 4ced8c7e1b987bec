"""Compaction items of the gateway's own: sealed, opened, and what stands in their place."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgi_gateway.protocols.conversation import Message, Proof, Text, ToolCall, ToolResult
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.responses import read_request
from wsgi_gateway.protocols.responses.compaction import (
    LEAD_IN,
    Compaction,
    expanded,
    is_summary,
    seal_compaction,
    unseal_compaction,
    with_compactions_open,
)
from wsgi_gateway.protocols.seal import seal

WORDS = st.text(st.characters(codec="utf-8"), max_size=9)
ITEMS = st.lists(st.fixed_dictionaries({"role": st.just("user"), "content": WORDS}), max_size=2)
LOSS = Loss("responses")
HELLO = {"role": "user", "content": "Hello"}
RULES = {"role": "developer", "content": "Be brief."}
CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "c", "output": "done"}
SUMMED_UP = {"type": "message", "role": "user", "content": LEAD_IN + "They met."}


def item(*, before: Any = None, after: Any = ()) -> dict[str, Any]:
    token = seal_compaction(Compaction("They met.", before, list(after)))
    return {"type": "compaction", "id": "cmp_1", "encrypted_content": token}


def text(role: Any, words: str) -> Message:
    return Message(role=role, parts=[Text(words=words)])


@given(WORDS, st.none() | ITEMS, ITEMS)
def test_what_is_sealed_is_unsealed(summary: str, before: Any, after: Any) -> None:
    compaction = Compaction(summary, before, after)
    token = seal_compaction(compaction)
    assert token.isascii()
    assert unseal_compaction(token, "x") == compaction


@pytest.mark.parametrize("token", [None, "", "gAAAAAB", "wsgi-gateway"])
def test_what_another_made_is_not_ours(token: str | None) -> None:
    assert unseal_compaction(token, "x") is None


@pytest.mark.parametrize(
    "token",
    [
        seal_compaction(Compaction("They met."))[:-4],
        seal_compaction(Compaction("They met.")) + "A",
        seal(Proof(kind="signature", value="abc")),
    ],
)
def test_what_was_damaged_is_refused_by_name(token: str) -> None:
    with pytest.raises(ApiError) as refused:
        unseal_compaction(token, "input[3].encrypted_content")
    assert refused.value.kind == "invalid_request"
    assert refused.value.param == "input[3].encrypted_content"


def test_one_without_items_before_it_stands_where_it_is() -> None:
    assert expanded([RULES, item(), HELLO]) == [RULES, SUMMED_UP, HELLO]


def test_one_with_items_before_it_stands_for_all_before() -> None:
    whole = item(before=[RULES], after=[CALL, RESULT])
    assert expanded([HELLO, item(), whole, HELLO]) == [RULES, SUMMED_UP, CALL, RESULT, HELLO]
    assert expanded([HELLO, item(before=[])]) == [SUMMED_UP]


def test_what_precedes_a_trigger_is_left_in_messages() -> None:
    history = [RULES, SUMMED_UP, HELLO, CALL, RESULT, {"role": "assistant", "content": "Hi"}]
    asked = [*history, {"type": "compaction_trigger"}]
    left = [RULES, HELLO, SUMMED_UP, HELLO]
    assert expanded([*asked, item(), HELLO]) == left

    conversation = read_request({"model": "m", "input": [*asked, item(), HELLO]}, LOSS)
    assert conversation.items == read_request({"model": "m", "input": left}, LOSS).items
    assert not conversation.compacts
    assert read_request({"model": "m", "input": asked}, LOSS).compacts


@pytest.mark.parametrize("behind", [HELLO, {"type": "compaction_trigger"}, CALL])
def test_a_trigger_is_the_last_item(behind: Any) -> None:
    asked = [HELLO, {"type": "compaction_trigger"}, behind]
    with pytest.raises(ApiError) as refused:
        read_request({"model": "m", "input": asked}, LOSS)
    assert refused.value.param == "input[1]"


@pytest.mark.parametrize(
    "other",
    [
        "no item",
        {"type": "compaction", "encrypted_content": "gAAAAAB"},
        {"type": "compaction", "encrypted_content": 3},
        {"type": "reasoning", "encrypted_content": item()["encrypted_content"]},
    ],
)
def test_everything_else_stays(other: Any) -> None:
    assert expanded([other]) == [other]


def test_a_body_is_opened_where_it_has_items() -> None:
    body = {"model": "m", "input": [item(), HELLO]}
    assert with_compactions_open(body) == {"model": "m", "input": [SUMMED_UP, HELLO]}
    for other in ({"input": "text"}, {}):
        assert with_compactions_open(other) == other


def test_its_message_is_known_again() -> None:
    assert is_summary(SUMMED_UP)
    assert not is_summary(HELLO)
    assert not is_summary({"role": "user", "content": [{"type": "input_text", "text": LEAD_IN}]})


def test_a_request_is_read_with_what_it_stands_for() -> None:
    whole = item(before=[RULES], after=[CALL, RESULT])
    conversation = read_request({"model": "m", "input": [HELLO, whole, HELLO]}, Loss("responses"))
    assert conversation.items == [
        text("developer", "Be brief."),
        text("user", LEAD_IN + "They met."),
        ToolCall(id="c", name="f", arguments="{}"),
        ToolResult(call_id="c", parts=[Text(words="done")]),
        text("user", "Hello"),
    ]


def test_what_it_stands_for_is_placed_where_it_stood() -> None:
    loss = Loss("responses")
    whole = item(before=[], after=[{"role": "user", "content": [{"type": "input_audio"}]}])
    with pytest.raises(ApiError) as refused:
        read_request({"model": "m", "input": [HELLO, whole]}, loss)
    assert refused.value.param == "input[1].content[0].input_audio"


@pytest.mark.parametrize("forged", [{"role": 3}, {"type": "item_of_2031"}, {"tools": 5}])
def test_a_forged_one_is_an_error_of_the_client(forged: Any) -> None:
    with pytest.raises(ApiError) as refused:
        read_request({"model": "m", "input": [item(before=[forged])]}, Loss("responses"))
    assert refused.value.kind == "invalid_request"
