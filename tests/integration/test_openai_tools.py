"""Tools of OpenAI's own that the client runs, before upstreams that have never heard of them.

Here: whole loops of the openai SDK over apply_patch and shell; stop sequences before an upstream that has none. Not
here: each tool's shapes (tests/protocols/responses/test_client_tools.py).
"""

from __future__ import annotations

import json

import pytest
from support.asks import READERS, Ask, ToolResult, user
from support.dialects import Clients
from support.pairs import PLAIN_AND_STREAM, model_of, reply_to
from support.streams import Answer, Api, Json, ToolCall
from support.upstream import Upstream

PATCH = {"type": "update_file", "path": "a.py", "diff": "@@\n-a\n+b\n"}
SHELL = {"commands": ["ls"], "timeout_ms": 1000}
ANSWER = Answer(
    tool_calls=(
        ToolCall("call_a", "apply_patch", json.dumps(PATCH)),
        ToolCall("call_b", "shell", json.dumps(SHELL)),
    )
)
OUTPUT = [{"stdout": "a.py", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}]


def ask(clients: Clients, stream: bool, **body: object) -> list[Json]:
    """The output items that the SDK hands to its user."""
    if stream:
        with clients.openai.responses.stream(**body) as events:  # type: ignore[arg-type]
            response = events.get_final_response()
    else:
        response = clients.openai.responses.create(**body)  # type: ignore[call-overload]
    items: list[Json] = response.to_dict()["output"]
    return items


@pytest.mark.parametrize("upstream_api", ["chat_completions", "messages"])
@PLAIN_AND_STREAM
def test_a_loop_over_patches_and_commands(
    upstream: Upstream, clients: Clients, upstream_api: Api, stream: bool
) -> None:
    upstream.script(lambda request: reply_to(request, upstream_api, ANSWER))
    tools = [{"type": "apply_patch"}, {"type": "shell", "environment": {"type": "local"}}]
    body = {"model": model_of(upstream_api), "tools": tools, "store": False}
    patch, command = ask(clients, stream, input="Fix it.", **body)
    assert (patch["type"], patch["operation"]) == ("apply_patch_call", PATCH)
    assert (command["type"], command["action"]) == ("shell_call", SHELL)

    history = [
        {"role": "user", "content": "Fix it."},
        patch,
        command,
        {"type": "apply_patch_call_output", "call_id": "call_a", "status": "completed"},
        {"type": "shell_call_output", "call_id": "call_b", "output": OUTPUT},
    ]
    ask(clients, stream, input=history, **body)

    asked: Ask = READERS[upstream_api]({**upstream.last.json, "tools": []})
    question, calls, results = asked.turns
    assert question == user("Fix it.")
    assert [
        (call.id, call.name, json.loads(call.arguments))
        for call in calls.parts
        if isinstance(call, ToolCall)
    ] == [("call_a", "apply_patch", PATCH), ("call_b", "shell", SHELL)]
    assert results == user(
        ToolResult("call_a", "completed"),
        ToolResult("call_b", json.dumps(OUTPUT, separators=(",", ":"))),
    )


@PLAIN_AND_STREAM
def test_a_stop_sequence_before_an_upstream_that_has_none(
    upstream: Upstream, clients: Clients, stream: bool
) -> None:
    upstream.script(lambda request: reply_to(request, "responses", Answer("one END two")))
    reply = clients.raw(
        "messages",
        model_of("responses"),
        Ask((user("Hi"),)),
        stream=stream,
        stop_sequences=["END"],
    )
    assert "stop" not in upstream.last.json
    assert "one" in reply.text and "two" not in reply.text
    assert '"stop_sequence":"END"' in reply.text
