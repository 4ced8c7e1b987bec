"""Items of all forms, as clients write them and as they send back what they got."""

from typing import Any

import pytest

from wsgi_gateway.protocols.conversation import (
    Audio,
    Document,
    Image,
    Item,
    Message,
    Part,
    Proof,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.responses import read_request
from wsgi_gateway.protocols.responses.items import reasoning
from wsgi_gateway.protocols.seal import seal

SILENT = {"type": "input_audio"}
SIGNED = Proof(kind="signature", value="U0lH", origin="anthropic")


def items(*given: dict[str, Any], loss: Loss | None = None) -> list[Item]:
    body = {"model": "m", "input": list(given)}
    return read_request(body, loss or Loss("responses")).items


def part(given: dict[str, Any]) -> Part:
    (message,) = items({"role": "user", "content": [given]})
    assert isinstance(message, Message)
    return message.parts[0]


def test_a_string_is_a_user_message() -> None:
    read = read_request({"model": "m", "input": "hi"}, Loss("responses"))
    assert read.items == [Message(role="user", parts=[Text(words="hi")])]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"role": "user", "content": "a"}, Message(role="user", parts=[Text(words="a")])),
        (
            {
                "type": "message",
                "role": "developer",
                "content": [{"type": "input_text", "text": "a"}],
            },
            Message(role="developer", parts=[Text(words="a")]),
        ),
        ({"role": "system", "content": "a"}, Message(role="system", parts=[Text(words="a")])),
        ({"role": "assistant", "content": "a"}, Message(role="assistant", parts=[Text(words="a")])),
        (
            {
                "type": "message",
                "id": "msg_1",
                "status": "completed",
                "role": "assistant",
                "phase": "final_answer",
                "content": [
                    {"type": "output_text", "text": "a", "annotations": [], "logprobs": []},
                    {"type": "refusal", "refusal": "no"},
                ],
            },
            Message(
                role="assistant", parts=[Text(words="a"), Refusal(text="no")], phase="final_answer"
            ),
        ),
        (
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a": 1}'},
            ToolCall(id="c", name="f", arguments='{"a": 1}'),
        ),
        (
            {
                "type": "function_call",
                "call_id": "c",
                "name": "f",
                "namespace": "n",
                "arguments": "",
            },
            ToolCall(id="c", name="f", arguments="{}", namespace="n"),
        ),
        (
            {"type": "custom_tool_call", "call_id": "c", "name": "p", "input": "*** Begin"},
            ToolCall(id="c", name="p", arguments="*** Begin", custom=True),
        ),
        (
            {"type": "function_call_output", "call_id": "c", "output": "done"},
            ToolResult(call_id="c", parts=[Text(words="done")]),
        ),
        (
            {
                "type": "custom_tool_call_output",
                "call_id": "c",
                "output": [
                    {"type": "input_text", "text": "see"},
                    {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
                ],
            },
            ToolResult(
                call_id="c",
                parts=[Text(words="see"), Image(data="AAAA", media_type="image/png")],
            ),
        ),
    ],
)
def test_items(given: dict[str, Any], expected: Item) -> None:
    assert items(given) == [expected]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {
                "id": "rs_1",
                "summary": [{"type": "summary_text", "text": "a"}],
                "encrypted_content": "E",
            },
            Reasoning(text="a", proof=Proof(kind="encrypted", value="E", item_id="rs_1")),
        ),
        (
            {"summary": [], "encrypted_content": seal(SIGNED)},
            Reasoning(text="", proof=SIGNED),
        ),
        (
            {
                "id": "rs_1",
                "summary": [
                    {"type": "summary_text", "text": "a"},
                    {"type": "summary_text", "text": "b"},
                ],
                "encrypted_content": None,
            },
            Reasoning(text="a\n\nb", proof=Proof(kind="none")),
        ),
        (
            {"id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "raw"}]},
            Reasoning(text="raw", proof=Proof(kind="none")),
        ),
    ],
)
def test_reasoning(given: dict[str, Any], expected: Reasoning) -> None:
    assert items({"type": "reasoning", **given}) == [expected]


def test_a_seal_that_was_tampered_with_proves_nothing() -> None:
    loss = Loss("responses")
    token = seal(SIGNED)[:-5]
    (item,) = items({"type": "reasoning", "summary": [], "encrypted_content": token}, loss=loss)
    assert item == Reasoning(text="", proof=Proof(kind="none"))
    assert [entry.path for entry in loss.entries] == ["input[0].encrypted_content"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
            Text(words="a", cache={"type": "ephemeral"}),
        ),
        (
            {
                "type": "input_text",
                "text": "a",
                "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"},
            },
            Text(words="a", cache={"type": "ephemeral", "ttl": "12h"}),
        ),
        (
            {"type": "input_image", "image_url": "https://x.test/a.png", "detail": "high"},
            Image(url="https://x.test/a.png", detail="high"),
        ),
        ({"type": "input_image", "file_id": "file_1"}, Image(file_id="file_1")),
        (
            {
                "type": "input_file",
                "filename": "a.pdf",
                "file_data": "data:application/pdf;base64,QQ==",
            },
            Document(data="QQ==", media_type="application/pdf", filename="a.pdf"),
        ),
        (
            {"type": "input_file", "file_data": "QQ=="},
            Document(data="QQ==", media_type="application/pdf"),
        ),
        (
            {"type": "input_file", "file_url": "https://x.test/a.pdf"},
            Document(url="https://x.test/a.pdf"),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "wav"}},
            Audio(data="QQ==", format="wav"),
        ),
    ],
)
def test_parts(given: dict[str, Any], expected: Part) -> None:
    assert part(given) == expected


def test_a_breakpoint_lives_as_long_as_the_request_says() -> None:
    marked = {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}}
    loss = Loss("responses")
    body = {"model": "m", "input": [{"role": "user", "content": [marked]}]}
    (message,) = read_request({**body, "prompt_cache_options": {"ttl": "12h"}}, loss).items
    assert isinstance(message, Message)
    (text,) = message.parts
    assert text == Text(words="a", cache={"type": "ephemeral", "ttl": "12h"})
    loss.dropped(text.cache)
    assert [entry.path for entry in loss.entries] == ["prompt_cache_options.ttl"]


def test_citations_of_an_earlier_answer_are_told() -> None:
    loss = Loss("responses")
    cited = {"type": "output_text", "text": "a", "annotations": [{"type": "url_citation"}]}
    plain = {"type": "output_text", "text": "b", "annotations": []}
    items({"role": "assistant", "content": [plain, cited]}, loss=loss)
    noted = [(entry.path, entry.verdict) for entry in loss.entries]
    assert noted == [("input[0].content[1].annotations", "dropped")]


def test_everything_has_its_place() -> None:
    loss = Loss("responses")
    text = {"type": "input_text", "text": "a"}
    read = items(
        {"role": "user", "content": [text, text]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": [text, text]},
        {"type": "reasoning", "summary": []},
        loss=loss,
    )
    message, call, result, thought = read
    assert isinstance(message, Message) and isinstance(result, ToolResult)
    things = [message, message.parts[1], call, result, result.parts[1], thought]
    for thing in things:
        loss.dropped(thing)
    assert [entry.path for entry in loss.entries] == [
        "input[0]",
        "input[0].content[1]",
        "input[1]",
        "input[2]",
        "input[2].output[1]",
        "input[3]",
    ]


@pytest.mark.parametrize("kind", ["details", "call", "redacted", "encrypted"])
def test_proofs_of_other_providers_come_back_as_they_were(kind: Any) -> None:
    proof = Proof(kind=kind, value='[{"data":"x"}]', item_id="call_1", origin="gemini")
    written = reasoning("rs_1", "", proof, "completed")
    assert items(written) == [Reasoning(text="", proof=proof)]


def test_an_empty_assistant_message_says_nothing() -> None:
    assert items({"role": "assistant", "content": ""}, {"role": "assistant", "content": []}) == []


@pytest.mark.parametrize("kind", ["web_search_call", "file_search_call", "mcp_list_tools"])
def test_a_search_that_ran_upstream_is_noted(kind: str) -> None:
    loss = Loss("responses")
    assert items({"type": kind, "id": "ws_1", "status": "completed"}, loss=loss) == []
    assert [(entry.path, entry.verdict) for entry in loss.entries] == [("input[0]", "dropped")]


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({}, "input[0].type"),
        ({"role": "robot", "content": "a"}, "input[0].role"),
        ({"type": "item_reference", "id": "msg_1"}, "input[0]"),
        ({"type": "computer_call_output", "call_id": "c", "output": {"type": "x"}}, "input[0]"),
        ({"type": "compaction", "encrypted_content": "x"}, "input[0]"),
        ({"type": "function_call", "call_id": "c"}, "input[0].name"),
        ({"type": "function_call", "name": "f"}, "input[0].call_id"),
        ({"type": "function_call_output", "output": "x"}, "input[0].call_id"),
        ({"type": "function_call_output", "call_id": "c"}, "input[0].output"),
        ({"type": "function_call_output", "call_id": "c", "output": {}}, "input[0].output"),
        ({"role": "user", "content": [SILENT]}, "input[0].content[0].input_audio"),
        ({"type": "configuration_update", "reasoning": {"effort": "low"}}, "input[0]"),
        ({"type": "mcp_call", "name": "n", "arguments": "{}", "server_label": "s"}, "input[0]"),
        ({"type": "image_generation_call", "id": "ig_1", "result": "AAAA"}, "input[0]"),
        ({"type": "code_interpreter_call", "id": "ci_1", "outputs": []}, "input[0]"),
        ({"type": "apply_patch_call", "call_id": "c"}, "input[0].operation"),
        ({"type": "shell_call", "action": {"commands": []}}, "input[0].call_id"),
        ({"type": "local_shell_call_output", "output": "{}"}, "input[0].call_id"),
        ({"type": "shell_call_output", "call_id": "c", "output": "x"}, "input[0].output"),
        ({"type": "apply_patch_call_output", "call_id": "c", "output": []}, "input[0].output"),
        ({"type": "local_shell_call_output", "id": "c", "output": {}}, "input[0].output"),
        ({"type": "function_call", "caller": {"type": "program"}}, "input[0].caller"),
        ({"role": "user", "content": [{"type": "input_image"}]}, "input[0].content[0]"),
        ({"role": "user", "content": [{"type": "input_file"}]}, "input[0].content[0]"),
        ({"role": "user", "content": [{"type": "input_text"}]}, "input[0].content[0].text"),
        ({"role": "user", "content": [3]}, "input[0].content[0]"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(given: dict[str, Any], param: str) -> None:
    with pytest.raises(ApiError) as caught:
        items(given)
    assert (caught.value.kind, caught.value.param) == ("invalid_request", param)
