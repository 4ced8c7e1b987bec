"""Upstream replies, streamed at every chunking, full, broken and malformed."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.events import read, told, translation
from support.streams import Answer, ToolCall, response, response_stream

from wsgi_gateway.protocols.conversation import Proof
from wsgi_gateway.protocols.events import (
    Event,
    Failed,
    Finished,
    PartEnded,
    PartStarted,
    Started,
    Usage,
    UsageReported,
)
from wsgi_gateway.protocols.responses import StreamReader, read_reply

GOLDEN = Path(__file__).parents[2] / "golden"
SIZES = pytest.mark.parametrize("size", [1, 7, None])
ANSWER = Answer(
    "Let me check.",
    "Need weather.",
    tool_calls=(ToolCall("call_a", "f", '{"x": 1}'), ToolCall("call_b", "g")),
)
CREATED = {"type": "response.created", "response": {"id": "resp_1", "model": "m", "output": []}}


def stream(*events: dict[str, Any]) -> bytes:
    return b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events)


def reader() -> StreamReader:
    return StreamReader(translation())


def events_of(*events: dict[str, Any]) -> list[Event]:
    return read(reader(), stream(CREATED, *events))


def completed(**fields: Any) -> dict[str, Any]:
    return {"type": "response.completed", "response": {"id": "resp_1", **fields}}


def failure(events: list[Event]) -> tuple[str, str, str | None]:
    last = events[-1]
    assert isinstance(last, Failed)
    return last.error.kind, last.error.message, last.error.code


@SIZES
def test_the_golden_stream(size: int | None) -> None:
    events = read(reader(), (GOLDEN / "responses.sse").read_bytes(), size)
    assert events[0] == Started(id="resp_gw1", model="gw-model")
    assert told(events) == [
        ("reasoning", "Need weather."),
        ("text", "Let me check — 日本 😀."),
        ("tool_call", "call_a1", "get_weather", '{"city":"Oslo"}'),
        ("tool_call", "call_b2", "now", "{}"),
    ]
    proof = Proof(kind="encrypted", value="RU5D", item_id="rs_gw1", origin="prov")
    assert PartEnded(index=0, proof=proof) in events
    usage = Usage(
        input=30, output=20, cache_read=10, cache_write=5, reasoning=8, service_tier="default"
    )
    assert events[-2:] == [UsageReported(usage), Finished(reason="tool_calls")]


@SIZES
@pytest.mark.parametrize("name", ["responses_failed_midstream", "responses_error_midstream"])
def test_failures_midstream(name: str, size: int | None) -> None:
    events = read(reader(), (GOLDEN / f"{name}.sse").read_bytes(), size)
    assert failure(events) == ("server", "Upstream overloaded", "server_error")


def test_a_limit() -> None:
    events = read(reader(), (GOLDEN / "responses_incomplete.sse").read_bytes())
    assert events[-1] == Finished(reason="length")


@SIZES
def test_full_and_streamed_replies_say_the_same(size: int | None) -> None:
    full = read_reply(response(ANSWER), translation())
    streamed = read(reader(), response_stream(ANSWER).encode(), size)
    assert told(full) == told(streamed)
    assert [full[0], *full[-2:]] == [streamed[0], *streamed[-2:]]


@pytest.mark.parametrize("cut", range(0, 6000, 97))
def test_a_stream_that_breaks_off_failed(cut: int) -> None:
    data = (GOLDEN / "responses.sse").read_bytes()
    kind, message, _ = failure(read(reader(), data[:cut]))
    assert kind == "upstream_invalid"
    assert "broke off" in message or "odd" in message


def test_a_last_event_without_its_blank_line_counts() -> None:
    data = (GOLDEN / "responses.sse").read_bytes().rstrip(b"\n")
    assert isinstance(read(reader(), data)[-1], Finished)


def test_what_follows_the_end_is_ignored() -> None:
    one = reader()
    read(one, stream(CREATED, completed(output=[])))
    assert one.ended
    assert one.feed(stream({"type": "error", "message": "late"})) == []
    assert one.finish() == []


def test_a_stream_need_not_begin_with_created() -> None:
    item = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    events = read(
        reader(), stream({"type": "response.output_item.done", "output_index": 0, "item": item})
    )
    assert isinstance(events[0], Started)
    assert isinstance(events[1], PartStarted)


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ({"reason": "max_output_tokens"}, "length"),
        ({"reason": "content_filter"}, "content_filter"),
        ({"reason": "from_the_future"}, "length"),
        (None, "length"),
    ],
)
def test_reasons_of_incomplete_replies(details: Any, reason: str) -> None:
    fields = {"id": "resp_1", "incomplete_details": details}
    last = events_of({"type": "response.incomplete", "response": fields})[-1]
    assert isinstance(last, Finished) and last.reason == reason
    body = {**fields, "status": "incomplete", "output": []}
    last = read_reply(body, translation())[-1]
    assert isinstance(last, Finished) and last.reason == reason


def test_the_status_counts_more_than_the_events_name() -> None:
    last = events_of(completed(status="incomplete", output=[]))[-1]
    assert isinstance(last, Finished) and last.reason == "length"
    assert failure(events_of(completed(status="failed")))[0] == "server"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            {"type": "error", "code": "rate_limit_exceeded", "message": "slow", "param": None},
            ("rate_limit", "slow", "rate_limit_exceeded"),
        ),
        (
            {"type": "error", "error": {"type": "invalid_request_error", "message": "bad"}},
            ("invalid_request", "bad", None),
        ),
        ({"error": {"message": "bad gateway", "code": 502}}, ("server", "bad gateway", None)),
        ({"error": "out of order"}, ("server", "out of order", None)),
        (
            {"type": "error"},
            ("server", "the upstream failed and did not say why", None),
        ),
        (
            {
                "type": "response.failed",
                "response": {"error": {"code": "invalid_prompt", "message": "bad prompt"}},
            },
            ("invalid_request", "bad prompt", "invalid_prompt"),
        ),
        (
            {
                "type": "response.failed",
                "response": {"error": {"code": "context_length_exceeded", "message": "too long"}},
            },
            ("context_length", "too long", "context_length_exceeded"),
        ),
        (
            {"type": "response.failed", "response": {"status": "failed", "error": None}},
            ("server", "the upstream failed and did not say why", None),
        ),
        (
            {"type": "response.cancelled", "response": {"status": "cancelled"}},
            ("upstream_invalid", "the upstream's reply ended as 'cancelled'", None),
        ),
    ],
)
def test_failures(event: dict[str, Any], expected: tuple[str, str, str | None]) -> None:
    assert failure(events_of(event)) == expected


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"choices": []},
        {"output": None},
        {"output": 3},
        {"status": "in_progress", "output": None},
        {"output": [{"type": "message", "content": 3}]},
        {"usage": 3, "output": []},
    ],
)
def test_full_replies_that_are_none(body: dict[str, Any]) -> None:
    assert failure(read_reply(body, translation()))[0] == "upstream_invalid"


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_a_reply_that_runs_in_the_background_is_not_finished(status: str) -> None:
    body = {"id": "resp_1", "model": "m", "status": status, "output": [], "error": None}
    message = f"the upstream's reply ended as {status!r}"
    assert failure(read_reply(body, translation())) == ("upstream_invalid", message, None)
    last_word = {"type": f"response.{status}", "response": body}
    assert failure(events_of(last_word))[0] == "upstream_invalid"


@pytest.mark.parametrize("status", ["completed", "in_progress", None])
def test_the_last_event_ends_a_stream_whose_status_lags_behind(status: str | None) -> None:
    told = translation()
    events = read(StreamReader(told), stream(CREATED, completed(status=status, output=[])))
    assert isinstance(events[-1], Finished)
    assert told.loss.entries == []


def test_a_status_that_nobody_knows_is_told() -> None:
    told = translation()
    assert isinstance(read_reply({"status": "paused", "output": []}, told)[-1], Finished)
    assert [(entry.path, entry.verdict) for entry in told.loss.entries] == [
        ("reply.status", "approximated")
    ]


def test_a_full_reply_that_failed() -> None:
    body = {"status": "failed", "output": [], "error": {"code": "server_error", "message": "sorry"}}
    assert failure(read_reply(body, translation())) == ("server", "sorry", "server_error")


def test_what_is_unknown_is_passed_over() -> None:
    unknown = {"type": "from_the_future_call", "id": "x_1", "status": "completed", "action": 3}
    events = events_of(
        {"type": "keepalive", "sequence_number": 1},
        {"type": "response.from_the_future", "delta": {"stdout": "x"}, "item": 3, "text": []},
        {"type": "response.output_item.added", "output_index": 0, "item": unknown},
        {"type": "response.output_item.done", "output_index": 0, "item": unknown},
        {"type": "response.output_text.delta", "output_index": 1, "delta": "hi"},
        {"type": "response.output_text.delta", "output_index": 1, "delta": {"odd": 1}},
        completed(output=[unknown, {"type": ["odd"]}, 3]),
    )
    assert told(events) == [("text", "hi")]


@pytest.mark.parametrize("data", [b"data: {\n\n", b"data: <html>\n\n", b'data: {"type":3}\n\n'])
def test_events_that_cannot_be_read(data: bytes) -> None:
    assert failure(read(reader(), stream(CREATED) + data))[0] == "upstream_invalid"


def test_events_without_indexes_are_told_apart_by_their_items_ids() -> None:
    """So llama.cpp writes them; nothing may be lost or told twice."""
    call = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f"}
    text = {"type": "output_text", "text": "Red, blue"}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "content": [text]}
    whole = {**call, "arguments": '{"x":1}', "status": "completed"}
    events = [
        {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}},
        {"type": "response.output_item.added", "item": {**message, "content": []}},
        {"type": "response.output_text.delta", "item_id": "msg_1", "delta": "Red"},
        {"type": "response.output_text.delta", "item_id": "msg_1", "delta": ", blue"},
        {"type": "response.output_text.done", "item_id": "msg_1", "text": "Red, blue"},
        {"type": "response.output_item.done", "item": message},
        {"type": "response.output_item.added", "item": {**call, "arguments": ""}},
        {"type": "response.function_call_arguments.delta", "item_id": "fc_1", "delta": '{"x":1}'},
        {"type": "response.output_item.done", "item": whole},
        {"type": "response.completed", "response": {"id": "resp_1", "output": [message, whole]}},
    ]
    stream = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events)
    assert told(read(StreamReader(translation()), stream.encode())) == [
        ("text", "Red, blue"),
        ("tool_call", "call_1", "f", '{"x":1}'),
    ]


def test_half_a_surrogate_pair() -> None:
    data = rb'data: {"type":"response.output_text.delta","output_index":0,"delta":"x\ud83d"}'
    events = read(reader(), stream(CREATED) + data + b"\n\n" + stream(completed()))
    assert told(events) == [("text", "x\ufffd")]


KINDS = [
    "response.created",
    "response.output_item.added",
    "response.output_item.done",
    "response.content_part.done",
    "response.output_text.delta",
    "response.output_text.done",
    "response.refusal.delta",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.custom_tool_call_input.delta",
    "response.reasoning_summary_text.delta",
    "response.reasoning_summary_text.done",
    "response.reasoning_text.delta",
    "response.completed",
    "error",
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from(["", "a", "ab", "message"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=4,
)
ITEMS = st.fixed_dictionaries(
    {"type": st.sampled_from(["message", "reasoning", "function_call", "custom_tool_call", "x"])},
    optional={
        "id": st.sampled_from(["i1", "i2"]),
        "call_id": st.sampled_from(["c1", "c2"]),
        "name": st.sampled_from(["f", ""]),
        "arguments": VALUES,
        "input": st.sampled_from(["", "raw"]),
        "status": st.sampled_from(["completed", "incomplete"]),
        "content": st.lists(
            st.sampled_from(
                [{"type": "output_text", "text": "ab"}, {"type": "refusal", "refusal": "no"}]
            )
        ),
        "summary": st.lists(st.just({"type": "summary_text", "text": "ab"}), max_size=2),
        "encrypted_content": st.sampled_from(["", "E"]),
    },
)
EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS)},
    optional={
        "output_index": st.integers(0, 2),
        "content_index": st.integers(0, 1),
        "summary_index": st.integers(0, 1),
        "item_id": st.sampled_from(["i1", "i2"]),
        "delta": st.sampled_from(["a", "b", ""]) | VALUES,
        "text": st.sampled_from(["ab", "abc"]) | VALUES,
        "arguments": st.sampled_from(["ab", "{}"]) | VALUES,
        "item": ITEMS | VALUES,
        "part": VALUES,
        "response": st.fixed_dictionaries({"output": st.lists(ITEMS, max_size=3)}) | VALUES,
    },
)


def check_ends_once(events: list[Event]) -> None:
    assert sum(isinstance(event, Finished | Failed) for event in events) == 1
    assert isinstance(events[-1], Finished | Failed)
    begun = [event.index for event in events if isinstance(event, PartStarted)]
    ended = [event.index for event in events if isinstance(event, PartEnded)]
    assert begun == list(range(len(begun)))
    assert len(set(ended)) == len(ended) and set(ended) <= set(begun)
    if begun:
        assert isinstance(events[0], Started)
    if isinstance(events[-1], Finished):
        assert set(ended) == set(begun)


@given(st.lists(EVENTS, max_size=12), st.integers(1, 200))
def test_any_events_end_once(events: list[dict[str, Any]], size: int) -> None:
    check_ends_once(read(reader(), stream(*events), size))


@given(st.binary() | st.binary().map(lambda data: b"data: " + data + b"\n\n"), st.integers(1, 9))
def test_any_bytes_end_once(data: bytes, size: int) -> None:
    check_ends_once(read(reader(), data, size))


@given(st.dictionaries(st.sampled_from(["output", "status", "error", "id", "usage"]), VALUES))
def test_any_object_ends_once(body: dict[str, Any]) -> None:
    check_ends_once(read_reply(body, translation()))
