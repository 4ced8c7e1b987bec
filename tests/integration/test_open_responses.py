"""A client of the Open Responses API, on models that do not have it.

Here: what the public compliance suite of Open Responses asks over HTTP, in our own words, on an upstream that speaks
only Chat Completions and on one that speaks only Messages: each object and event is held against the published schema
(support/open_responses.py). Not here: state, WebSockets, compaction.
"""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from support.asks import READERS, Image
from support.dialects import PATHS, Clients
from support.open_responses import check_response
from support.pairs import model_of, reply_to
from support.streams import Answer, Api, Json, ToolCall
from support.translated import data_of
from support.upstream import Upstream
from support.validators import check_responses

UPSTREAM_APIS: tuple[Api, ...] = ("chat_completions", "messages")
UPSTREAMS = pytest.mark.parametrize("upstream_api", UPSTREAM_APIS)
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])

PIXEL = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "Weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
CALL = ToolCall("call_a1", "weather", '{"city":"Oslo"}')


def said(role: str, content: Any, **more: Any) -> Json:
    """A message as the published schema writes it, its type told."""
    return {"type": "message", "role": role, "content": content, **more}


def ask(clients: Clients, api: Api, *items: Json, **more: Any) -> httpx2.Response:
    body = {"model": model_of(api), "input": list(items), **more}
    return clients.post(PATHS["responses"], json.dumps(body))


def answered(reply: httpx2.Response, *, stream: bool) -> Json:
    """The response object, after all that was sent was judged."""
    assert reply.status_code == 200, reply.text
    if not stream:
        response: Json = reply.json()
    else:
        assert check_responses(reply.content) == "finished"
        response = data_of(reply.content)[-1]["response"]
    check_response(response)
    assert response["status"] == "completed" and response["output"]
    assert response["created_at"] <= response["completed_at"]
    return response


@UPSTREAMS
@STREAM
def test_question(upstream: Upstream, clients: Clients, upstream_api: Api, stream: bool) -> None:
    upstream.script(lambda request: reply_to(request, upstream_api, Answer("One, two.")))

    reply = ask(clients, upstream_api, said("user", "Count to 2."), stream=stream)

    (item,) = answered(reply, stream=stream)["output"]
    assert (item["type"], item["role"], item["status"]) == ("message", "assistant", "completed")
    assert [part["text"] for part in item["content"]] == ["One, two."]


@UPSTREAMS
def test_phases_of_a_history(upstream: Upstream, clients: Clients, upstream_api: Api) -> None:
    upstream.script(lambda request: reply_to(request, upstream_api, Answer("4")))

    reply = ask(
        clients,
        upstream_api,
        said("user", "Two and two?"),
        said("assistant", "I count.", phase="commentary"),
        said("assistant", "It is 4.", phase="final_answer"),
        said("user", "Again."),
    )

    answered(reply, stream=False)
    assert b"I count." in upstream.last.body and b"It is 4." in upstream.last.body


@UPSTREAMS
def test_system_message(upstream: Upstream, clients: Clients, upstream_api: Api) -> None:
    upstream.script(lambda request: reply_to(request, upstream_api, Answer("Salve!")))

    reply = ask(clients, upstream_api, said("system", "Speak Latin."), said("user", "Hello."))

    answered(reply, stream=False)
    assert READERS[upstream_api](upstream.last.json).system == "Speak Latin."


@UPSTREAMS
@STREAM
def test_tool_call(upstream: Upstream, clients: Clients, upstream_api: Api, stream: bool) -> None:
    upstream.script(lambda request: reply_to(request, upstream_api, Answer(tool_calls=(CALL,))))

    reply = ask(clients, upstream_api, said("user", "Oslo?"), tools=[WEATHER], stream=stream)

    response = answered(reply, stream=stream)
    (call,) = response["output"]
    assert (call["type"], call["call_id"], call["name"]) == ("function_call", CALL.id, CALL.name)
    assert json.loads(call["arguments"]) == {"city": "Oslo"}
    assert response["tools"] == [{**WEATHER, "strict": None}]


@UPSTREAMS
def test_image(upstream: Upstream, clients: Clients, upstream_api: Api) -> None:
    upstream.script(lambda request: reply_to(request, upstream_api, Answer("A dot.")))
    shown = [
        {"type": "input_text", "text": "What is it?"},
        {"type": "input_image", "image_url": PIXEL},
    ]

    reply = ask(clients, upstream_api, said("user", shown))

    answered(reply, stream=False)
    (turn,) = READERS[upstream_api](upstream.last.json).turns
    assert Image(PIXEL) in turn.parts


@UPSTREAMS
def test_turns(upstream: Upstream, clients: Clients, upstream_api: Api) -> None:
    upstream.script(lambda request: reply_to(request, upstream_api, Answer("Alice.")))

    reply = ask(
        clients,
        upstream_api,
        said("user", "My name is Alice."),
        said("assistant", "Hello Alice."),
        said("user", "Who am I?"),
    )

    answered(reply, stream=False)
    turns = READERS[upstream_api](upstream.last.json).turns
    assert [turn.role for turn in turns] == ["user", "assistant", "user"]


@UPSTREAMS
@STREAM
def test_a_reply_at_its_limit(
    upstream: Upstream, clients: Clients, upstream_api: Api, stream: bool
) -> None:
    upstream.script(lambda request: reply_to(request, upstream_api, Answer("On", at_limit=True)))

    reply = ask(clients, upstream_api, said("user", "All."), max_output_tokens=16, stream=stream)

    response = data_of(reply.content)[-1]["response"] if stream else reply.json()
    check_response(response)
    assert (response["status"], response["completed_at"]) == ("incomplete", None)
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert response["max_output_tokens"] == 16


@UPSTREAMS
def test_penalties(upstream: Upstream, clients: Clients, upstream_api: Api) -> None:
    """Fields of Open Responses that OpenAI's own API does not have."""
    upstream.script(lambda request: reply_to(request, upstream_api, Answer("Hi.")))

    reply = ask(clients, upstream_api, said("user", "Hi."), presence_penalty=0.5)

    if upstream_api == "messages":
        assert reply.status_code == 400 and reply.json()["error"]["param"] == "presence_penalty"
    else:
        assert answered(reply, stream=False)["presence_penalty"] == 0.5
        assert upstream.last.json["presence_penalty"] == 0.5
