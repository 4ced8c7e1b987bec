"""Errors within a stream: whatever breaks upstream, no client sees a reply that looks finished.

Here: error events, failed and incomplete replies, and streams that end at any byte. Not here:
errors that come before the stream, as an HTTP status (test_errors.py).
"""

from __future__ import annotations

import json

import pytest
from support.asks import Ask, user
from support.dialects import FAILURES, Clients
from support.gateway import PROVIDER_KEY
from support.pairs import (
    CLIENTS,
    GOLDEN,
    GOLDEN_FOLDER,
    GOLDEN_TOOLS,
    PAIRS,
    PLAIN_AND_STREAM,
    asks_usage,
    check_error_body,
    model_of,
)
from support.streams import STREAMED, Answer, Api, Json
from support.upstream import Framing, Reply, Upstream, cut, sse_reply
from support.validators import check, frames

ASK = Ask((user("Weather in Oslo?"),), tools=GOLDEN_TOOLS)

BROKEN: dict[str, Api] = {
    "chat_error_midstream": "chat_completions",
    "messages_error_midstream": "messages",
    "responses_error_midstream": "responses",
    "responses_failed_midstream": "responses",
}

LAST_WORDS: dict[Api, bytes] = {
    "chat_completions": b'"finish_reason":"',
    "messages": b"message_delta",
    "responses": b"response.completed",
}
"""What tells in each API that the reply is complete, though its terminator may still be missing."""


def error_of(raw: bytes) -> Json:
    """The error that ends a failed stream, flat: type or code, and message."""
    data = [json.loads(data) for _, data in frames(raw)]
    last: Json = data[-1]
    error: Json = last.get("response", last)["error"]
    return error


@CLIENTS
@pytest.mark.parametrize(("golden", "upstream_api"), BROKEN.items(), ids=list(BROKEN))
@pytest.mark.parametrize("size", [1, None], ids=["1", "whole"])
def test_error_event_reaches_the_client(
    upstream: Upstream,
    clients: Clients,
    client_api: Api,
    golden: str,
    upstream_api: Api,
    size: int | None,
) -> None:
    stream = (GOLDEN_FOLDER / f"{golden}.sse").read_bytes()
    upstream.script(sse_reply(cut(stream, size)))

    with pytest.raises(FAILURES):
        clients.ask(client_api, model_of(upstream_api), ASK, stream=True)

    raw = clients.raw(client_api, model_of(upstream_api), ASK, stream=True).content
    assert "check — 日本 😀.".encode() in raw, "what came before the error was lost"
    assert check(client_api, raw) == "failed"
    assert "verloaded" in error_of(raw)["message"]


@CLIENTS
@pytest.mark.parametrize(("golden", "upstream_api"), BROKEN.items(), ids=list(BROKEN))
def test_key_quoted_in_a_stream_stays_secret(
    upstream: Upstream, clients: Clients, client_api: Api, golden: str, upstream_api: Api
) -> None:
    stream = (GOLDEN_FOLDER / f"{golden}.sse").read_text("utf-8")
    stream = stream.replace("verloaded", f"verloaded {PROVIDER_KEY}")
    upstream.script(sse_reply(stream.encode()))

    raw = clients.raw(client_api, model_of(upstream_api), ASK, stream=True).content

    assert PROVIDER_KEY.encode() not in raw
    assert "verloaded ****" in error_of(raw)["message"]


def test_error_types_are_told_in_the_clients_words(upstream: Upstream, clients: Clients) -> None:
    stream = (GOLDEN_FOLDER / "messages_error_midstream.sse").read_bytes()
    upstream.script(sse_reply(stream))
    chat = clients.raw("chat_completions", "messages-model", ASK, stream=True).content
    responses = clients.raw("responses", "messages-model", ASK, stream=True).content

    upstream.script(sse_reply((GOLDEN_FOLDER / "responses_failed_midstream.sse").read_bytes()))
    messages = clients.raw("messages", "responses-model", ASK, stream=True).content

    assert error_of(chat)["type"] == "service_unavailable_error"
    assert error_of(responses)["code"] in {"server_error", "server_is_overloaded"}
    assert error_of(messages)["type"] == "api_error"


@CLIENTS
def test_incomplete_reply_stays_incomplete(
    upstream: Upstream, clients: Clients, client_api: Api
) -> None:
    stream = (GOLDEN_FOLDER / "responses_incomplete.sse").read_bytes()
    upstream.script(sse_reply(stream))

    got = clients.ask(client_api, "responses-model", ASK, stream=True)

    assert got.finish == "length"
    assert got.text == "Let me check — 日本 😀."
    ending = check(client_api, bytes(clients.recorder.body), usage_asked=True)
    assert ending == "incomplete"


def offsets(stream: bytes) -> list[int]:
    """Where to break off: behind every event, within every event, within a UTF-8 character."""
    ends = [at + 2 for at in range(len(stream)) if stream.startswith(b"\n\n", at)]
    within = [(start + end) // 2 for start, end in zip([0, *ends], ends, strict=False)]
    character = stream.index("日".encode()) + 1
    return sorted({0, 1, character, *ends[:-1], *within})


@PAIRS
@pytest.mark.parametrize("framing", ["chunked", "close", "length"])
def test_stream_that_breaks_off_never_looks_finished(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api, framing: Framing
) -> None:
    """`chunked` ends as if all was well, `close` closes, `length` is short of its length."""
    stream = GOLDEN[upstream_api]
    complete = stream.index(LAST_WORDS[upstream_api])
    # a Chat stream that passes through and only lacks its [DONE] is left as it is
    left_open = "cut" if client_api == upstream_api == "chat_completions" else "finished"
    more = asks_usage(client_api)
    for offset in offsets(stream):
        broken = framing == "length"
        upstream.script(sse_reply(stream[:offset], framing, broken=broken))

        answer = clients.raw(client_api, model_of(upstream_api), ASK, stream=True, **more)

        where = f"cut at {offset} of {len(stream)}: {answer.content[-300:]!r}"
        if answer.status_code >= 500:
            check_error_body(client_api, answer.content)
            continue
        assert answer.status_code == 200, where
        ending = check(client_api, answer.content, usage_asked=True)
        told_all = offset > complete and ending in {"finished", left_open}
        assert ending == "failed" or told_all, where


@CLIENTS
def test_what_came_whole_passes_before_the_failure(
    upstream: Upstream, clients: Clients, client_api: Api
) -> None:
    """Not one byte of a torn event does, also where its JSON seems to end."""
    stream = GOLDEN[client_api]
    end = stream.index(LAST_WORDS[client_api])
    braces = {at + 1 for at in range(end) if stream[at : at + 1] == b"}"}
    inner = {at for at in braces if not stream.startswith(b"\n\n", at)}
    for offset in [at for at in offsets(stream) if at < end] + sorted(inner)[::7]:
        upstream.script(sse_reply(stream[:offset], "length", broken=True))

        answer = clients.raw(client_api, model_of(client_api), ASK, stream=True)

        came = b"".join(stream[:offset].rpartition(b"\n\n")[:2])
        if came:
            assert answer.content.startswith(came), offset
            assert answer.content.removeprefix(came).count(b"\n\n") == 1, offset
            assert check(client_api, answer.content) == "failed", offset
        else:
            assert answer.status_code == 502


@PAIRS
def test_sdk_raises_on_a_stream_that_breaks_off(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api
) -> None:
    stream = STREAMED[upstream_api](Answer("Half an answer", "Half a thought")).encode()
    upstream.script(sse_reply(stream[: stream.index(b"answer")], "chunked", broken=True))

    with pytest.raises(FAILURES):
        clients.ask(client_api, model_of(upstream_api), ASK, stream=True)


@PAIRS
@PLAIN_AND_STREAM
def test_plain_body_that_breaks_off_is_an_error(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api, stream: bool
) -> None:
    half = b'{"id": "half", "object": "chat.completion", "choices": [{"index": 0, "mess'
    framings: tuple[Framing, ...] = ("close", "length")
    for framing in framings:
        json_type = {"content-type": "application/json"}
        upstream.script(Reply([half], 200, json_type, framing, broken=framing == "length"))

        answer = clients.raw(client_api, model_of(upstream_api), ASK, stream=stream)

        assert answer.status_code >= 500, answer.content
        check_error_body(client_api, answer.content)
