"""Repeated events: read together, as they would be read one by one, whatever stands in the place of their text.

Here: the stream and its patterns, and each dialect's reader on frames that may repeat. Not here: how odd framing is
read (test_sse.py), and what the events mean (each dialect's test_reply_reader.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.events import one_by_one, read, translation
from support.pairs import APIS
from support.streams import Api

from wsgi_gateway.protocols import sse, steady
from wsgi_gateway.protocols.events import Delta, Deltas, Event, Failed, Started
from wsgi_gateway.protocols.steady import Repeated, SteadyStream
from wsgi_gateway.protocols.table import PROTOCOLS

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Heard:
    """Reads events of which ``text`` is a text: each alone is in ``alone``, repetitions in ``together``."""

    def __init__(self) -> None:
        self.alone: list[str] = []
        self.together: list[list[str]] = []
        self.all: list[str] = []
        self.stream = SteadyStream()

    def read(self, event: sse.ServerSentEvent) -> Repeated | None:
        try:
            decoded = _decode(event.data)
        except ValueError:
            return None
        self.alone.append(decoded.get("text", ""))
        self.all.append(decoded.get("text", ""))
        return Repeated("text", self.tell)

    def tell(self, texts: list[str]) -> None:
        self.together.append(texts)
        self.all += texts


def heard(*frames: str, cut: int | None = None) -> Heard:
    told = Heard()
    data = "".join(frame + "\n\n" for frame in frames).encode()
    for piece in (data[:cut], data[cut:]) if cut else (data,):
        told.stream.feed(piece, told.read)
    told.stream.flush(told.read)
    return told


def frame(text: str, **more: object) -> str:
    return f"data: {json.dumps({'type': 'delta', 'text': text, **more})}"


def test_all_repetitions_are_told_at_once() -> None:
    told = heard(*(frame(text) for text in ("a", "b", "", '"\\', "\n😀")))

    assert told.alone == ["a"]
    assert told.together == [["b", "", '"\\', "\n😀"]]


def test_numbers_and_padding_may_differ() -> None:
    frames = (
        f"event: x\n{frame(text, sequence_number=at, obfuscation='ab' * at)}"
        for at, text in enumerate("abc")
    )

    assert heard(*frames).together == [["b", "c"]]


@pytest.mark.parametrize(
    "other",
    [
        frame("x", more=1),
        frame("x", type="other"),
        "event: x\n" + frame("x"),
        frame("x").replace("data: ", "data:"),
        frame("x") + "\nid: 1",
        ": comment\n" + frame("x"),
    ],
)
def test_what_differs_elsewhere_is_an_event_of_its_own(other: str) -> None:
    told = heard(frame("a"), frame("b"), other, frame("c"))

    assert told.all == ["a", "b", "x", "c"]
    assert "x" in told.alone


@pytest.mark.parametrize("number", ["04", "4a", "", "4,5"])
def test_what_is_no_number_is_read_and_found_broken(number: str) -> None:
    usual = [frame(text, sequence_number=at) for at, text in enumerate("ab", start=2)]
    broken = frame("x", sequence_number=77).replace("77", number)
    assert heard(*usual, broken, frame("c", sequence_number=5)).all == ["a", "b", "c"]


def test_an_event_that_is_cut_may_repeat_too() -> None:
    frames = [frame(text) for text in "abcd"]
    for cut in range(len(frames[0]) + 2, 4 * len(frames[0])):
        told = heard(*frames, cut=cut)
        assert told.alone == ["a"], cut
        assert [text for texts in told.together for text in texts] == ["b", "c", "d"]


@pytest.mark.parametrize(
    "event",
    [
        '{"nested":{"text":"%s"},"text":"a"}',
        '{"text":"%s","text":"a"}',
        '{"list":["text", "text"],"text":"a","other":"%s"}',
        '{"text":"a","deep":{"text":"%s"}}',
    ],
)
def test_only_the_text_itself_makes_a_pattern(event: str) -> None:
    told = heard(*(f"data: {event % value}" for value in "xyz"))

    assert told.all == ["a", "a", "a"]


def test_nobody_learns_for_ever() -> None:
    told = Heard()
    for number in range(8):
        told.stream.feed(f"{frame('a', usage=number)}\n\n".encode(), told.read)

    assert not told.stream.learns
    assert told.all == ["a"] * 8


def test_a_long_event_in_pieces_is_read_in_linear_time_and_whole() -> None:
    text = "x" * (3 * steady._LONGEST_REST)
    data = f"{frame('a')}\n\n{frame(text)}\n\n{frame('b')}\n\n".encode()
    told = Heard()
    for at in range(0, len(data), 4096):
        told.stream.feed(data[at : at + 4096], told.read)

    assert told.all == ["a", text, "b"]


# --- the dialects' readers

Shape = Callable[[bytes, int], bytes]
SHAPES: dict[str, tuple[Api, bytes, Shape]] = {
    "chat text": (
        "chat_completions",
        b"",
        lambda text, _: (
            b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"%b"}}]}' % text
        ),
    ),
    "chat reasoning": (
        "chat_completions",
        b"",
        lambda text, _: b'data: {"choices": [{"delta": {"reasoning_content": "%b"}}]}' % text,
    ),
    "chat call": (
        "chat_completions",
        b'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f"}}]}}]}',
        lambda text, at: (
            b'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"%b"}}]}}],'
            b'"obfuscation":"%b"}' % (text, b"x" * (at % 3))
        ),
    ),
    "messages text": (
        "messages",
        b'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
        lambda text, _: (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":'
            b'{"type":"text_delta","text":"%b"}}' % text
        ),
    ),
    "messages thinking": (
        "messages",
        b'data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking"}}',
        lambda text, _: (
            b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 0, "delta": '
            b'{"type": "thinking_delta", "thinking": "%b"}}' % text
        ),
    ),
    "messages call": (
        "messages",
        b'data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f"}}',
        lambda text, _: (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":'
            b'{"type":"input_json_delta","partial_json":"%b"}}' % text
        ),
    ),
    "responses text": (
        "responses",
        b"",
        lambda text, at: (
            b'data: {"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"%b",'
            b'"item_id":"i","logprobs":[],"sequence_number":%d,"obfuscation":"%b"}'
            % (text, at, b"x" * (at % 3))
        ),
    ),
    "responses call": (
        "responses",
        b'data: {"type":"response.output_item.added","output_index":0,"item":{"type":"function_call",'
        b'"id":"i","call_id":"c","name":"f"}}',
        lambda text, at: (
            b'data: {"type":"response.function_call_arguments.delta","sequence_number":%d,"output_index":0,'
            b'"delta":"%b"}' % (at, text)
        ),
    ),
    "responses reasoning": (
        "responses",
        b"",
        lambda text, at: (
            b'data: {"type":"response.reasoning_summary_text.delta","sequence_number":%d,"output_index":0,'
            b'"summary_index":0,"delta":"%b"}' % (at, text)
        ),
    ),
}
LITERALS = st.sampled_from(
    (
        b"a",
        b"",
        b" ",
        b"\\n",
        b'\\"',
        b"\\\\",
        b"\\",
        b'"',
        b'","',
        b'",\n"',
        b',"',
        b"\n",
        b"\n\n",
        b"\r",
        b"\x00",
        b"\xff",
        b"\xf0\x9f\x98\x80",
        b"\\ud83d",
        b"\\ud83d\\ude00",
        b'","x":"y',
        b'"}}]}',
        b'{\\"x\\":',
        b"data: ",
    )
)
ENDINGS: dict[Api, bytes] = {
    "chat_completions": b"data: [DONE]\n\n",
    "messages": b'data: {"type":"message_stop"}\n\n',
    "responses": b'data: {"type":"response.completed","response":{"status":"completed"}}\n\n',
}


def events_of(api: Api, stream: bytes, size: int | None, patience: int) -> list[Event]:
    reader: Any = PROTOCOLS[api].stream_reader(translation(api))
    reader._stream._patience = patience
    return read(reader, stream, size)


def comparable(events: list[Event]) -> list[object]:
    """Random ids are left out, and errors are known by their kind: where in a chunk one was seen is no matter."""
    return [
        ("failed", event.error.kind) if isinstance(event, Failed) else event
        for event in one_by_one(events)
        if not isinstance(event, Started)
    ]


@pytest.mark.parametrize("shape", SHAPES)
@given(
    texts=st.lists(st.lists(LITERALS, max_size=3).map(b"".join), min_size=2, max_size=12),
    size=st.none() | st.integers(1, 400),
)
def test_repetitions_say_what_they_would_say_alone(
    shape: str, texts: list[bytes], size: int | None
) -> None:
    api, opening, write = SHAPES[shape]
    stream = b"".join(
        (
            opening + b"\n\n" if opening else b"",
            *(write(text, at) + b"\n\n" for at, text in enumerate([b"a", *texts], 1)),
            ENDINGS[api],
        )
    )

    together = events_of(api, stream, size, patience=3)

    alone = events_of(api, stream, None, patience=0)
    assert comparable(together) == comparable(alone)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_usual_shape_repeats(shape: str) -> None:
    api, opening, write = SHAPES[shape]
    frames = [opening, *(write(b"a", at) for at in range(1, 5))]
    reader = PROTOCOLS[api].stream_reader(translation(api))

    events = reader.feed(b"".join(frame + b"\n\n" for frame in frames if frame))

    told = [event for event in events if isinstance(event, Delta | Deltas)]
    assert told == [Delta(0, "a"), Deltas(0, ["a", "a", "a"])]


@pytest.mark.parametrize("api", APIS)
def test_an_event_after_the_end_says_nothing(api: Api) -> None:
    _, opening, write = next(shape for shape in SHAPES.values() if shape[0] == api)
    again = write(b"a", 1) + b"\n\n"
    reader = PROTOCOLS[api].stream_reader(translation(api))
    reader.feed((opening + b"\n\n" if opening else b"") + again * 3 + ENDINGS[api])

    assert reader.feed(again * 3) == []
