"""Bodies between peers of the same API: unchanged, byte for byte, whatever they say.

Here: unknown fields, kinds of content, betas and events, odd JSON; the values that do change. Not here: credentials
and time (test_passthrough.py), events that SDKs cannot read (tests/protocols/test_tap*.py).
"""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import chain, cycle

import pytest
from support.asks import Ask, user
from support.dialects import CLIENT_KEY, PATHS, Clients
from support.loss_cases import BASE
from support.pairs import CLIENTS, PLAIN_AND_STREAM, asks_usage, model_of, reply_to
from support.places import changed, without_nulls
from support.reply_streams import full_reply
from support.streams import PLAIN, STREAMED, Answer, Api, Json, frames_of
from support.upstream import Framing, Reply, Upstream, cut, json_reply, sse_reply

from wsgi_gateway.protocols.conversation import Proof
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.seal import seal

ASK = Ask((user("Hello"),))
ANSWER = Answer("one two three")

ODD = rb"""{ "big" : 123456789012345678901234567890,"k":1, "k": 2,
  "f": [1.0, 1e2, 0.10, -0.0], "s":"\u00e9\/\ud83d\ude00 \"model\": \"x\"", "n":null, "in": {"model": "other"} }"""
"""JSON that no decoder and encoder would give back as it is."""

NEWS: dict[Api, bytes] = {
    "chat_completions": b"""{"messages":[ {"role":"user","content":[{"type":"text","text":"Hi"},
        {"type":"part_of_2031","data": @}]} , {"role":"role_of_2031", "content":"x"}],
        "tools":[{"type":"tool_of_2031","x": @}]""",
    "messages": b"""{"max_tokens":1e2,"messages":[ {"role":"user","content":[{"type":"text","text":"Hi"},
        {"type":"block_of_2031","data": @}]} ], "system":[{"type":"block_of_2031"}],
        "tools":[{"type":"tool_of_2031","x": @}]""",
    "responses": b"""{"input":[ {"type":"item_of_2031","data": @},
        {"role":"user","content":[{"type":"input_of_2031","x": @}]} ], "include":["something.of_2031"],
        "tools":[{"type":"tool_of_2031","x": @}]""",
}
"""Requests that begin with kinds of content, of items and of tools that nobody knows yet."""


def news(api: Api, model: str, stream: bool) -> bytes:
    rest = b', "model" :\t"%b" , "field_of_2031":@ ,"stream": %b }\r\n'
    named = rest % (model.encode(), b"true" if stream else b"false")
    return (NEWS[api] + named).replace(b"@", ODD)


@CLIENTS
@PLAIN_AND_STREAM
@pytest.mark.parametrize("asks_by", ["its own name", "an alias"])
def test_requests_pass_byte_for_byte_but_for_an_alias(
    upstream: Upstream, clients: Clients, client_api: Api, stream: bool, asks_by: str
) -> None:
    upstream.script(lambda request: reply_to(request, client_api, ANSWER))
    own = model_of(client_api)
    asked = own if asks_by == "its own name" else f"only-{client_api}"
    headers = {
        "anthropic-beta": "context-1m-2025-08-07,something-of-2031-01-01",
        "openai-beta": "something=of-2031",
        "content-type": "application/json; charset=utf-8",
    }

    answer = clients.http.post(
        clients.base_url + PATHS[client_api],
        content=news(client_api, asked, stream),
        headers={"x-api-key": CLIENT_KEY, **headers},
    )

    assert answer.status_code == 200, answer.text
    assert upstream.last.body == news(client_api, own, stream)
    assert headers.items() <= dict(upstream.last.headers).items()
    assert "x-gateway-warning" not in answer.headers


@CLIENTS
@pytest.mark.parametrize("asks_by", ["its own name", "an alias"])
def test_plain_replies_pass_byte_for_byte_but_for_an_alias(
    upstream: Upstream, clients: Clients, client_api: Api, asks_by: str
) -> None:
    own = model_of(client_api)
    asked = own if asks_by == "its own name" else f"only-{client_api}"
    told = json.dumps(PLAIN[client_api](replace(ANSWER, model=own)), indent=1).encode()
    reply = told.replace(b"{", b'{"field_of_2031" : %b,' % ODD, 1)
    upstream.script(Reply([reply], headers={"content-type": "application/json; v=1"}))

    answer = clients.raw(client_api, asked, ASK)

    if client_api == "messages" and asked != own:
        assert reply.count(b'"%b"' % own.encode()) == 1
        reply = reply.replace(b'"%b"' % own.encode(), b'"%b"' % asked.encode())
    assert answer.content == reply


@CLIENTS
@pytest.mark.parametrize("size", [1, 17, None], ids=["1", "17", "whole"])
@pytest.mark.parametrize("framing", ["chunked", "close", "length"])
def test_streams_pass_byte_for_byte(
    upstream: Upstream, clients: Clients, client_api: Api, size: int | None, framing: Framing
) -> None:
    """Events, blocks and fields that nobody knows yet, between those of an ordinary stream."""
    odd = ODD.replace(b"\n", b" ")
    new = [
        b'event: event.of.2031\ndata:  {"type": "event.of.2031",  "odd":  %b}\n\n' % odd,
        b": a comment\n\n",
        b'event: content_block_start\ndata: {"type":"content_block_start","index":9,'
        b'"content_block":{"type":"block_of_2031", "x": %b}}\n\n' % odd,
    ]
    known = frames_of(STREAMED[client_api](ANSWER))
    stream = b"".join(chain.from_iterable(zip(known[:-1], cycle(new), strict=False))) + known[-1]
    upstream.script(sse_reply(cut(stream, size), framing))

    answer = clients.raw(
        client_api, model_of(client_api), ASK, stream=True, **asks_usage(client_api)
    )

    assert answer.content == stream


UNKNOWN: dict[Api, Json] = {
    "chat_completions": {"message.field_of_2031": ["x"]},
    "messages": {"content": [{"type": "block_of_2031", "x": 1}, {"type": "text", "text": "Hi"}]},
    "responses": {
        "output": [
            {"type": "item_of_2031", "id": "i_1", "x": 1},
            {"type": "code_interpreter_call", "id": "ci_1", "code": "1", "status": "completed"},
        ]
    },
}


@CLIENTS
@pytest.mark.parametrize("asks_by", ["its own name", "an alias"])
def test_a_full_reply_instead_of_a_stream_becomes_one_without_loss(
    upstream: Upstream, clients: Clients, client_api: Api, asks_by: str
) -> None:
    """Some hosts ignore ``stream``."""
    own = model_of(client_api)
    asked = own if asks_by == "its own name" else f"only-{client_api}"
    base = {**BASE["replies"][client_api], "model": own, "field_of_2031": 12345678901234567890}
    reply = changed(base, UNKNOWN[client_api], client_api)
    upstream.script(json_reply(reply))

    answer = clients.raw(client_api, asked, ASK, stream=True, **asks_usage(client_api))

    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert "x-gateway-warning" not in answer.headers
    if client_api == "messages":
        reply["model"] = asked
    told, given = (full_reply(client_api, data) for data in (answer.content, encode(reply)))
    assert without_nulls(told) == without_nulls(given)


@CLIENTS
def test_a_full_reply_that_is_none_is_an_error_although_a_stream_was_asked_for(
    upstream: Upstream, clients: Clients, client_api: Api
) -> None:
    upstream.script(json_reply({"id": "x", "object": "nothing"}))

    answer = clients.raw(client_api, model_of(client_api), ASK, stream=True)

    assert answer.status_code == 502
    assert answer.json()["error"]["message"]


SEALED = seal(Proof(kind="encrypted", value="x", origin="elsewhere"))


@pytest.mark.parametrize("asked", ["messages-model", "only-messages"])
def test_thinking_that_only_we_can_read_is_left_out_and_with_it_what_hangs_on_it(
    upstream: Upstream, clients: Clients, asked: str
) -> None:
    """The API refuses to think with a budget in a tool loop without its thoughts."""
    upstream.script(json_reply(PLAIN["messages"](ANSWER)))
    thought = {"type": "thinking", "thinking": "Hmm.", "signature": SEALED}
    call = {"type": "tool_use", "id": "t1", "name": "look", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "seen"}
    messages = [
        {"role": "user", "content": "Look"},
        {"role": "assistant", "content": [thought, call]},
        {"role": "user", "content": [result]},
    ]
    body = {"max_tokens": 4000, "messages": messages, "model": asked}
    budget = {"type": "enabled", "budget_tokens": 2000}

    answer = clients.post(PATHS["messages"], json.dumps({**body, "thinking": budget}))

    assert answer.status_code == 200
    messages[1] = {"role": "assistant", "content": [call]}
    assert upstream.last.json == {**body, "model": "messages-model"}
    warning = answer.headers["x-gateway-warning"]
    assert "reasoning history" in warning and "thinking" in warning


@CLIENTS
def test_words_that_look_like_ours_pass(
    upstream: Upstream, clients: Clients, client_api: Api
) -> None:
    upstream.script(json_reply(PLAIN[client_api](ANSWER)))
    body = news(client_api, model_of(client_api), False).replace(b"other", SEALED.encode())

    answer = clients.post(PATHS[client_api], body.decode())

    assert upstream.last.body == body
    assert "x-gateway-warning" not in answer.headers
