"""What the messages of a Chat Completions client become, each part with its place."""

import json
from typing import Any

import pytest

from wsgi_gateway.protocols.chat_completions import read_request
from wsgi_gateway.protocols.conversation import (
    Audio,
    Document,
    Image,
    Item,
    Message,
    Proof,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.seal import seal

EXTRA_PATH = "tool_calls[0].extra_content"
CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def items(*messages: dict[str, Any], loss: Loss | None = None) -> list[Item]:
    body = {"model": "m", "messages": list(messages)}
    return read_request(body, loss or Loss("chat_completions")).items


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


def test_every_part_of_a_user() -> None:
    mark = {"prompt_cache_breakpoint": {"mode": "explicit"}}
    (message,) = items(
        user(
            {"type": "text", "text": "Hi", **mark},
            {"type": "image_url", "image_url": {"url": "https://x.test/a.png", "detail": "low"}},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}, **mark},
            {"type": "file", "file": {"file_data": "data:text/plain;base64,SGk=", "filename": "n"}},
            {"type": "file", "file": {"file_id": "file-1"}},
        )
    )
    cache = {"type": "ephemeral"}
    assert message == Message(
        role="user",
        parts=[
            Text(words="Hi", cache=cache),
            Image(url="https://x.test/a.png", detail="low"),
            Audio(data="AAAA", format="wav", cache=cache),
            Document(data="SGk=", media_type="text/plain", filename="n"),
            Document(file_id="file-1"),
        ],
    )


@pytest.mark.parametrize("ttl", ["30m", "12h"])
def test_a_breakpoint_keeps_its_time_and_place(ttl: str) -> None:
    mark, loss = {"mode": "explicit", "ttl": ttl}, Loss("chat_completions")
    part = {"type": "text", "text": "Hi", "prompt_cache_breakpoint": mark}
    (message,) = items(user(part), loss=loss)
    assert isinstance(message, Message)
    (text,) = message.parts
    assert text == Text(words="Hi", cache={"type": "ephemeral", "ttl": ttl})
    loss.dropped(text.cache)
    place = "messages[0].content[0].prompt_cache_breakpoint.ttl"
    assert [entry.path for entry in loss.entries] == [place]


def test_everything_knows_its_place() -> None:
    loss = Loss("chat_completions")
    found = items(
        {"role": "system", "content": "Be brief."},
        user({"type": "text", "text": "Hi"}),
        {
            "role": "assistant",
            "reasoning": "hm",
            "content": "ok",
            "refusal": "no",
            "tool_calls": [CALL],
        },
        {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "x"}]},
        loss=loss,
    )
    for item in found:
        loss.dropped(item, "")
        for part in item.parts if isinstance(item, Message | ToolResult) else ():
            loss.dropped(part, "")
    assert [entry.path for entry in loss.entries] == [
        "messages[0]",
        "messages[0].content",
        "messages[1]",
        "messages[1].content[0]",
        "messages[2].reasoning",
        "messages[2]",
        "messages[2].content",
        "messages[2].refusal",
        "messages[2].tool_calls[0]",
        "messages[3]",
        "messages[3].content[0]",
    ]


@pytest.mark.parametrize(
    ("message", "param"),
    [
        (user({"type": "text"}), "content[0].text"),
        (user({"type": "image_url"}), "content[0].image_url"),
        (user({"type": "text", "text": ""}, {"type": "input_audio"}), "content[1].input_audio"),
        (user({"type": "input_audio", "input_audio": {"data": 3}}), "content[0].input_audio.data"),
        (user({"type": "file"}), "content[0].file"),
        (user({"type": "file", "file": {}}), "content[0].file.file_data"),
        (user({"type": "video"}), "content[0]"),
        ({"role": "assistant", "audio": {"id": "x"}}, "audio"),
        ({"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}, "tool_calls[0].id"),
        ({"role": "assistant", "tool_calls": [{"id": "a"}]}, "tool_calls[0].function.name"),
        (
            {"role": "assistant", "tool_calls": [{"id": "a", "custom": {"input": "x"}}]},
            "tool_calls[0].custom.name",
        ),
        ({"role": "assistant", "function_call": {"arguments": "{}"}}, "function_call.name"),
        ({"role": "tool", "content": "x"}, "tool_call_id"),
        ({"role": "assistant", "tool_calls": [{**CALL, "extra_content": 3}]}, EXTRA_PATH),
    ],
)
def test_a_refusal_names_the_exact_path(message: dict[str, Any], param: str) -> None:
    with pytest.raises(ApiError) as caught:
        items({"role": "user", "content": "Hi"}, message)
    assert caught.value.param == f"messages[1].{param}"


def test_what_the_gateway_sealed_is_its_providers_proof_again() -> None:
    proof = Proof(kind="details", value="[]", origin="prov")
    detail = {"type": "reasoning.text", "text": "hm", "signature": seal(proof)}
    found = items({"role": "assistant", "reasoning_content": "hm", "reasoning_details": [detail]})
    assert found == [Reasoning(text="hm", proof=proof)]


def test_a_token_that_was_cut_is_noted_and_left_out() -> None:
    loss = Loss("chat_completions")
    cut = seal(Proof(kind="encrypted", value="x" * 40))[:-9]
    detail = {"type": "reasoning.encrypted", "data": cut}
    assert items({"role": "assistant", "reasoning_details": [detail]}, loss=loss) == []
    assert [entry.path for entry in loss.entries] == ["messages[0].reasoning_details[0]"]


def test_what_a_host_proved_goes_back_as_it_came() -> None:
    details = [
        {"type": "reasoning.text", "text": "hm", "signature": "S", "index": 0},
        {"type": "reasoning.encrypted", "data": "D", "index": 1},
    ]
    extra = {"google": {"thought_signature": "T"}}
    found = items(
        {
            "role": "assistant",
            "content": "ok",
            "reasoning_details": details,
            "tool_calls": [{**CALL, "extra_content": extra}],
        }
    )
    thought, said, proof, call = found
    assert isinstance(thought, Reasoning) and thought.proof is not None
    assert (thought.text, thought.proof.kind, thought.proof.origin) == ("hm", "details", None)
    assert json.loads(thought.proof.value) == details
    assert isinstance(said, Message)
    assert isinstance(proof, Reasoning) and proof.proof is not None
    assert (proof.text, proof.proof.kind, proof.proof.item_id) == ("", "call", "a")
    assert json.loads(proof.proof.value) == extra
    assert call == ToolCall(id="a", name="f", arguments="{}")


def test_deprecated_calls_pair_up() -> None:
    found = items(
        {"role": "assistant", "function_call": {"name": "f", "arguments": '{"x":1}'}},
        {"role": "function", "name": "f", "content": "one"},
    )
    assert found == [
        ToolCall(id="call_function_1", name="f", arguments='{"x":1}'),
        ToolResult(call_id="call_function_1", parts=[Text(words="one")]),
    ]


def test_a_refusal_and_a_name() -> None:
    loss = Loss("chat_completions")
    said = [{"type": "text", "text": ""}, {"type": "refusal", "refusal": "no"}]
    found = items(
        {"role": "assistant", "name": "bot", "content": said},
        {"role": "assistant", "name": "bot", "tool_calls": [CALL]},
        loss=loss,
    )
    assert found[0] == Message(role="assistant", name="bot", parts=[Refusal(text="no")])
    assert [entry.path for entry in loss.entries] == ["messages[1].name"]


def test_a_custom_call() -> None:
    call = {"id": "a", "type": "custom", "custom": {"name": "patch", "input": " say\n"}}
    assert items({"role": "assistant", "tool_calls": [call]}) == [
        ToolCall(id="a", name="patch", arguments=" say\n", custom=True)
    ]
