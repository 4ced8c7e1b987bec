"""What holds for all taps, wherever an upstream's stream is cut and however it is chunked.

Here: the golden streams, cut anywhere. Not here: what each tap hears (its own test_tap.py), HTTP (test_failures.py).
"""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.pairs import APIS, GOLDEN
from support.streams import Api, frames_of
from support.validators import check

from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.table import PROTOCOLS
from wsgi_gateway.protocols.tap import Tap

CLIENTS = pytest.mark.parametrize("api", APIS)
GONE = ApiError("upstream_invalid", "the upstream broke off")
SAYS_THE_END: dict[Api, bytes] = {
    "chat_completions": b'"finish_reason":"tool_calls"',
    "messages": b'"type":"message_delta"',
    "responses": b'"type":"response.completed"',
}
LEFT_OUT: dict[Api, bytes] = {"messages": frames_of(GOLDEN["messages"].decode())[-1]}
"""The end that a tap adds where an upstream said why it stopped, and no more."""


def run(api: Api, stream: bytes, cuts: list[int]) -> tuple[Tap, list[bytes]]:
    """The tap at the end of a stream that came in pieces, and what passed at each."""
    tap = PROTOCOLS[api].tap()
    edges = [0, *sorted(cuts), len(stream)]
    passed = [tap.feed(stream[a:b]) for a, b in pairwise(edges) if a < b]
    return tap, [*passed, tap.finish()]


def whole_events(stream: bytes) -> bytes:
    """All up to the last blank line, and the event that only lacks its own."""
    whole, mark, torn = stream.rpartition(b"\n\n")
    data = torn.rpartition(b"data: ")[2].rstrip(b"\n")
    try:
        is_whole = data == b"[DONE]" or isinstance(json.loads(data), dict)
    except ValueError:
        is_whole = False
    return whole + mark + (torn.rstrip(b"\n") + b"\n\n" if is_whole else b"")


@CLIENTS
@given(data=st.data())
def test_what_was_whole_passes_then_the_failure(api: Api, data: st.DataObject) -> None:
    golden = GOLDEN[api]
    stream = golden[: data.draw(st.integers(0, len(golden)))]
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
    tap, passed = run(api, stream, cuts)
    out = b"".join(passed)

    end = LEFT_OUT.get(api, b"") if SAYS_THE_END[api] in out else b""
    assert out.removesuffix(end) == whole_events(stream).removesuffix(end)
    assert out.endswith(end)
    assert tap.ended is (SAYS_THE_END[api] in out)
    assert not tap.failed
    if not tap.ended and out:
        assert check(api, out + tap.failure(GONE), usage_asked=True) == "failed"


@CLIENTS
@given(data=st.data())
def test_nothing_whole_is_held_back(api: Api, data: st.DataObject) -> None:
    golden = GOLDEN[api]
    cut = data.draw(st.integers(0, len(golden)))
    tap = PROTOCOLS[api].tap()
    whole, mark, _ = golden[:cut].rpartition(b"\n\n")
    assert tap.feed(golden[:cut]) == whole + mark


@CLIENTS
@given(data=st.data())
def test_chunking_changes_nothing(api: Api, data: st.DataObject) -> None:
    golden = GOLDEN[api]
    tap, passed = run(api, golden, data.draw(st.lists(st.integers(0, len(golden)), max_size=30)))
    assert b"".join(passed) == golden
    assert tap.usage == run(api, golden, [])[0].usage is not None


@CLIENTS
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
@given(st.data())
def test_a_long_event_passes_whole_wherever_it_is_cut(
    api: Api, end: bytes, data: st.DataObject
) -> None:
    """It is put aside while it comes. Its end, of up to four bytes, may come in as many pieces."""
    text = b"y" * data.draw(st.sampled_from([0, 10, 20_000, 40_000]))
    long = b"event: x%bdata: {%b}%b" % (end, text, end * 2)
    stream = long + b": comment" + end * 2 + long
    places = [len(long), len(stream) - len(long), len(stream)]
    near = st.sampled_from([at - back for at in places for back in range(6)])
    cuts = data.draw(st.sets(st.integers(0, len(stream)) | near, max_size=8))
    tap, passed = run(api, stream, sorted(cuts))
    assert b"".join(passed) == stream
    assert not tap.ended
    edges = [*sorted(cuts), len(stream)]
    if len(long) in edges:
        assert b"".join(passed[: edges.index(len(long)) + 1 - (0 in cuts)]) == long
