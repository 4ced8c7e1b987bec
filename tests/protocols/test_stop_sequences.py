"""Stop sequences that the gateway looks for itself."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import (
    Delta,
    Event,
    Failed,
    Finished,
    PartEnded,
    PartKind,
    PartStarted,
    Started,
    Usage,
    UsageReported,
)
from wsgi_gateway.protocols.reply import fold
from wsgi_gateway.protocols.stop_sequences import StopCutter

USAGE = UsageReported(Usage(input=3, output=4))


def said(pieces: list[str], kind: PartKind = "text") -> list[Event]:
    """A reply of one part, told in these pieces."""
    deltas = [Delta(0, piece) for piece in pieces if piece]
    start: list[Event] = [Started(id="r", model="m"), PartStarted(index=0, kind=kind)]
    return [*start, *deltas, PartEnded(index=0), USAGE, Finished(reason="stop")]


def cut(events: list[Event], *stop: str, at_once: bool = False) -> list[Event]:
    cutter = StopCutter(stop)
    if at_once:
        return cutter.cut(events)
    return [passed for event in events for passed in cutter.cut([event])]


@given(
    st.lists(st.text("abc", max_size=4), max_size=8),
    st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=3),
)
@example(["a", "b", "c"], ["abc"])
@example(["ab", "ab", "c"], ["abc"])
@example(["b", "a", "a"], ["a", "baa"])
@example(["baa"], ["a", "baa"])
@example(["b", "a"], ["a", "ba"])
def test_text_ends_before_the_stop_sequence_that_is_complete_first(
    pieces: list[str], stop: list[str]
) -> None:
    reply = fold(cut(said(pieces), *stop))
    text = "".join(pieces)
    ends = [(text.find(s) + len(s), -len(s)) for s in stop if s in text]
    at = sum(min(ends)) if ends else None

    assert "".join(part.text for part in reply.parts) == text[:at]
    assert (reply.reason == "stop_sequence") is (at is not None)
    if at is not None:
        assert reply.stop_sequence in stop
        assert text[at:].startswith(reply.stop_sequence)


def test_only_text_is_searched() -> None:
    assert fold(cut(said(["STOP"], "reasoning"), "STOP")).reason == "stop"


def test_what_may_be_a_beginning_is_held_back_until_it_is_known() -> None:
    cutter = StopCutter(["STOP"])
    start, part, first, second, *_ = said(["Hi ST", "ART"])

    assert cutter.cut([start, part, first])[-1] == Delta(0, "Hi ")
    assert cutter.cut([second]) == [Delta(0, "START")]


def test_usage_of_a_full_reply_is_kept() -> None:
    assert fold(cut(said(["a STOP b"]), "STOP", at_once=True)).usage == USAGE.usage


def tokens(*texts: str) -> list[Json]:
    return [{"token": text, "bytes": list(text.encode())} for text in texts]


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ([("Hi", " you", " STOP", " there")], ["Hi", " you", " STOP"]),
        ([("Hi ", "STOP", " there")], ["Hi "]),
        ([("Oslo", " is é", "ST", "OP", ".")], ["Oslo", " is é"]),
        ([("STOP", " there")], []),
        ([("Hi",), (" ST",), ("OP",)], ["Hi", " ST"]),
        ([("Hi",), (" ST",), ("ART",)], ["Hi", " ST", "ART"]),
    ],
)
def test_log_probabilities_end_where_their_text_does(
    told: list[tuple[str, ...]], kept: list[str]
) -> None:
    deltas: list[Event] = [Delta(0, "".join(texts), tokens(*texts)) for texts in told]
    start, part, *_, end, usage, finished = said(["x"])
    reply = fold(cut([start, part, *deltas, end, usage, finished], "STOP"))

    assert (reply.parts[0].logprobs or []) == tokens(*kept)


def test_tokens_without_bytes_are_as_long_as_their_text() -> None:
    given: list[Json] = [{"token": "Hi ", "bytes": None}, {"token": "STOP"}, {"token": None}]
    start, part, *rest = said(["x"])
    reply = fold(cut([start, part, Delta(0, "Hi STOP", given), *rest[1:]], "STOP"))

    assert reply.parts[0].logprobs == given[:1]


def test_a_reply_that_breaks_off_delivers_what_was_held_back() -> None:
    failed = Failed(ApiError("server", "sorry"))
    events = cut([*said(["Hi ST"])[:3], failed], "STOP")

    assert [event.text for event in events if isinstance(event, Delta)] == ["Hi ", "ST"]
    assert events[-1] == failed


def test_calls_before_the_match_are_to_be_run() -> None:
    call: list[Event] = [
        PartStarted(index=0, kind="tool_call", id="call_1", name="now"),
        Delta(0, "{}"),
        PartEnded(index=0),
        PartStarted(index=1, kind="text"),
        Delta(1, "a STOP b"),
    ]
    *_, last = cut([Started(id="r", model="m"), *call], "STOP")

    assert last == Finished(reason="tool_calls")
