"""Streams as real servers send them, against the book: they must still arrive whole and in order.

Here: one odd stream each, per upstream API, toward all clients of another API, with the answer it
means. The book itself is golden and in test_matrix.py; streams that fail are in test_failures.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from support.asks import Ask, Tool, user
from support.dialects import Clients, expected
from support.pairs import model_of
from support.streams import (
    Answer,
    Api,
    Json,
    ToolCall,
    Usage,
    chat_usage,
    frame,
    message_events,
    named,
    response_events,
)
from support.upstream import Upstream, cut, sse_reply
from support.validators import check

LOOK = Tool("look", "Look at a place", ("at",))
NORTH = ToolCall("call_n", "look", '{"at":"north"}')
SOUTH = ToolCall("call_s", "look", '{"at":"south"}')
NO_USAGE = Usage(0, 0, 0, 0, 0)

Case = tuple[str, Answer]


# --- Chat Completions


def chunk(delta: Json | None = None, finish: str | None = None, **more: Any) -> str:
    choice: Json = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "odd"}
    return frame({**head, "choices": [choice], **more})


def call(index: int | None, arguments: str, **function: Any) -> Json:
    """A fragment of a tool call; the id is given with the name."""
    fragment: Json = {"function": {"arguments": arguments, **function}}
    if index is not None:
        fragment["index"] = index
    return {"tool_calls": [fragment]}


def opening(index: int | None, tool: ToolCall, arguments: str = "") -> Json:
    delta = call(index, arguments, name=tool.name)
    delta["tool_calls"][0].update(id=tool.id, type="function")
    return delta


def chat(*deltas: Json, finish: str = "stop", usage: Usage | None = None) -> str:
    """Chunks of deltas, then the finish and the end."""
    pieces = [chunk(delta) for delta in deltas]
    pieces.append(chunk({}, finish))
    if usage:
        pieces.append(chunk_without_choices(usage=chat_usage(usage)))
    return "".join(pieces) + "data: [DONE]\n\n"


def chunk_without_choices(**more: Any) -> str:
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "odd"}
    return frame({**head, "choices": [], **more})


def halves(tool: ToolCall) -> tuple[str, str]:
    return tool.arguments[:5], tool.arguments[5:]


N1, N2 = halves(NORTH)
S1, S2 = halves(SOUTH)
TWO_CALLS = Answer(tool_calls=(NORTH, SOUTH), usage=NO_USAGE)
HELLO = Answer("Hello you", usage=NO_USAGE)
BASIC = chat({"role": "assistant", "content": ""}, {"content": "Hello "}, {"content": "you"})

CHAT: dict[str, Case] = {
    "calls interleaved": (
        chat(
            opening(0, NORTH),
            opening(1, SOUTH),
            call(0, N1),
            call(1, S1),
            call(0, N2),
            call(1, S2),
            finish="tool_calls",
        ),
        TWO_CALLS,
    ),
    "whole calls in one chunk": (
        chat(
            {
                "tool_calls": [
                    *opening(0, NORTH, NORTH.arguments)["tool_calls"],
                    *opening(1, SOUTH, SOUTH.arguments)["tool_calls"],
                ]
            },
            finish="tool_calls",
        ),
        TWO_CALLS,
    ),
    "stop although there are calls": (
        chat(opening(0, NORTH), call(0, NORTH.arguments), finish="stop"),
        Answer(tool_calls=(NORTH,), usage=NO_USAGE),
    ),
    "indexes from 1 with a gap": (
        chat(
            opening(1, NORTH, NORTH.arguments),
            opening(3, SOUTH, SOUTH.arguments),
            finish="tool_calls",
        ),
        TWO_CALLS,
    ),
    "no index at all": (
        chat(
            opening(None, NORTH, NORTH.arguments),
            opening(None, SOUTH, SOUTH.arguments),
            finish="tool_calls",
        ),
        TWO_CALLS,
    ),
    "id, type and name repeated": (
        chat(opening(0, NORTH, N1), opening(0, NORTH, N2), finish="tool_calls"),
        Answer(tool_calls=(NORTH,), usage=NO_USAGE),
    ),
    "name in a later fragment": (
        chat(
            {"tool_calls": [{"index": 0, "id": NORTH.id, "type": "function", "function": {}}]},
            call(0, N1, name="look"),
            call(0, N2),
            finish="tool_calls",
        ),
        Answer(tool_calls=(NORTH,), usage=NO_USAGE),
    ),
    "nulls in continuations": (
        chat(
            opening(0, NORTH, N1),
            {
                "content": None,
                "tool_calls": [
                    {
                        "index": 0,
                        "id": None,
                        "type": None,
                        "function": {"name": None, "arguments": N2},
                    }
                ],
            },
            finish="tool_calls",
        ),
        Answer(tool_calls=(NORTH,), usage=NO_USAGE),
    ),
    "no arguments": (
        chat(opening(0, replace(NORTH, arguments="")), finish="tool_calls"),
        Answer(tool_calls=(replace(NORTH, arguments="{}"),), usage=NO_USAGE),
    ),
    "text, then calls, then text": (
        chat({"content": "Hello "}, opening(0, NORTH, NORTH.arguments), {"content": "you"}),
        Answer("Hello you", tool_calls=(NORTH,), usage=NO_USAGE),
    ),
    "role in each delta": (
        chat({"role": "assistant", "content": "Hello "}, {"role": "assistant", "content": "you"}),
        HELLO,
    ),
    "no role": (chat({"content": "Hello "}, {"content": "you"}), HELLO),
    "text beside the finish": (
        chunk({"content": "Hello "}) + chunk({"content": "you"}, "stop") + "data: [DONE]\n\n",
        HELLO,
    ),
    "filter results first": (
        chunk_without_choices(object="", prompt_filter_results=[]) + BASIC,
        HELLO,
    ),
    "obfuscation": (
        BASIC.replace('"model":"odd"', '"model":"odd","obfuscation":"a8sd7"'),
        HELLO,
    ),
    "usage beside the finish": (
        chunk({"content": "Hello you"})
        + chunk({}, "stop", usage=chat_usage(Usage()))
        + "data: [DONE]\n\n",
        Answer("Hello you"),
    ),
    "usage in each chunk": (
        chunk({"content": "Hello "}, usage=chat_usage(NO_USAGE))
        + chunk({"content": "you"}, "stop", usage=chat_usage(Usage()))
        + "data: [DONE]\n\n",
        Answer("Hello you"),
    ),
    "no end mark after the finish": (BASIC.removesuffix("data: [DONE]\n\n"), HELLO),
    "end mark with a blank": (BASIC.replace("[DONE]", "[DONE] "), HELLO),
    "no finish before the end mark": (
        chunk({"content": "Hello you"}) + "data: [DONE]\n\n",
        HELLO,
    ),
    "byte order mark": ("\ufeff" + BASIC, HELLO),
    "no blank behind the colon": (BASIC.replace("data: ", "data:"), HELLO),
    "fields to ignore": ("retry: 3000\nid: 7\n\nevent: nothing\n\n: hi\n\n" + BASIC, HELLO),
    "reasoning under another name": (
        chat({"reasoning": "Hmm, "}, {"reasoning": "well."}, {"content": "Hello you"}),
        Answer("Hello you", "Hmm, well.", usage=NO_USAGE),
    ),
    "thinking again after the text": (
        chat(
            {"reasoning_content": "Hmm."},
            {"content": "Hello "},
            {"reasoning_content": " Well."},
            {"content": "you"},
        ),
        Answer("Hello you", "Hmm. Well.", usage=NO_USAGE),
    ),
    "line separators in the text": (
        chat({"content": "Hello\u2028\u0085"}, {"content": "you\n\ndata: [DONE]\n\n"}),
        Answer("Hello\u2028\u0085you\n\ndata: [DONE]\n\n", usage=NO_USAGE),
    ),
    "a surrogate pair in two escapes": (
        BASIC.replace("Hello ", "Hello \\ud83d\\ude00"),
        Answer("Hello 😀you", usage=NO_USAGE),
    ),
}


# --- Messages


def without(events: Iterable[Json], *kinds: str) -> list[Json]:
    return [event for event in events if event["type"] not in kinds]


def input_at_start(answer: Answer) -> str:
    events = list(message_events(answer))
    for event in events:
        if event["type"] == "content_block_start":
            event["content_block"]["input"] = {"at": "north"}
    deltas = [e for e in events if e.get("delta", {}).get("type") == "input_json_delta"]
    return named(event for event in events if event not in deltas)


def finish_in_two(answer: Answer) -> str:
    *events, finish, stop = message_events(answer)
    early = {**finish, "usage": {"output_tokens": 1}}
    return named([*events, early, finish, stop])


def signature_in_two(answer: Answer) -> str:
    events: list[Json] = []
    for event in message_events(answer):
        signature = event.get("delta", {}).get("signature")
        pieces = [signature[:3], signature[3:]] if signature else [None]
        for piece in pieces:
            delta = {"delta": {**event["delta"], "signature": piece}} if piece else {}
            events.append({**event, **delta})
    return named(events)


def with_news(answer: Answer) -> str:
    start, *events = message_events(answer)
    news: list[Json] = [
        {"type": "event_of_2031", "index": 0},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "delta_of_2031"}},
    ]
    opened = events.index(next(e for e in events if e["type"] == "content_block_start"))
    return named([start, *events[: opened + 1], *news, *events[opened + 1 :]])


PLAIN_HELLO = Answer("Hello you")
ONE_CALL = Answer(tool_calls=(NORTH,))

MESSAGES: dict[str, Case] = {
    "input at the start of a call": (input_at_start(ONE_CALL), ONE_CALL),
    "two message_delta": (finish_in_two(PLAIN_HELLO), PLAIN_HELLO),
    "signature in two": (
        signature_in_two(Answer("Hello", "Hmm.")),
        Answer("Hello", "Hmm."),
    ),
    "events of the future": (with_news(PLAIN_HELLO), PLAIN_HELLO),
    "no pings": (named(without(message_events(PLAIN_HELLO), "ping")), PLAIN_HELLO),
    "no event lines": (
        "".join(frame(event) for event in message_events(PLAIN_HELLO)),
        PLAIN_HELLO,
    ),
    "call without input": (
        named(
            event
            for event in message_events(Answer(tool_calls=(replace(NORTH, arguments="{}"),)))
            if event.get("delta", {}).get("type") != "input_json_delta"
        ),
        Answer(tool_calls=(replace(NORTH, arguments="{}"),)),
    ),
    "empty text block": (
        named(
            event
            for event in message_events(Answer("Hello", tool_calls=(NORTH,)))
            if event.get("delta", {}).get("type") != "text_delta"
        ),
        ONE_CALL,
    ),
}


# --- Responses


def renumbered(events: Iterable[Json]) -> str:
    return named({**event, "sequence_number": n} for n, event in enumerate(events))


def only_done(answer: Answer) -> str:
    return renumbered(
        event for event in response_events(answer) if not event["type"].endswith(".delta")
    )


def raw_reasoning(answer: Answer) -> str:
    """As open models think: text parts of the reasoning item instead of a summary."""
    text = answer.thinking
    at = {"item_id": "rs_1", "output_index": 0, "content_index": 0}
    item: Json = {"id": "rs_1", "type": "reasoning", "summary": [], "status": "completed"}
    part = {"type": "reasoning_text", "text": text}
    thought: list[Json] = [
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", **at, "part": {**part, "text": ""}},
        {"type": "response.reasoning_text.delta", **at, "delta": text},
        {"type": "response.reasoning_text.done", **at, "text": text},
        {"type": "response.content_part.done", **at, "part": part},
        {
            "type": "response.output_item.done",
            "output_index": 0,
            "item": {**item, "content": [part]},
        },
    ]
    created, begun, *said = response_events(replace(answer, thinking=""))
    shifted = [{**e, "output_index": 1} if "output_index" in e else e for e in said]
    return renumbered([created, begun, *thought, *shifted])


def with_keepalives(answer: Answer) -> str:
    return named(
        out
        for event in response_events(answer)
        for out in ({"type": "keepalive", "sequence_number": 0}, event)
    )


RESPONSES: dict[str, Case] = {
    "calls without deltas": (only_done(TWO_CALLS), TWO_CALLS),
    "text without deltas": (only_done(PLAIN_HELLO), PLAIN_HELLO),
    "reasoning as text": (
        raw_reasoning(Answer("Hello", "Hmm.")),
        Answer("Hello", "Hmm."),
    ),
    "keepalive events": (with_keepalives(PLAIN_HELLO), PLAIN_HELLO),
    "no in_progress": (
        renumbered(without(response_events(PLAIN_HELLO), "response.in_progress")),
        PLAIN_HELLO,
    ),
    "events of the future": (
        renumbered(
            out
            for event in response_events(PLAIN_HELLO)
            for out in (event, {"type": "response.something_of_2031"})
            if event["type"] != "response.completed" or out is event
        ),
        PLAIN_HELLO,
    ),
    "end mark": (named(response_events(PLAIN_HELLO)) + "data: [DONE]\n\n", PLAIN_HELLO),
}

CASES = [
    pytest.param(client, upstream, *case, id=f"{upstream}-{name}-to-{client}")
    for upstream, cases, others in (
        ("chat_completions", CHAT, ("messages", "responses")),
        ("messages", MESSAGES, ("chat_completions", "responses")),
        ("responses", RESPONSES, ("chat_completions", "messages")),
    )
    for name, case in cases.items()
    for client in others
]


@pytest.mark.parametrize(("client_api", "upstream_api", "stream", "answer"), CASES)
def test_odd_stream_means_its_answer(
    upstream: Upstream,
    clients: Clients,
    client_api: Api,
    upstream_api: Api,
    stream: str,
    answer: Answer,
) -> None:
    upstream.script(sse_reply(cut(stream.encode(), 11)))

    ask = Ask((user("Look around"),), tools=(LOOK,))
    got = clients.ask(client_api, model_of(upstream_api), ask, stream=True)

    assert got == expected(answer, model_of(upstream_api))
    raw = bytes(clients.recorder.body)
    assert check(client_api, raw, usage_asked=True) == "finished"


def test_builders_make_the_ordinary_stream_too() -> None:
    """The odd streams are odd by what the cases change, not by how they are built."""
    ordinary = chat({"role": "assistant", "content": ""}, {"content": "Hi"}, usage=Usage())
    assert check("chat_completions", ordinary.encode(), usage_asked=True) == "finished"
    assert check("responses", renumbered(response_events(TWO_CALLS)).encode()) == "finished"


@pytest.mark.parametrize("client_api", ["messages", "responses"])
def test_halves_of_a_surrogate_pair_do_not_break_the_stream(
    upstream: Upstream, clients: Clients, client_api: Api
) -> None:
    """A half of a pair is no character: joined with its other half, or replaced, but never sent."""
    first, second = chunk({"content": "Hello @"}), chunk({"content": "@you"}, "stop")
    stream = first.replace("@", "\\ud83d") + second.replace("@", "\\ude00") + "data: [DONE]\n\n"
    upstream.script(sse_reply(stream.encode()))

    got = clients.ask(client_api, "chat_completions-model", Ask((user("Hi"),)), stream=True)

    assert got.text in {"Hello 😀you", "Hello \ufffd\ufffdyou"}
