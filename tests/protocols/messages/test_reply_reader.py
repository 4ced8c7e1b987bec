"""Messages replies in every order that hosts send them (protocol digest 5.2, edges 52 to 55)."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.events import read, told, translation

from wsgi_gateway.protocols.conversation import Proof
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import (
    Annotated,
    Annotation,
    Delta,
    Event,
    Failed,
    Finished,
    PartEnded,
    PartStarted,
    Started,
    Usage,
    UsageReported,
)
from wsgi_gateway.protocols.messages import StreamReader, read_reply
from wsgi_gateway.protocols.reply import fold

GOLDEN = Path(__file__).parents[2] / "golden"
START = {"type": "message_start", "message": {"id": "msg_1", "model": "m", "content": []}}
STOP = {"type": "message_stop"}


def frames(*events: dict[str, Any]) -> bytes:
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (str(event["type"]).encode(), json.dumps(event).encode())
        for event in events
    )


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def text(value: str) -> dict[str, Any]:
    return {"type": "text_delta", "text": value}


def arguments(value: str) -> dict[str, Any]:
    return {"type": "input_json_delta", "partial_json": value}


def tool(call_id: str = "toolu_1", name: str = "f", **more: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": name, "input": {}, **more}


def ending(reason: str | None = "end_turn", **more: Any) -> list[dict[str, Any]]:
    delta = {"stop_reason": reason, "stop_sequence": None, **more}
    return [{"type": "message_delta", "delta": delta, "usage": {"output_tokens": 3}}, STOP]


def events_of(*events: dict[str, Any], size: int | None = None) -> list[Event]:
    return read(StreamReader(translation()), frames(*events), size)


TEXT_START = {"type": "text", "text": ""}


@pytest.mark.parametrize("size", [1, 7, None])
def test_golden(size: int | None) -> None:
    events = read(StreamReader(translation()), (GOLDEN / "messages.sse").read_bytes(), size)
    reply = fold(events)
    assert told(reply) == [
        ("reasoning", "Need weather."),
        ("text", "Let me check — 日本 😀."),
        ("tool_call", "toolu_a1", "get_weather", '{"city":"Oslo"}'),
        ("tool_call", "toolu_b2", "now", "{}"),
    ]
    assert reply.parts[0].proof == Proof(kind="signature", value="U0lH", origin="prov")
    assert (reply.id, reply.model, reply.reason) == ("msg_gw1", "gw-model", "tool_calls")
    assert reply.usage == Usage(input=30, output=20, cache_read=10, cache_write=5)
    assert events[0] == Started(
        id="msg_gw1",
        model="gw-model",
        usage=Usage(input=30, output=1, cache_read=10, cache_write=5),
    )


@pytest.mark.parametrize("size", [1, None])
def test_golden_with_an_error(size: int | None) -> None:
    stream = (GOLDEN / "messages_error_midstream.sse").read_bytes()
    events = read(StreamReader(translation()), stream, size)
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert (failed.error.kind, failed.error.message) == ("overloaded", "Overloaded")
    assert "".join(e.text for e in events if isinstance(e, Delta) and e.index == 1).endswith("😀.")


def test_every_event_leaves_at_once() -> None:
    reader = StreamReader(translation())
    start, stop = block(0, TEXT_START)
    assert reader.feed(frames(START)) == [Started(id="msg_1", model="m")]
    assert reader.feed(frames(start)) == []
    delta = {"type": "content_block_delta", "index": 0, "delta": text("a")}
    assert reader.feed(frames(delta)) == [PartStarted(index=0, kind="text"), Delta(0, "a")]
    assert reader.feed(frames({"type": "ping"}, delta)) == [Delta(0, "a")]
    assert reader.feed(frames(stop)) == [PartEnded(index=0)]
    assert not reader.ended
    assert reader.feed(frames(*ending()))[-1] == Finished(reason="stop")
    assert reader.ended
    assert reader.feed(frames(delta)) == reader.finish() == []


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop_sequence"),
        ("max_tokens", "length"),
        ("pause_turn", "pause"),
        ("refusal", "content_filter"),
        ("model_context_window_exceeded", "context_window"),
        ("compaction", "stop"),
        ("tool_use", "stop"),
    ],
)
def test_stop_reasons(reason: str, expected: str) -> None:
    streamed = fold(events_of(START, *block(0, TEXT_START, text("a")), *ending(reason)))
    full = fold(read_reply({"content": [], "stop_reason": reason}, translation()))
    assert streamed.reason == full.reason == expected


def test_stop_sequence_and_explanation() -> None:
    last = ending("stop_sequence", stop_sequence="END")
    assert fold(events_of(START, *last)).stop_sequence == "END"
    details = {"type": "refusal", "category": "cyber", "explanation": "No."}
    reply = fold(events_of(START, *ending("refusal", stop_details=details)))
    assert (reply.explanation, reply.category) == ("No.", "cyber")


def test_empty_blocks_say_nothing() -> None:
    hidden = {"type": "thinking", "thinking": "", "signature": ""}
    blocks = [*block(0, hidden), *block(1, TEXT_START, text(""))]
    assert told(events_of(START, *blocks, *ending())) == []


def test_a_signature_in_pieces_becomes_one_proof() -> None:
    start = {"type": "thinking", "thinking": "", "signature": ""}
    deltas = [
        {"type": "thinking_delta", "thinking": "Hm."},
        {"type": "signature_delta", "signature": "U0"},
        {"type": "signature_delta", "signature": "lH"},
    ]
    events = events_of(START, *block(0, start, *deltas), *ending())
    (part,) = fold(events).parts
    assert part.proof == Proof(kind="signature", value="U0lH", origin="prov")
    without = events_of(START, *block(0, start, deltas[0]), *ending())
    assert fold(without).parts[0].proof is None


def test_hidden_thinking_keeps_its_proof() -> None:
    omitted = block(
        0, {"type": "thinking", "thinking": ""}, {"type": "signature_delta", "signature": "S"}
    )
    redacted = block(1, {"type": "redacted_thinking", "data": "D"})
    parts = fold(events_of(START, *omitted, *redacted, *ending())).parts
    assert [(part.kind, part.text) for part in parts] == [("reasoning", "")] * 2
    assert [part.proof for part in parts] == [
        Proof(kind="signature", value="S", origin="prov"),
        Proof(kind="redacted", value="D", origin="prov"),
    ]


@pytest.mark.parametrize("given", [{}, "", None])
def test_no_arguments_are_an_empty_object(given: Any) -> None:
    events = events_of(START, *block(0, tool(input=given), arguments("")), *ending("tool_use"))
    assert told(events) == [("tool_call", "toolu_1", "f", "{}")]


def test_arguments_that_came_with_the_start() -> None:
    whole = tool(input={"n": 12345678901234567890123, "s": "é"})
    expected = '{"n":12345678901234567890123,"s":"é"}'
    events = events_of(START, *block(0, whole), *ending())
    assert told(events) == [("tool_call", "toolu_1", "f", expected)]
    both = events_of(START, *block(0, whole, arguments('{"n": 1.10}')), *ending())
    assert told(both) == [("tool_call", "toolu_1", "f", '{"n": 1.10}')]


def test_a_call_without_an_id_gets_one() -> None:
    ((_, call_id, name, _),) = told(events_of(START, *block(0, tool(call_id="")), *ending()))
    assert call_id.startswith("toolu_") and name == "f"


def test_names_and_ids_return_in_the_clients_terms() -> None:
    task = translation()
    name = task.aliases.tool("do.it", namespace="files", custom=True)
    call_id = task.aliases.call_id("call.1")
    stream = frames(
        START, *block(0, tool(call_id, name), arguments('{"input": "x"}')), *ending("tool_use")
    )
    (part,) = fold(read(StreamReader(task), stream)).parts
    assert (part.id, part.name, part.namespace) == ("call.1", "do.it", "files")
    assert (part.custom, part.text) == (True, "x")


def test_what_is_unknown_is_passed_over_and_noted() -> None:
    server = {"type": "server_tool_use", "id": "s", "name": "code_execution", "input": {}}
    result = {"type": "code_execution_tool_result", "tool_use_id": "s", "content": [{}]}
    future = {"type": "hologram", "text": 5, "data": {"x": 1}}
    odd_delta = {"type": "citations_delta", "citation": {"url": "u"}, "text": 5}
    task = translation()
    stream = frames(
        START,
        {"type": "future_event", "delta": "x", "index": "y"},
        *block(0, server, arguments('{"code": "x"}')),
        *block(1, result),
        *block(2, future, text("no")),
        *block(3, TEXT_START, odd_delta, text("a"), {"type": "sparkle_delta", "text": None}),
        *ending("hibernation"),
    )
    assert told(read(StreamReader(task), stream)) == [("text", "a")]
    assert [(entry.path, entry.note) for entry in task.loss.entries] == [
        ("reply.content", "left out: server_tool_use code_execution"),
        ("reply.content", "left out: code_execution_tool_result"),
        ("reply.content", "left out: hologram"),
        ("reply.stop_reason", "hibernation became end_turn"),
    ]


def test_citations_are_told_at_the_end_of_their_block_about_all_of_it() -> None:
    """The vendor tells them before the words that they are about, or among them."""
    cite = {"type": "web_search_result_location", "url": "https://a", "cited_text": "x"}
    odd = {"type": "hologram_location"}
    first = block(
        0,
        TEXT_START,
        text("So "),
        *({"type": "citations_delta", "citation": c} for c in (cite, odd)),
        text("it is 😀."),
    )
    task = translation()
    events = read(
        StreamReader(task), frames(START, *first, *block(1, TEXT_START, text("b")), *ending())
    )
    at = events.index(PartEnded(index=0))
    assert events[at - 1] == Annotated(
        0, Annotation(kind="url", end=11, url="https://a", cited="x")
    )
    assert [entry.note for entry in task.loss.entries] == ["left out: hologram_location"]
    whole = {"content": [{"type": "text", "text": "So it is 😀.", "citations": [cite, odd]}]}
    streamed, full = fold(events), fold(read_reply(whole, translation()))
    assert streamed.parts[0] == full.parts[0]
    assert (len(full.parts[0].annotations), streamed.parts[1].annotations) == (1, [])


def test_any_order_of_blocks() -> None:
    first, second = block(5, TEXT_START, text("a"), text("b")), block(2, tool(), arguments("{}"))
    interleaved = [event for pair in zip(first, second, strict=False) for event in pair]
    events = events_of(START, *interleaved, first[-1], text_after := first[1], *ending("tool_use"))
    assert text_after["delta"] == text("a")
    assert sorted(told(events)) == [("text", "ab"), ("tool_call", "toolu_1", "f", "{}")]


def test_a_reused_index_ends_the_earlier_block() -> None:
    first, second = block(0, TEXT_START, text("a")), block(0, TEXT_START, text("b"))
    events = events_of(START, *first[:-1], *second, *ending())
    assert told(events) == [("text", "a"), ("text", "b")]


def test_blocks_without_a_stop_end_with_the_message() -> None:
    events = events_of(START, *block(0, tool(), arguments('{"a":'))[:-1], *ending("max_tokens"))
    (part,) = fold(events).parts
    assert (part.text, part.complete) == ('{"a":', False)


def test_text_in_the_start_of_a_block_and_no_message_start() -> None:
    events = events_of(*block(0, {"type": "text", "text": "a"}, text("b")), *ending())
    assert told(events) == [("text", "ab")]


def test_the_last_message_delta_wins() -> None:
    usage = {"input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 1}
    start = {"type": "message_start", "message": {**START["message"], "usage": usage}}
    first = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
    details = {"output_tokens": 9, "output_tokens_details": {"thinking_tokens": 4}}
    second = {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": details}
    third = {"type": "message_delta", "delta": {"stop_reason": None}, "usage": {}}
    reply = fold(events_of(start, first, second, third, STOP))
    assert reply.reason == "length"
    assert reply.usage == Usage(input=7, output=9, cache_read=2, reasoning=4)


def test_end_of_body_after_a_reason_is_an_end_and_before_it_is_none() -> None:
    whole = [START, *block(0, TEXT_START, text("a")), *ending()]
    assert told(events_of(*whole[:-1])) == [("text", "a")]
    for count in range(len(whole) - 1):
        failed = events_of(*whole[:count])[-1]
        assert isinstance(failed, Failed)
        assert failed.error.kind == "upstream_invalid"
        assert "broke off" in failed.error.message


def test_usage_is_told_also_of_a_reply_that_broke_off() -> None:
    usage = {"input_tokens": 5, "output_tokens": 1}
    start = {"type": "message_start", "message": {**START["message"], "usage": usage}}
    assert UsageReported(Usage(input=5, output=1)) in events_of(start)


@pytest.mark.parametrize(
    "junk",
    [
        b"data: nonsense\n\n",
        b'data: {"type":"content_block_delta","index":"x"}\n\n',
        b"data: []\n\n",
        b'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":5}}\n\n',
        b'data: "' + b"\xff" + b'"\n\n',
        b"data: " + b"[" * 100_000 + b"\n\n",
        b"event: message_stop\ndata: {}\n\n",
    ],
)
def test_what_cannot_be_read_fails_the_reply(junk: bytes) -> None:
    events = read(StreamReader(translation()), junk)
    assert isinstance(events[-1], Failed)
    assert events[-1].error.kind == "upstream_invalid"


def test_halves_of_a_surrogate_pair_do_not_fail_it() -> None:
    stream = frames(START, *block(0, TEXT_START, text("a\ud83d"), text("\ude00b")), *ending())
    assert told(read(StreamReader(translation()), stream)) == [("text", "a��b")]


def test_done_marks_are_ignored() -> None:
    whole = frames(START) + b"data: [DONE]\n\n" + frames(*ending()) + b"data: [DONE]\n\n"
    assert told(read(StreamReader(translation()), whole)) == []


def test_full_reply() -> None:
    body = {
        "id": "msg_1",
        "type": "message",
        "model": "m",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "S"},
            {"type": "redacted_thinking", "data": "D"},
            {"type": "text", "text": "a", "citations": None},
            {"type": "server_tool_use", "id": "s", "name": "web_fetch", "input": {}},
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"b": 2**70, "a": 1}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 3},
    }
    reply = fold(read_reply(body, translation()))
    assert told(reply) == [
        ("reasoning", "Hm."),
        ("reasoning", ""),
        ("text", "a"),
        ("tool_call", "toolu_1", "f", f'{{"b":{2**70},"a":1}}'),
    ]
    assert reply.parts[1].proof == Proof(kind="redacted", value="D", origin="prov")
    assert reply.usage == Usage(input=4, output=2, cache_read=3)


def test_a_full_reply_of_the_same_content_as_the_stream() -> None:
    blocks = [{"type": "text", "text": "a"}, tool(input={"x": 1})]
    body = {"id": "msg_1", "model": "m", "content": blocks, "stop_reason": None}
    streamed = events_of(
        START,
        *block(0, TEXT_START, text("a")),
        *block(1, tool(), arguments('{"x":'), arguments("1}")),
        *ending("tool_use"),
    )
    full = fold(read_reply(body, translation()))
    assert told(full) == told(streamed)
    assert full.reason == "tool_calls"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, "upstream_invalid"),
        ({"content": "text"}, "upstream_invalid"),
        ({"content": None}, "upstream_invalid"),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "x"}}, "overloaded"),
    ],
)
def test_what_is_no_message_fails(body: dict[str, Any], kind: str) -> None:
    with pytest.raises(ApiError) as caught:
        fold(read_reply(body, translation()))
    assert caught.value.kind == kind


def test_what_stands_beside_the_content_is_noted_once() -> None:
    """A stream tells the container at its start, its end, or both."""
    container = {"id": "container_1", "expires_at": "2031-01-01T00:00:00Z"}
    message = {**START["message"], "container": container, "diagnostics": {"cache_miss_reason": {}}}
    started = {"type": "message_start", "message": message}
    task = translation()
    read(StreamReader(task), frames(started, *ending(container=container)))
    noted = [(entry.path, entry.verdict) for entry in task.loss.entries]
    assert noted == [("reply.container", "dropped"), ("reply.diagnostics", "dropped")]


@pytest.mark.parametrize(
    ("caller", "noted"),
    [
        ({"type": "code_execution_20250825", "tool_id": "srvtoolu_1"}, 1),
        ({"type": "direct"}, 0),
        ({"type": 5}, 0),
        ("odd", 0),
        (None, 0),
    ],
)
def test_a_call_by_code_is_noted(caller: object, noted: int) -> None:
    task = translation()
    read(
        StreamReader(task),
        frames(START, *block(0, tool(caller=caller), arguments("{}")), *ending("tool_use")),
    )
    assert [entry.path for entry in task.loss.entries] == ["reply.content"] * noted


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        ('event: error\ndata: {"message": "Slow down", "code": 429}', "rate_limit"),
        ("event: error\ndata: Slow down", "server"),
        ('data: {"error": {"message": "Slow down", "code": "429"}}', "rate_limit"),
    ],
    ids=["bare", "no JSON", "as OpenAI's"],
)
def test_an_error_of_another_form_keeps_its_words(frame: str, kind: str) -> None:
    start = 'data: {"type": "message_start", "message": {"id": "m", "content": []}}'
    last = read(StreamReader(translation()), f"{start}\n\n{frame}\n\n".encode())[-1]
    assert isinstance(last, Failed)
    assert (last.error.kind, last.error.message) == (kind, "Slow down")
