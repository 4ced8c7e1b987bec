"""Whole tool loops: what a client received comes back as history, and the upstream recognises it.

Here: ids, argument texts, thoughts and their proofs over two turns. Not here: single exchanges
(test_matrix.py) and real clients (test_clients.py).
"""

from __future__ import annotations

import json

import pytest
from support.asks import READERS, WRITERS, Ask, Tool, ToolResult, assistant, canonical, user
from support.dialects import PATHS, Clients
from support.loops import HISTORY, SAY_AGAIN, create
from support.pairs import CLIENTS, PAIRS, PLAIN_AND_STREAM, model_of, reply_to
from support.streams import PLAIN, Answer, Api, Json, ToolCall
from support.upstream import Upstream, json_reply

WEATHER = Tool("get_weather", "Weather of a city", ("city",))
OSLO = ToolCall("call_a1", "get_weather", '{ "city" : "Oslo",  "x": 1.50 }')
ROME = ToolCall("toolu_b2", "get_weather", '{"city":"Rome"}')
QUESTION = user("Compare Oslo and Rome.")
ANSWER = Answer("Let me look.", "They want the weather.", tool_calls=(OSLO, ROME))
RESULTS = {OSLO.id: "rain", ROME.id: "sun"}
FIRST = Ask((QUESTION,), tools=(WEATHER,), effort="medium")


def second_turn(
    clients: Clients, upstream: Upstream, client_api: Api, upstream_api: Api, stream: bool
) -> Json:
    """Asks, answers with tool calls, sends their results; returns the body of the second turn."""
    upstream.script(lambda request: reply_to(request, upstream_api, ANSWER))
    body = {"model": model_of(upstream_api), **WRITERS[client_api](FIRST)}
    if client_api == "responses":
        body |= {"include": ["reasoning.encrypted_content"], "store": False}
    reply = create(clients, client_api, stream, **body)

    body[HISTORY[client_api]] = body[HISTORY[client_api]] + SAY_AGAIN[client_api](reply, RESULTS)
    return body


@PAIRS
@PLAIN_AND_STREAM
def test_results_return_to_their_calls(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api, stream: bool
) -> None:
    body = second_turn(clients, upstream, client_api, upstream_api, stream)
    create(clients, client_api, stream, **body)

    asked = READERS[upstream_api](upstream.last.json)
    assert asked.turns == (
        QUESTION,
        assistant(
            "Let me look.", *(ToolCall(c.id, c.name, canonical(c.arguments)) for c in (OSLO, ROME))
        ),
        user(ToolResult(OSLO.id, "rain"), ToolResult(ROME.id, "sun")),
    )


@pytest.mark.parametrize("client_api", ["chat_completions", "responses"])
@pytest.mark.parametrize("upstream_api", ["chat_completions", "responses"])
@PLAIN_AND_STREAM
def test_argument_texts_are_carried_verbatim(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api, stream: bool
) -> None:
    body = second_turn(clients, upstream, client_api, upstream_api, stream)
    create(clients, client_api, stream, **body)

    text = json.dumps(OSLO.arguments)
    assert text in json.dumps(body)
    assert text in json.dumps(upstream.last.json)


@CLIENTS
@PLAIN_AND_STREAM
def test_thoughts_return_with_their_signature(
    upstream: Upstream, clients: Clients, client_api: Api, stream: bool
) -> None:
    body = second_turn(clients, upstream, client_api, "messages", stream)
    create(clients, client_api, stream, **body)

    sent = upstream.last.json
    _, said, _ = sent["messages"]
    first = said["content"][0]
    if client_api == "chat_completions" and first["type"] != "thinking":
        # Chat has no place for a signature: without the thought, thinking must be off, and told
        assert sent.get("thinking", {"type": "disabled"})["type"] == "disabled"
        assert "x-gateway-warning" in clients.recorder.headers
        return
    assert first == {
        "type": "thinking",
        "thinking": ANSWER.thinking,
        "signature": ANSWER.proof,
    }


@CLIENTS
@PLAIN_AND_STREAM
def test_thoughts_return_with_their_encrypted_content(
    upstream: Upstream, clients: Clients, client_api: Api, stream: bool
) -> None:
    body = second_turn(clients, upstream, client_api, "responses", stream)
    create(clients, client_api, stream, **body)

    items = upstream.last.json["input"]
    thoughts = [item for item in items if item.get("type") == "reasoning"]
    calls = [item for item in items if item.get("type") == "function_call"]
    if client_api == "chat_completions" and not thoughts:
        # a call with an id needs its reasoning item before it
        assert not [call for call in calls if call.get("id")]
        return
    (thought,) = thoughts
    assert thought["encrypted_content"] == ANSWER.proof
    assert thought["summary"] == [{"type": "summary_text", "text": ANSWER.thinking}]
    assert items.index(thought) < items.index(calls[0])


@pytest.mark.parametrize(
    ("client_api", "maker", "other"),
    [
        ("messages", "responses", "messages"),
        ("messages", "chat_completions", "messages"),
        ("responses", "messages", "responses"),
    ],
)
def test_thoughts_of_another_provider_are_dropped_and_told(
    upstream: Upstream, clients: Clients, client_api: Api, maker: Api, other: Api
) -> None:
    body = second_turn(clients, upstream, client_api, maker, stream=False)
    upstream.script(json_reply(PLAIN[other](Answer("Rome."))))

    create(clients, client_api, stream=False, **{**body, "model": model_of(other)})

    sent = upstream.last.json
    text = json.dumps(sent[HISTORY[other]])
    assert '"signature"' not in text
    assert '"encrypted_content"' not in text
    assert ANSWER.proof not in text
    assert "x-gateway-warning" in clients.recorder.headers
    assert {part for turn in READERS[other](sent).turns for part in turn.parts} >= {
        ToolResult(OSLO.id, "rain"),
        ToolResult(ROME.id, "sun"),
    }


@pytest.mark.parametrize(
    ("client_api", "upstream_api"), [("messages", "responses"), ("responses", "messages")]
)
def test_forged_proofs_are_not_believed(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api
) -> None:
    body = second_turn(clients, upstream, client_api, upstream_api, stream=False)
    history = json.dumps(body[HISTORY[client_api]])
    for field in ("signature", "encrypted_content"):
        history = history.replace(f'"{field}": "', f'"{field}": "AAAA')
    body[HISTORY[client_api]] = json.loads(history)

    answer = clients.post(PATHS[client_api], json.dumps(body))

    if answer.status_code == 200:
        assert ANSWER.thinking not in json.dumps(upstream.last.json)
        assert "x-gateway-warning" in answer.headers
    else:
        assert answer.status_code == 400


@pytest.mark.parametrize("client_api", ["chat_completions", "responses"])
@PLAIN_AND_STREAM
def test_tool_ids_that_messages_refuses_are_mapped_there_and_back(
    upstream: Upstream, clients: Clients, client_api: Api, stream: bool
) -> None:
    odd = ToolCall("functions.get_weather:0", "get_weather", '{"city": "Oslo"}')
    ask = Ask(
        (QUESTION, assistant(odd), user(ToolResult(odd.id, "rain"))),
        tools=(WEATHER,),
    )
    upstream.script(lambda request: reply_to(request, "messages", Answer("Rain.")))

    got = clients.ask(client_api, "messages-model", ask, stream=stream)

    assert got.text == "Rain."
    _, said, results = READERS["messages"](upstream.last.json).turns
    (call,), (result,) = said.parts, results.parts
    assert isinstance(call, ToolCall)
    assert isinstance(result, ToolResult)
    assert call.id == result.id
    assert call.id.replace("_", "").replace("-", "").isalnum()
    assert call.id.isascii()


def test_image_in_a_tool_result_survives_toward_chat(upstream: Upstream, clients: Clients) -> None:
    image = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
    }
    ask = Ask((QUESTION, assistant(OSLO, ROME), user(ToolResult(OSLO.id, "rain"))))
    body = WRITERS["messages"](ask)
    body["messages"][2]["content"] += [
        {"type": "tool_result", "tool_use_id": ROME.id, "content": [image]},
        {"type": "text", "text": "What now?"},
    ]
    upstream.script(json_reply(PLAIN["chat_completions"](Answer("Go."))))

    clients.anthropic.messages.create(model="chat_completions-model", **body)

    roles = [message["role"] for message in upstream.last.json["messages"]]
    assert roles[:4] == ["user", "assistant", "tool", "tool"]
    assert set(roles[4:]) == {"user"}
    after = json.dumps(upstream.last.json["messages"][4:])
    assert "data:image/png;base64,iVBORw0KGgo=" in after
    assert "What now?" in after
