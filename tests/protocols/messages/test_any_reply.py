"""Whatever comes instead of a Messages reply: what its reader tells keeps the promises of ``events``."""

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.events import read, translation
from support.promises import check_promises

from wsgi_gateway.protocols.messages import StreamReader, read_reply

GOLDEN = Path(__file__).parents[2] / "golden"


@given(st.binary(max_size=400), st.integers(1, 50))
def test_any_bytes_end_in_exactly_one_way(stream: bytes, size: int) -> None:
    check_promises(read(StreamReader(translation()), stream, size))


GOLDEN_FRAMES = (GOLDEN / "messages.sse").read_bytes().split(b"\n\n")[:-1]


@given(st.lists(st.sampled_from(GOLDEN_FRAMES), max_size=30), st.integers(1, 400))
def test_any_order_of_events_ends_in_exactly_one_way(order: list[bytes], size: int) -> None:
    stream = b"".join(frame + b"\n\n" for frame in order)
    check_promises(read(StreamReader(translation()), stream, size))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["type", "index", "message", "content_block", "delta", "usage", "text", "stop_reason", "id"]
)
TYPES = st.sampled_from(
    [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "error",
        "text",
        "tool_use",
        "thinking",
        "text_delta",
    ]
)
ODD = st.recursive(
    JSON | TYPES, lambda inner: st.dictionaries(FIELDS, inner | TYPES, max_size=5), max_leaves=8
)


@given(st.lists(ODD, max_size=8))
def test_any_json_ends_in_exactly_one_way(events: list[Any]) -> None:
    stream = b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events)
    check_promises(read(StreamReader(translation()), stream))


@given(st.dictionaries(FIELDS | st.just("content"), ODD | st.lists(ODD, max_size=3), max_size=5))
def test_any_object_as_a_full_reply_ends_in_exactly_one_way(body: dict[str, Any]) -> None:
    check_promises(read_reply(body, translation()))
