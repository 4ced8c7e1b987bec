"""JSON from models that know structured output, that can be forced to call a tool, and that know neither."""

import json
from typing import Any

import pytest
from support.events import read, translation
from support.validators import check_chat_completions

from wsgi_gateway.protocols.conversation import (
    Conversation,
    Message,
    OutputFormat,
    ReasoningOptions,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    WebSearch,
)
from wsgi_gateway.protocols.messages import StreamReader, read_reply, write_request
from wsgi_gateway.protocols.reply import Reply, fold
from wsgi_gateway.protocols.table import PROTOCOLS
from wsgi_gateway.protocols.translation import Translation

HI = Message(role="user", parts=[Text(words="hi")])
SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}
WANTED = OutputFormat(type="json_schema", name="count", description="A count.", schema=SCHEMA)


def write(**more: Any) -> tuple[dict[str, Any], list[str], Translation]:
    facts = more.pop("facts", {})
    task = translation("chat_completions", **facts)
    given = {"items": [HI], "output_format": WANTED, **more}
    body = write_request(Conversation(api="chat_completions", model="m", **given), task)
    return body, [entry.path for entry in task.loss.entries], task


def test_a_model_that_knows_it_is_asked_natively_and_exactly() -> None:
    plain = OutputFormat(type="json_schema", schema=SCHEMA, strict=True)
    body, lost, task = write(facts={"structured_output": True}, output_format=plain)
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    assert "tools" not in body and task.aliases.output_tool is None
    assert lost == []


def test_a_model_that_does_not_know_it_must_call_a_tool() -> None:
    body, lost, task = write()
    assert body["tools"] == [{"name": "json", "description": "A count.", "input_schema": SCHEMA}]
    assert body["tool_choice"] == {
        "type": "tool",
        "name": "json",
        "disable_parallel_tool_use": True,
    }
    assert "output_config" not in body and "system" not in body
    assert task.aliases.output_tool == "json"
    assert lost == ["response_format"]


def test_the_tool_has_a_name_that_the_history_does_not_know() -> None:
    call = ToolCall(id="c", name="json", arguments="{}")
    result = ToolResult(call_id="c", parts=[Text(words="r")])
    body, _, task = write(items=[HI, call, result])
    assert body["tool_choice"]["name"] == task.aliases.output_tool == "json_"
    assert body["messages"][1]["content"][0]["name"] == "json"


@pytest.mark.parametrize(
    "conflict",
    [
        {"tools": [Tool(name="f", parameters=SCHEMA)]},
        {"reasoning": ReasoningOptions(effort="high")},
        {"facts": {"forced_tools": False}},
        {"facts": {"web_search": ("messages",)}, "web_search": WebSearch()},
        {"output_format": OutputFormat(type="json_schema", schema={"type": "array"})},
    ],
    ids=["tools", "thinking", "not forced", "search", "no object"],
)
def test_where_no_call_can_be_forced_words_must_do(conflict: dict[str, Any]) -> None:
    body, lost, task = write(instructions=[Text(words="Be brief.")], **conflict)
    wanted = conflict.get("output_format", WANTED)
    first, told = body["system"]
    assert first["text"] == "Be brief."
    assert json.dumps(wanted.schema, separators=(",", ":")) in told["text"]
    assert task.aliases.output_tool is None
    assert "tool_choice" not in body
    assert "response_format" in lost


def test_a_choice_among_no_tools_is_refused_all_the_same() -> None:
    with pytest.raises(Exception, match="there is none to call"):
        write(tool_choice=ToolChoice(mode="required"))


# --- what comes back


def events(*deltas: str, reason: str = "tool_use", given: Any = None) -> list[dict[str, Any]]:
    start = {"type": "tool_use", "id": "toolu_1", "name": "json", "input": given or {}}
    return [
        {"type": "message_start", "message": {"id": "msg_1", "model": "m", "content": []}},
        {"type": "content_block_start", "index": 0, "content_block": start},
        *(
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "input_json_delta", "partial_json": delta},
            }
            for delta in deltas
        ),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {}},
        {"type": "message_stop"},
    ]


def streamed(size: int | None, *deltas: str, **more: Any) -> Reply:
    _, _, task = write()
    wire = b"".join(
        b"data: %b\n\n" % json.dumps(event).encode() for event in events(*deltas, **more)
    )
    read_events = read(StreamReader(task), wire, size)
    asked = Conversation(api="chat_completions", model="m", include_usage=False)
    chat = PROTOCOLS["chat_completions"].stream_writer(asked, task.loss).write(read_events)
    assert check_chat_completions(chat) in ("finished", "incomplete")
    return fold(read_events)


@pytest.mark.parametrize("size", [1, 9, None])
def test_the_arguments_are_the_answer(size: int | None) -> None:
    reply = streamed(size, "", '{"n": ', "1}")
    assert [(part.kind, part.text) for part in reply.parts] == [("text", '{"n": 1}')]
    assert reply.reason == "stop"


@pytest.mark.parametrize("deltas", [(), ("",), ("{}",)])
def test_an_empty_object_is_an_answer(deltas: tuple[str, ...]) -> None:
    (part,) = streamed(None, *deltas).parts
    assert part.text == "{}"


def test_a_limit_leaves_the_json_as_it_was_cut() -> None:
    reply = streamed(None, '{"n": ', reason="max_tokens")
    assert [(part.text, part.complete) for part in reply.parts] == [('{"n": ', False)]
    assert reply.reason == "length"
    assert streamed(None, reason="max_tokens").parts[0].text == ""


def test_a_full_reply() -> None:
    _, _, task = write()
    block = {"type": "tool_use", "id": "toolu_1", "name": "json", "input": {"n": 2**70}}
    reply = fold(read_reply({"content": [block], "stop_reason": "tool_use"}, task))
    assert [(part.kind, part.text) for part in reply.parts] == [("text", f'{{"n":{2**70}}}')]
    assert reply.reason == "stop"
