"""Hosts that speak an API almost: what an official SDK makes of them, behind the gateway.

Here: ends and errors in another API's form, and values of another type. Not here: streams that are odd but legal
(test_odd_streams.py), streams that break off (test_failures.py).
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.asks import Ask, user
from support.dialects import FAILURES, Clients, expected
from support.pairs import APIS, TRANSLATED, model_of, told_model
from support.streams import (
    PLAIN,
    STREAMED,
    Answer,
    Api,
    chat_stream,
    frames_of,
    message_stream,
)
from support.upstream import Upstream, json_reply, sse_reply

ASK = Ask((user("Hi"),))
ANSWER = Answer("Hello you")
DONE = b"data: [DONE]\n\n"
CLIENTS = pytest.mark.parametrize("client_api", APIS)
BARE: list[dict[str, Any]] = [
    {"message": "Out of cards", "type": "internal", "code": 500},
    {"object": "error", "message": "Out of cards", "type": "ServerError", "code": 500},
]


@CLIENTS
@pytest.mark.parametrize("end", [b"", DONE], ids=["nothing", "DONE"])
def test_a_messages_reply_without_message_stop_is_whole(
    upstream: Upstream, clients: Clients, client_api: Api, end: bytes
) -> None:
    *told, _ = frames_of(message_stream(ANSWER))
    upstream.script(sse_reply(b"".join(told) + end))

    got = clients.ask(client_api, "messages-model", ASK, stream=True)

    assert got == expected(ANSWER, told_model(client_api, "messages", ANSWER))


@CLIENTS
def test_a_messages_reply_that_only_says_done_is_none(
    upstream: Upstream, clients: Clients, client_api: Api
) -> None:
    *told, _, _ = frames_of(message_stream(ANSWER))
    upstream.script(sse_reply(b"".join(told) + DONE))

    with pytest.raises(FAILURES):
        clients.ask(client_api, "messages-model", ASK, stream=True)


@CLIENTS
@pytest.mark.parametrize("error", BARE, ids=json.dumps)
@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_bare_error_in_a_chat_stream_is_told(
    upstream: Upstream, clients: Clients, client_api: Api, error: dict[str, Any], count: int
) -> None:
    begun = b"".join(frames_of(chat_stream(ANSWER))[:count])
    upstream.script(sse_reply(begun + b"data: %b\n\n" % json.dumps(error).encode() + DONE))

    with pytest.raises(FAILURES, match="Out of cards"):
        clients.ask(client_api, "chat_completions-model", ASK, stream=True)


@CLIENTS
@pytest.mark.parametrize("error", BARE, ids=json.dumps)
def test_a_bare_error_with_status_200_is_told(
    upstream: Upstream, clients: Clients, client_api: Api, error: dict[str, Any]
) -> None:
    upstream.script(json_reply(error))

    with pytest.raises(FAILURES, match="Out of cards"):
        clients.ask(client_api, "chat_completions-model", ASK, stream=False)


@TRANSLATED
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "plain"])
def test_a_reply_may_have_a_number_for_its_id(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api, stream: bool
) -> None:
    prefix = {"chat_completions": "chatcmpl-", "messages": "msg_", "responses": "resp_"}
    own = f'"{prefix[upstream_api]}{ANSWER.id}"'
    body = STREAMED[upstream_api](ANSWER) if stream else json.dumps(PLAIN[upstream_api](ANSWER))
    assert own in body
    body = body.replace(own, "7")
    upstream.script(sse_reply(body.encode()) if stream else json_reply(json.loads(body)))

    got = clients.ask(client_api, model_of(upstream_api), ASK, stream=stream)

    assert got == expected(ANSWER, model_of(upstream_api))
