"""What a Messages client gets, judged by the wire's grammar and read back by the official SDK."""

import json
from pathlib import Path
from typing import Any

import anthropic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.events import read, translation
from support.sdk import anthropic_told
from support.validators import check_messages

from wsgi_gateway.protocols.conversation import Conversation, OutputFormat, Proof
from wsgi_gateway.protocols.decoding import encode
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
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages import StreamReader, StreamWriter, write_reply
from wsgi_gateway.protocols.reply import fold
from wsgi_gateway.protocols.seal import seal, unseal

LOSS = Loss("messages")

GOLDEN = Path(__file__).parents[2] / "golden"
CONVERSATION = Conversation(api="messages", model="asked")
PROOF = Proof(kind="encrypted", value="gAAA", item_id="rs_1", origin="prov")
EVENTS: list[Event] = [
    Started(id="resp_1", model="upstream-model"),
    PartStarted(index=0, kind="reasoning"),
    Delta(0, "Need "),
    Delta(0, "weather."),
    PartEnded(index=0, proof=PROOF),
    PartStarted(index=1, kind="text"),
    Delta(1, "Let me "),
    Delta(1, "check 😀."),
    PartEnded(index=1),
    PartStarted(index=2, kind="tool_call", id="call_a", name="f"),
    Delta(2, '{"x":'),
    PartStarted(index=3, kind="tool_call", id="call.b", name="g"),
    Delta(3, "{"),
    Delta(2, "12345678901234567890}"),
    Delta(3, "}"),
    PartEnded(index=3),
    PartEnded(index=2),
    UsageReported(Usage(input=30, output=20, cache_read=10, cache_write=5, reasoning=8)),
    Finished(reason="tool_calls"),
]


def written(events: list[Event]) -> bytes:
    """Event by event, as they would come."""
    writer = StreamWriter(CONVERSATION, LOSS)
    data = b"".join(writer.write([event]) for event in events)
    assert StreamWriter(CONVERSATION, LOSS).write(events).count(b"\n\n") == data.count(b"\n\n")
    check_messages(data)
    return data


def wire(data: bytes) -> list[dict[str, Any]]:
    return [
        json.loads(line.removeprefix("data: "))
        for line in data.decode().split("\n")
        if line.startswith("data: ")
    ]


ASK: dict[str, Any] = {"model": "asked", "max_tokens": 9, "messages": []}


def accumulated(data: bytes) -> dict[str, Any]:
    with anthropic_told(data, "text/event-stream").messages.stream(**ASK) as stream:
        return stream.get_final_message().to_dict()


def parsed(full: dict[str, Any]) -> dict[str, Any]:
    return anthropic_told(encode(full), "application/json").messages.create(**ASK).to_dict()


def part(
    index: int, kind: Any, *texts: str, proof: Proof | None = None, **more: Any
) -> list[Event]:
    start = PartStarted(index=index, kind=kind, **more)
    return [start, *(Delta(index, text) for text in texts), PartEnded(index=index, proof=proof)]


def reply(*events: Event, reason: Any = "stop", **more: Any) -> list[Event]:
    if not any(isinstance(event, UsageReported) for event in events):
        events = (*events, UsageReported(Usage()))
    return [Started(id="x", model="m"), *events, Finished(reason=reason, **more)]


def both(events: list[Event]) -> dict[str, Any]:
    """The full reply, after the stream was seen to say the same."""
    data = written(events)
    assert check_messages(data) in ("finished", "incomplete")
    full = parsed(write_reply(fold(events), CONVERSATION, LOSS))
    streamed = accumulated(data)
    if streamed["stop_details"] is None:
        del streamed["stop_details"]
    if events[0].id == "":
        assert full.pop("id")[:4] == streamed.pop("id")[:4] == "msg_"
    assert streamed == full
    return full


def test_the_sdk_accumulates_what_the_full_reply_says() -> None:
    assert both(EVENTS) == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "asked",
        "content": [
            {"type": "thinking", "thinking": "Need weather.", "signature": seal(PROOF)},
            {"type": "text", "text": "Let me check 😀."},
            {"type": "tool_use", "id": "call_a", "name": "f", "input": {"x": 12345678901234567890}},
            {"type": "tool_use", "id": CALL_B, "name": "g", "input": {}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 15,
            "cache_creation_input_tokens": 5,
            "cache_read_input_tokens": 10,
            "output_tokens": 20,
            "output_tokens_details": {"thinking_tokens": 8},
        },
    }


CALL_B = translation().aliases.call_id("call.b")


def test_interleaved_calls_are_serialised_and_nothing_is_held_back_longer_than_needed() -> None:
    writer = StreamWriter(CONVERSATION, LOSS)
    pieces = [wire(writer.write([event])) for event in EVENTS]
    assert [[event["type"] for event in piece] for piece in pieces[9:17]] == [
        ["content_block_start"],
        ["content_block_delta"],
        [],
        [],
        ["content_block_delta"],
        [],
        [],
        ["content_block_stop", "content_block_start", "content_block_delta", "content_block_stop"],
    ]


def test_start_and_end() -> None:
    events = wire(written(EVENTS))
    assert [event["type"] for event in events[:2]] == ["message_start", "ping"]
    zeros = {
        "input_tokens": 0,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 0,
    }
    assert events[0]["message"]["usage"] == zeros
    assert [event["type"] for event in events[-2:]] == ["message_delta", "message_stop"]
    assert events[-2]["usage"]["input_tokens"] == 15


def test_the_signature_is_one_delta_just_before_the_stop() -> None:
    deltas = [event for event in wire(written(EVENTS)) if event.get("index") == 0]
    assert [event.get("delta", {}).get("type") for event in deltas[-3:]] == [
        "thinking_delta",
        "signature_delta",
        None,
    ]


def test_usage_known_at_the_start_is_told_there_and_kept() -> None:
    usage = Usage(input=9, output=1, cache_read=4)
    events: list[Event] = [Started(id="", model="m", usage=usage), Finished(reason="stop")]
    first, _, last, _ = wire(written(events))
    assert first["message"]["usage"]["input_tokens"] == 5
    assert last["usage"]["cache_read_input_tokens"] == 4


@pytest.mark.parametrize("proof", [None, Proof(kind="none", origin="prov")])
def test_reasoning_without_proof_is_signed_all_the_same(proof: Proof | None) -> None:
    (block,) = both(reply(*part(0, "reasoning", "Hm.", proof=proof)))["content"]
    assert unseal(block["signature"]) == (proof or Proof(kind="none"))


def test_hidden_reasoning_is_a_redacted_block_or_nothing() -> None:
    events = reply(*part(0, "reasoning", proof=PROOF), *part(1, "reasoning"), *part(2, "text", "a"))
    assert both(events)["content"] == [
        {"type": "redacted_thinking", "data": seal(PROOF)},
        {"type": "text", "text": "a"},
    ]


def test_proofs_of_messages_itself_stay_as_they_are() -> None:
    signed = Proof(kind="signature", value="S", origin="prov")
    redacted = Proof(kind="redacted", value="D", origin="prov")
    events = reply(
        *part(0, "reasoning", "Hm.", proof=signed),
        *part(1, "reasoning", proof=signed),
        *part(2, "reasoning", proof=redacted),
    )
    assert both(events)["content"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "S"},
        {"type": "thinking", "thinking": "", "signature": "S"},
        {"type": "redacted_thinking", "data": "D"},
    ]


def test_empty_text_opens_no_block() -> None:
    assert both(reply(*part(0, "text"), *part(1, "refusal"), *part(2, "text", "a")))["content"] == [
        {"type": "text", "text": "a"}
    ]
    assert both(reply())["content"] == []


def test_a_refusal_is_text_and_told_by_the_reason() -> None:
    message = both(reply(*part(0, "refusal", "I can't.")))
    assert message["content"] == [{"type": "text", "text": "I can't."}]
    assert message["stop_reason"] == "refusal"
    assert message["stop_details"] == {"type": "refusal", "category": None, "explanation": None}


def test_an_explanation_of_a_filter() -> None:
    message = both(reply(reason="content_filter", explanation="Not this.", category="bio"))
    assert message["stop_reason"] == "refusal"
    assert message["stop_details"] == {
        "type": "refusal",
        "category": "bio",
        "explanation": "Not this.",
    }


def page(url: str, title: str) -> Annotated:
    return Annotated(0, Annotation(kind="url", end=5, url=url, title=title))


def cited(*notes: Annotated) -> list[Event]:
    start, *deltas, end = part(0, "text", "So ", "it is.")
    return reply(start, *deltas, *notes, end, *part(1, "text", "Yes."))


def test_citations_become_a_list_of_sources_at_the_end_of_their_block() -> None:
    events = cited(page("https://a", "A"), page("https://b", "B"), page("https://a", "A"))
    assert both(events)["content"] == [
        {"type": "text", "text": "So it is.\n\nSources:\n- A: https://a\n- B: https://b"},
        {"type": "text", "text": "Yes."},
    ]


@pytest.mark.parametrize(
    ("events", "lost"),
    [
        (cited(page("https://a", "A")), [("reply.citations", "approximated")]),
        (
            cited(Annotated(0, Annotation(kind="document", title="T"))),
            [("reply.citations", "approximated")],
        ),
        (
            reply(
                PartStarted(index=0, kind="text"),
                Delta(0, "a", [{"token": "a"}]),
                PartEnded(index=0),
            ),
            [("reply.logprobs", "dropped")],
        ),
        (reply(*part(0, "text", "a", phase="commentary")), [("reply.phase", "dropped")]),
        (reply(*part(0, "refusal", "No.")), [("reply.refusal", "approximated")]),
        (
            reply(*part(0, "web_search", id="ws_1"), *part(1, "text", "a")),
            [("reply.web_search", "approximated")],
        ),
        (EVENTS, []),
    ],
)
def test_what_is_lost_is_noted_once_whether_streamed_or_full(
    events: list[Event], lost: list[tuple[str, str]]
) -> None:
    streamed, full = Loss("messages"), Loss("messages")
    assert check_messages(StreamWriter(CONVERSATION, streamed).write(events)) == "finished" or (
        lost == [("reply.refusal", "approximated")]
    )
    write_reply(fold(events), CONVERSATION, full)
    assert [(entry.path, entry.verdict) for entry in streamed.entries] == lost
    assert full.entries == streamed.entries


def test_an_answer_in_json_stays_json() -> None:
    asked = Conversation(
        api="messages", model="asked", output_format=OutputFormat(type="json_schema", schema={})
    )
    events = reply(
        PartStarted(index=0, kind="text"),
        Delta(0, "{}"),
        page("https://a", "A"),
        PartEnded(index=0),
    )
    loss = Loss("messages")
    assert accumulated(StreamWriter(asked, loss).write(events))["content"][0]["text"] == "{}"
    assert write_reply(fold(events), asked, loss)["content"][0]["text"] == "{}"
    assert [entry.note for entry in loss.entries] == ["left out, as the answer is JSON"]


def test_the_tier_and_the_searches_are_told_with_the_usage() -> None:
    usage = Usage(input=3, output=1, service_tier="default", web_searches=2)
    events = [*reply()[:1], UsageReported(usage), Finished(reason="stop")]
    *_, last, _ = wire(written(events))
    full = parsed(write_reply(fold(events), CONVERSATION, LOSS))
    for told in (last["usage"], full["usage"]):
        assert told["service_tier"] == "standard"
        assert told["server_tool_use"] == {"web_search_requests": 2, "web_fetch_requests": 0}
    assert accumulated(written(events))["usage"]["server_tool_use"]["web_search_requests"] == 2


@pytest.mark.parametrize("kind", ["details", "call"])
def test_a_proof_that_comes_behind_a_call_is_a_block_behind_it(kind: Any) -> None:
    proof = Proof(kind=kind, value="[]", item_id="c", origin="host")
    call = part(0, "tool_call", "{}", id="c", name="f")
    message = both(reply(*call, *part(1, "reasoning", proof=proof), reason="tool_calls"))
    assert message["content"][1] == {"type": "redacted_thinking", "data": seal(proof)}
    assert message["stop_reason"] == "tool_use"


@pytest.mark.parametrize(
    ("reason", "sequence", "expected"),
    [
        ("stop", None, ("end_turn", None)),
        ("stop_sequence", "END", ("stop_sequence", "END")),
        ("stop_sequence", None, ("end_turn", None)),
        ("length", None, ("max_tokens", None)),
        ("context_window", None, ("model_context_window_exceeded", None)),
        ("pause", None, ("pause_turn", None)),
    ],
)
def test_reasons(reason: Any, sequence: str | None, expected: tuple[str, str | None]) -> None:
    events = reply(*part(0, "text", "a"), reason=reason, stop_sequence=sequence)
    message = both(events)
    assert (message["stop_reason"], message["stop_sequence"]) == expected


def test_arguments_that_are_no_object_survive_in_a_full_reply() -> None:
    cut = reply(*part(0, "tool_call", '{"a": [1', id="c", name="f"), reason="length")
    (block,) = parsed(write_reply(fold(cut), CONVERSATION, LOSS))["content"]
    assert block["input"] == {"_raw": '{"a": [1'}
    (streamed,) = accumulated(written(cut))["content"]
    assert streamed["input"] == {"a": [1]}


def test_a_custom_tools_text_becomes_an_input() -> None:
    call = part(0, "tool_call", "a ", '"b"', id="c", name="f", custom=True)
    (block,) = both(reply(*call, reason="tool_calls"))["content"]
    assert block["input"] == {"input": 'a "b"'}


@pytest.mark.parametrize("count", [1, 3, 7, 11, 15])
def test_a_failure_is_the_error_event_and_nothing_is_closed_for_it(count: int) -> None:
    data = written([*EVENTS[:count], Failed(ApiError("overloaded", "too busy"))])
    assert check_messages(data) == "failed"
    events = wire(data)
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "too busy"}}
    assert events[-1] == error
    assert data.endswith(b"event: error\ndata: %b\n\n" % encode(error))
    closed = sum(event["type"] == "content_block_stop" for event in events)
    assert closed == sum(isinstance(event, PartEnded) for event in EVENTS[:count] if event)
    with pytest.raises(anthropic.APIStatusError, match="too busy"):
        accumulated(data)


def test_a_failure_before_the_start_is_the_error_event_alone() -> None:
    data = written([Failed(ApiError("server", "gone"))])
    assert [event["type"] for event in wire(data)] == ["error"]


@pytest.mark.parametrize("size", [1, 50, None])
def test_golden_there_and_back(size: int | None) -> None:
    golden = (GOLDEN / "messages.sse").read_bytes()
    data = written(read(StreamReader(translation("messages")), golden, size))
    assert check_messages(data) == "finished"
    assert accumulated(data) == {**accumulated(golden), "model": "asked"}


# --- any legal order of events

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
PROOFS = st.none() | st.builds(
    Proof,
    kind=st.sampled_from(["signature", "redacted", "encrypted", "none"]),
    value=TEXTS,
    origin=st.just("prov"),
)


@st.composite
def replies(draw: st.DrawFn) -> list[Event]:
    """Several parts, interleaved anyhow, each with its own order kept."""
    lanes: list[list[Event]] = []
    kinds = draw(
        st.lists(st.sampled_from(["text", "refusal", "reasoning", "tool_call"]), max_size=6)
    )
    for index, kind in enumerate(kinds):
        if kind == "tool_call":
            arguments = json.dumps({draw(TEXTS): draw(TEXTS)})
            cut = draw(st.integers(0, len(arguments)))
            texts = [text for text in (arguments[:cut], arguments[cut:]) if text]
            custom = draw(st.booleans())
            lane = part(index, kind, *texts, id=f"call_{index}", name="f", custom=custom)
        else:
            texts = draw(st.lists(TEXTS, max_size=3))
            proof = draw(PROOFS) if kind == "reasoning" else None
            lane = part(index, kind, *texts, proof=proof)
        lanes.append(lane)
    events: list[Event] = [Started(id=draw(st.sampled_from(["", "chatcmpl-1"])), model="m")]
    started = 0
    while any(lanes):
        open_lanes = [n for n, lane in enumerate(lanes[: started + 1]) if lane]
        number = draw(st.sampled_from(open_lanes))
        if number == started:
            started += 1
        events.append(lanes[number].pop(0))
    if draw(st.booleans()):
        events.append(UsageReported(Usage(input=9, output=4, cache_read=3, reasoning=1)))
    plain = "tool_calls" if "tool_call" in kinds else "stop"
    reason = draw(st.sampled_from([plain, "length", "content_filter"]))
    return [*events, Finished(reason=reason)]


@given(replies())
def test_any_legal_order_is_a_legal_stream_with_the_full_replys_content(
    events: list[Event],
) -> None:
    both(events)


@given(replies(), st.data())
def test_any_legal_order_may_fail_anywhere(events: list[Event], data: st.DataObject) -> None:
    count = data.draw(st.integers(0, len(events) - 1))
    stream = written([*events[:count], Failed(ApiError("server", "gone"))])
    assert wire(stream)[-1]["type"] == "error"
    if count:
        assert check_messages(stream) == "failed"
