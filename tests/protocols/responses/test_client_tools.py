"""OpenAI's tools that clients run: functions on the way to the model, their own items on the way back."""

import json
from typing import Any

import pytest
from openai.types.responses import Response
from support.events import told, translation
from support.sdk import openai_told
from support.streams import STREAMED, Answer, Api
from support.streams import ToolCall as CallOfUpstream
from support.translated import heard
from support.validators import check_responses

from wsgi_gateway.protocols import chat_completions
from wsgi_gateway.protocols.conversation import Text, ToolCall, ToolResult
from wsgi_gateway.protocols.events import (
    Delta,
    Event,
    Finished,
    PartEnded,
    PartStarted,
    Started,
    Usage,
    UsageReported,
)
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.reply import fold
from wsgi_gateway.protocols.responses import StreamWriter, read_request, write_reply
from wsgi_gateway.protocols.responses.client_tools import CLIENT_TOOLS, ClientTools

PATCH = {"type": "update_file", "path": "a.py", "diff": "@@\n-a\n+b\n"}
SEARCH = {"type": "tool_search", "execution": "client"}

# Tool, the model's arguments, and what the item of the call says.
CASES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({"type": "apply_patch"}, PATCH, {"type": "apply_patch_call", "operation": PATCH}),
    (
        {"type": "apply_patch"},
        {"type": "delete_file", "path": "a.py"},
        {
            "type": "apply_patch_call",
            "operation": {"type": "delete_file", "path": "a.py"},
        },
    ),
    (
        {"type": "shell"},
        {"commands": ["ls", "pwd"], "timeout_ms": 1000},
        {"type": "shell_call", "action": {"commands": ["ls", "pwd"], "timeout_ms": 1000}},
    ),
    (
        {"type": "local_shell"},
        {"command": ["ls", "-l"], "working_directory": "/tmp"},
        {
            "type": "local_shell_call",
            "action": {
                "type": "exec",
                "command": ["ls", "-l"],
                "env": {},
                "working_directory": "/tmp",
            },
        },
    ),
    (
        SEARCH,
        {"query": "mail"},
        {"type": "tool_search_call", "execution": "client", "arguments": {"query": "mail"}},
    ),
]
IDS = [case[2]["type"] for case in CASES]


def calls(name: str, *texts: str, complete: bool = True) -> list[Event]:
    events: list[Event] = [Started(id="x", model="m")]
    for number, text in enumerate(texts):
        events.append(PartStarted(index=number, kind="tool_call", id=f"call_{number}", name=name))
        events += [Delta(number, piece) for piece in (text[:5], text[5:]) if piece]
    events += [PartEnded(index=number, complete=complete) for number, _ in enumerate(texts)]
    events.append(UsageReported(Usage(input=1, output=1)))
    return [*events, Finished(reason="tool_calls" if complete else "length")]


def streamed(events: list[Event], loss: Loss | None = None, **body: Any) -> tuple[Any, bytes]:
    asked = read_request({"model": "m", "input": "hi", **body}, Loss("responses"))
    writer = StreamWriter(asked, loss or Loss("responses"))
    data = b"".join(writer.write([event]) for event in events)
    return writer.response, data


@pytest.mark.parametrize(("tool", "arguments", "item"), CASES, ids=IDS)
def test_a_call_is_raised_streamed_and_whole_and_comes_back(
    tool: dict[str, Any], arguments: dict[str, Any], item: dict[str, Any]
) -> None:
    text = json.dumps(arguments)
    events = calls(tool["type"], text, text)
    response, data = streamed(events, tools=[tool])
    assert check_responses(data) == "finished"
    first, second = response["output"]
    assert item.items() <= first.items()
    assert (first["call_id"], second["call_id"]) == ("call_0", "call_1")
    assert first["status"] == "completed"
    with openai_told(data, "text/event-stream").responses.stream(model="m", input="") as stream:
        final = stream.get_final_response()
    assert [found.to_dict() for found in final.output] == response["output"]
    asked = read_request({"model": "m", "input": "hi", "tools": [tool]}, Loss("responses"))
    full = write_reply(fold(events), asked, Loss("responses"))
    Response.model_validate(full, strict=True)
    assert [{**found, "id": ""} for found in full["output"]] == [
        {**found, "id": ""} for found in response["output"]
    ]
    again = read_request({"model": "m", "input": [first], "tools": [tool]}, Loss("responses"))
    (call,) = again.items
    assert isinstance(call, ToolCall)
    assert (call.id, call.name, json.loads(call.arguments)) == ("call_0", tool["type"], arguments)


@pytest.mark.parametrize(
    ("output", "text", "is_error"),
    [
        ({"type": "apply_patch_call_output", "status": "completed", "output": "ok"}, "ok", False),
        ({"type": "apply_patch_call_output", "status": "completed"}, "completed", False),
        ({"type": "apply_patch_call_output", "status": "failed", "output": "no"}, "no", True),
        (
            {
                "type": "shell_call_output",
                "output": [
                    {"stdout": "a", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}},
                    {"stdout": "", "stderr": "b", "outcome": {"type": "timeout"}},
                ],
            },
            '[{"stdout":"a","stderr":"","outcome":{"type":"exit","exit_code":0}},'
            '{"stdout":"","stderr":"b","outcome":{"type":"timeout"}}]',
            False,
        ),
        ({"type": "local_shell_call_output", "output": '{"output":"x"}'}, '{"output":"x"}', False),
    ],
)
def test_results(output: dict[str, Any], text: str, is_error: bool) -> None:
    body = {"model": "m", "input": [{"call_id": "c", **output}]}
    (result,) = read_request(body, Loss("responses")).items
    assert result == ToolResult(call_id="c", parts=[Text(words=text)], is_error=is_error)


def test_a_local_shells_result_may_name_its_call_by_id() -> None:
    output = {"type": "local_shell_call_output", "id": "c", "output": "x"}
    (result,) = read_request({"model": "m", "input": [output]}, Loss("responses")).items
    assert isinstance(result, ToolResult) and result.call_id == "c"


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("apply_patch", '{"type":"update_file","path":"a.py"}'),
        ("apply_patch", '{"type":"rename_file","path":"a.py","diff":""}'),
        ("shell", '{"commands":"ls"}'),
        ("shell", "{}"),
        ("local_shell", '{"command":["ls"],"env":3}'),
        ("shell", '{"commands":["l'),
    ],
)
def test_arguments_of_another_shape_stay_a_function_call(kind: str, arguments: str) -> None:
    loss = Loss("responses")
    complete = arguments.endswith("}")
    events = calls(kind, arguments, complete=complete)
    response, data = streamed(events, loss, tools=[{"type": kind}])
    assert check_responses(data) == ("finished" if complete else "incomplete")
    (call,) = response["output"]
    assert (call["type"], call["name"], call["arguments"]) == ("function_call", kind, arguments)
    assert [(entry.path, entry.verdict) for entry in loss.entries] == [
        ("reply.output[0]", "approximated")
    ]


def test_a_function_of_the_same_name_stays_a_function() -> None:
    own = {"type": "function", "name": "shell", "parameters": {"type": "object"}}
    text = '{"commands":["ls"]}'
    kinds = {}
    for name in ("shell", "openai_shell"):
        response, _ = streamed(calls(name, text), tools=[own, {"type": "shell"}])
        kinds[name] = response["output"][0]["type"]
    assert kinds == {"shell": "function_call", "openai_shell": "shell_call"}
    found = {"type": "tool_search_output", "execution": "client", "call_id": "c", "tools": [own]}
    names = ClientTools({"tools": [{"type": "shell"}], "input": [found]})
    assert names.called("shell") is None and names.called("openai_shell") is not None


def test_what_was_not_declared_is_not_raised() -> None:
    response, _ = streamed(calls("shell", '{"commands":["ls"]}'))
    assert response["output"][0]["type"] == "function_call"


@pytest.mark.parametrize(
    ("tools", "expected"),
    [
        (None, False),
        ([{"type": "tool_search"}], False),
        ([3], False),
        ([{"type": ["odd"]}, {"type": "function", "name": ["odd"]}], False),
        ([{"type": "function", "name": "f"}, SEARCH], True),
    ],
)
def test_whether_the_client_searches(tools: object, expected: bool) -> None:
    assert (ClientTools({"tools": tools}).called("tool_search") is not None) is expected


@pytest.mark.parametrize("tool", CLIENT_TOOLS, ids=lambda tool: tool.type)
def test_schemas_are_objects_with_what_they_require(tool: Any) -> None:
    assert set(tool.parameters["required"]) <= set(tool.parameters["properties"])


@pytest.mark.parametrize("upstream", ["chat_completions", "messages"])
@pytest.mark.parametrize(("tool", "arguments", "item"), CASES, ids=IDS)
def test_what_any_upstream_calls_is_raised(
    upstream: Api, tool: dict[str, Any], arguments: dict[str, Any], item: dict[str, Any]
) -> None:
    answer = Answer(
        "Now.", tool_calls=(CallOfUpstream("call_a", tool["type"], json.dumps(arguments)),)
    )
    response, data = streamed(heard(upstream, STREAMED[upstream](answer).encode(), 7), tools=[tool])
    assert check_responses(data) == "finished"
    assert item.items() <= response["output"][-1].items()


def test_a_whole_turn_for_an_upstream_that_knows_functions_only() -> None:
    to = translation("responses")
    body = {
        "model": "m",
        "tools": [{"type": "apply_patch"}],
        "input": [
            {"role": "user", "content": "hi"},
            {"type": "apply_patch_call", "call_id": "c", "status": "completed", "operation": PATCH},
            {"type": "apply_patch_call_output", "call_id": "c", "status": "completed"},
        ],
    }
    chat = chat_completions.write_request(read_request(body, to.loss), to)
    call = chat["messages"][1]["tool_calls"][0]["function"]
    assert (call["name"], json.loads(call["arguments"])) == ("apply_patch", PATCH)
    assert chat["messages"][2]["content"] == "completed"
    assert told(fold(calls("apply_patch", json.dumps(PATCH))))[0][2] == "apply_patch"
