"""Server-sent events at every chunking (edge cases 1 to 11 of the protocol digest)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgi_gateway.protocols import sse


def decode(chunks: list[bytes]) -> list[tuple[str, bytes]]:
    decoder = sse.Decoder()
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return [(event.event, event.data) for event in events + decoder.flush()]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data: a\n\n", [("", b"a")]),
        (b"data:a\n\n", [("", b"a")]),
        (b"data:  a\n\n", [("", b" a")]),
        (b"data: a\ndata: b\n\n", [("", b"a\nb")]),
        (b"event: e\ndata: a\n\n", [("e", b"a")]),
        (b"data: a\nevent: e\n\n", [("e", b"a")]),
        (b"event: e\ndata: a\n\ndata: b\n\n", [("e", b"a"), ("", b"b")]),
        (b": note\n\ndata: a\n: inside\n\n", [("", b"a")]),
        (b"\xef\xbb\xbfdata: a\n\n", [("", b"a")]),
        (b"event: e\n\ndata: a\n\n", [("", b"a")]),
        (b"event: e\ndata:\n\ndata: a\n\n", [("", b"a")]),
        (b"retry: 3000\n\nid: 1\ndata: a\n\n", [("", b"a")]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [("", b"a"), ("", b"b")]),
        (b"data: a\r\rdata: b\r\r", [("", b"a"), ("", b"b")]),
        (b"data: a\r\n\ndata: b\n\r\n", [("", b"a"), ("", b"b")]),
        ("data: \u2028\u2029\u0085\n\n".encode(), [("", "\u2028\u2029\u0085".encode())]),
        (b"data: cut off", [("", b"cut off")]),
        (b"data: a\n\ndata: b\n", [("", b"a"), ("", b"b")]),
        (b"data\n\nnonsense\n\n", []),
        (b"", []),
    ],
)
def test_every_chunking_gives_the_same_events(
    stream: bytes, expected: list[tuple[str, bytes]]
) -> None:
    assert decode([stream]) == expected
    assert decode([stream[i : i + 1] for i in range(len(stream))]) == expected
    for cut in range(len(stream) + 1):
        assert decode([stream[:cut], stream[cut:]]) == expected


@given(
    st.lists(st.tuples(st.sampled_from(["", "ping", "a.b"]), st.text(min_size=1)), max_size=5),
    st.lists(st.integers(min_value=1, max_value=20), min_size=1),
)
def test_what_is_encoded_is_decoded(events: list[tuple[str, str]], sizes: list[int]) -> None:
    lines = [
        (name, "".join(text.split("\n")).replace("\r", "").encode("utf-8", "replace"))
        for name, text in events
    ]
    sent = [(name, data) for name, data in lines if data]
    stream = b"".join(sse.encode(data, name) for name, data in sent)
    chunks, at = [], 0
    while at < len(stream):
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(stream[at : at + size])
        at += size
    assert decode(chunks) == sent


@given(st.lists(st.binary(max_size=50), max_size=10))
def test_any_bytes_at_any_chunking_agree_with_the_whole(chunks: list[bytes]) -> None:
    assert decode(chunks) == decode([b"".join(chunks)])


def test_a_comment_is_no_event() -> None:
    assert decode([b": keepalive\n\n"]) == []
