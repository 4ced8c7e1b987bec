"""The nine pairs of a client's API and an upstream's, and what tests of all of them need.

Here: parametrisations, model names, golden streams. Not here: the exchanges themselves.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.asks import Tool
from support.streams import (
    PLAIN,
    STREAMED,
    Answer,
    Api,
    Json,
    ToolCall,
    Usage,
    chat_stream,
    frames_of,
)
from support.upstream import Piece, Reply, Request, json_reply, sse_reply

APIS: tuple[Api, ...] = ("chat_completions", "messages", "responses")

CLIENTS = pytest.mark.parametrize("client_api", APIS)
UPSTREAMS = pytest.mark.parametrize("upstream_api", APIS)
PAIRS = pytest.mark.parametrize(
    ("client_api", "upstream_api"),
    [pytest.param(ours, theirs, id=f"{ours}-to-{theirs}") for ours in APIS for theirs in APIS],
)
TRANSLATED = pytest.mark.parametrize(
    ("client_api", "upstream_api"),
    [
        pytest.param(ours, theirs, id=f"{ours}-to-{theirs}")
        for ours in APIS
        for theirs in APIS
        if ours != theirs
    ],
)
PLAIN_AND_STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])

GOLDEN_FOLDER = Path(__file__).parents[1] / "golden"
GOLDEN: dict[Api, bytes] = {
    "chat_completions": (GOLDEN_FOLDER / "chat.sse").read_bytes(),
    "messages": (GOLDEN_FOLDER / "messages.sse").read_bytes(),
    "responses": (GOLDEN_FOLDER / "responses.sse").read_bytes(),
}
_GOLDEN_TEXT = "Let me check — 日本 😀."
GOLDEN_ANSWERS: dict[Api, Answer] = {
    "chat_completions": Answer(
        _GOLDEN_TEXT,
        tool_calls=(
            ToolCall("call_a1", "get_weather", '{"city":"Oslo"}'),
            ToolCall("call_b2", "now"),
        ),
    ),
    "messages": Answer(
        _GOLDEN_TEXT,
        "Need weather.",
        "U0lH",
        (ToolCall("toolu_a1", "get_weather", '{"city":"Oslo"}'), ToolCall("toolu_b2", "now")),
        usage=Usage(reasoning=0),
    ),
    "responses": Answer(
        _GOLDEN_TEXT,
        "Need weather.",
        "RU5D",
        (ToolCall("call_a1", "get_weather", '{"city":"Oslo"}'), ToolCall("call_b2", "now")),
    ),
}
"""What the golden streams say. The Messages one tells no thinking tokens, the Chat one no thoughts.
"""

GOLDEN_TOOLS = (Tool("get_weather", "Weather of a city", ("city",)), Tool("now", "Time of day"))


def model_of(api: Api) -> str:
    """The model of the provider that speaks only this API (support.gateway.provider)."""
    return f"{api}-model"


def told_model(client_api: Api, upstream_api: Api, answer: Answer) -> str:
    """The model that the client is told: a translated reply echoes what was asked for."""
    return answer.model if client_api == upstream_api else model_of(upstream_api)


def reply_to(request: Request, api: Api, answer: Answer) -> Reply:
    """The answer as the upstream writes it: plain or streamed, as the request wants it."""
    if not request.json.get("stream"):
        return json_reply(PLAIN[api](answer))
    if api == "chat_completions":
        usage = (request.json.get("stream_options") or {}).get("include_usage", False)
        return sse_reply(chat_stream(answer, usage=usage).encode())
    return sse_reply(STREAMED[api](answer).encode())


def word_by_word(api: Api, words: Sequence[str]) -> tuple[Reply, dict[str, threading.Event]]:
    """A stream that stands still behind each of ``words`` until its event is set: by who has seen the word."""
    seen = {word: threading.Event() for word in words}
    pieces: list[Piece] = []
    waiting = list(words)
    for frame in frames_of(STREAMED[api](Answer(" ".join(words)))):
        pieces.append(frame)
        if waiting and waiting[0].encode() in frame:
            pieces.append(seen[waiting.pop(0)])
    assert not waiting
    return sse_reply(pieces), seen


def asks_usage(api: Api) -> Json:
    """What a client adds to a streamed request to be told the usage: needed in Chat only."""
    return {"stream_options": {"include_usage": True}} if api == "chat_completions" else {}


def error_body(api: Api, message: str, kind: str, code: str | None = None) -> Json:
    """An HTTP error's body as an upstream of that API writes it."""
    if api == "messages":
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def check_error_body(api: Api, raw: bytes) -> Json:
    """Asserts that an HTTP error has the shape that clients of an API expect; returns its core."""
    body = json.loads(raw)
    error: Json = body["error"]
    assert error["message"], body
    assert error["type"], body
    if api == "messages":
        assert body["type"] == "error", body
    else:
        assert {"message", "type", "param", "code"} <= set(error), body
    return error
