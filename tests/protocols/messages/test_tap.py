"""The tap on a passing Messages stream."""

import json
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import Usage
from wsgi_gateway.protocols.messages import StreamTap

GOLDEN = (Path(__file__).parents[2] / "golden" / "messages.sse").read_bytes()
FAILED = (Path(__file__).parents[2] / "golden" / "messages_error_midstream.sse").read_bytes()


def run(stream: bytes, size: int) -> tuple[StreamTap, bytes]:
    tap = StreamTap()
    passed = b"".join(tap.feed(stream[at : at + size]) for at in range(0, len(stream), size))
    return tap, passed + tap.finish()


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_bytes_pass_and_usage_is_heard(size: int) -> None:
    tap, passed = run(GOLDEN, size)
    assert passed == GOLDEN
    assert tap.ended and tap.final and not tap.failed
    assert tap.usage == Usage(input=30, output=20, cache_read=10, cache_write=5)


STOP = GOLDEN[GOLDEN.index(b"event: message_stop") :]
TOLD_ALL = GOLDEN.removesuffix(STOP)
DONE = b"data: [DONE]\n\n"


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("end", [b"", DONE, DONE.rstrip(), STOP + DONE], ids=repr)
def test_a_host_that_told_why_it_stopped_may_leave_out_message_stop(end: bytes, size: int) -> None:
    """Or says ``[DONE]`` instead, as OpenAI's APIs do: clients get the end that they wait for, once."""
    tap, passed = run(TOLD_ALL + end, size)
    assert tap.ended and not tap.failed
    assert passed == GOLDEN


def test_such_an_end_waits_for_nothing_more() -> None:
    tap = StreamTap()
    assert tap.feed(TOLD_ALL) == TOLD_ALL and not tap.final
    assert tap.feed(DONE) == STOP and tap.final
    assert tap.finish() == b""


@pytest.mark.parametrize("size", [1, 100_000])
def test_done_alone_is_no_end(size: int) -> None:
    begun = GOLDEN[: GOLDEN.index(b"event: message_delta")]
    tap, passed = run(begun + DONE, size)
    assert not tap.ended
    assert passed == begun


def test_what_breaks_off_before_its_reason_has_not_ended() -> None:
    tap, passed = run(GOLDEN[: GOLDEN.index(b"event: message_delta")], 50)
    assert not tap.ended
    assert GOLDEN.startswith(passed)
    assert tap.usage is not None
    failure = tap.failure(ApiError("server", "gone"))
    assert failure == (
        b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"gone"}}\n\n'
    )


@pytest.mark.parametrize("stream", [FAILED, FAILED.replace(b"event: error\n", b"")])
def test_an_error_event_ends_it(stream: bytes) -> None:
    tap, passed = run(stream, 10)
    assert passed.endswith(FAILED[FAILED.index(b"event: error") :])
    assert tap.failed and tap.final


@pytest.mark.parametrize("size", [1, 100_000])
def test_an_error_of_another_form_becomes_one_that_clients_know(size: int) -> None:
    """Proxies in front of a model send OpenAI's form, without a name, which Messages SDKs pass over."""
    begun = GOLDEN[: GOLDEN.index(b"event: content_block_stop")]
    tap, passed = run(begun + b'data: {"error": {"message": "Boom", "code": 429}}\n\n', size)
    assert tap.failed and tap.final
    assert passed == begun + tap.failure(ApiError("rate_limit", "Boom"))


def test_words_of_the_model_are_no_events() -> None:
    quote = b'data: {"type":"content_block_delta","delta":{"text":"event: error message_stop"}}\n\n'
    tap, _ = run(b"event: content_block_delta\n" + quote, 1000)
    assert not tap.ended


@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_bytes_pass_in_order(stream: bytes, size: int) -> None:
    assume(not StreamTap.odd_inner.search(b"\n\n" + stream) and b"\xef\xbb\xbf" not in stream)
    _, passed = run(stream, size)
    assert stream.startswith(passed) or passed.rstrip(b"\r\n") == stream[: len(passed)].rstrip(
        b"\r\n"
    )


def test_words_of_the_model_make_no_event_odd() -> None:
    said = b'event: ping\ndata: {"type":"ping","text":"id: event: x"}\n\n'
    for stream in (said, said.replace(b"\n", b"\r\n"), said * 3):
        assert run(stream, 7)[1] == stream


def test_what_sdks_cannot_read_is_written_anew() -> None:
    said = b'event: ping\ndata: {"type":"ping","text":"id: event: x"}\n\n'
    odd = b"\xef\xbb\xbfretry: 3000\n\n" + said + b"event: nothing\n\nid: 7\n" + said
    assert run(odd, 1000)[1] == said + said
    assert run(odd, 1)[1] == said + said


def signature(text: str, index: int = 0) -> bytes:
    event = {"type": "content_block_delta", "index": index, "new": 1.5}
    event["delta"] = {"type": "signature_delta", "signature": text}
    return b"event: content_block_delta\ndata: %b\n\n" % json.dumps(event).encode()


def signatures(stream: bytes) -> list[str]:
    events = (json.loads(line[6:]) for line in stream.splitlines() if line.startswith(b"data: "))
    return [event["delta"]["signature"] for event in events]


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (["U0lH"], ["U0lH"]),
        (["U0", "lH", "=="], ["U0", "U0lH", "U0lH=="]),
        (["", "U0lH"], ["", "U0lH"]),
        (["U0lH", ""], ["U0lH", "U0lH"]),
        (["U0", "U0lH"], ["U0", "U0lH"]),
        (["U0lH", "U0lH"], ["U0lH", "U0lH"]),
    ],
    ids=repr,
)
def test_signatures_in_pieces_are_joined(sent: list[str], told: list[str], size: int) -> None:
    """The SDKs keep the last (edge case 55). Pieces that already hold those before them stay as they are."""
    stream = b"".join(signature(text) for text in sent)
    _, passed = run(stream, size)
    assert signatures(passed) == told
    assert passed.count(b'"new": 1.5') == len(sent)


def test_a_signature_passes_as_it_is_and_at_once() -> None:
    tap = StreamTap()
    first, second, other = signature("U0"), signature("lH"), signature("lH", index=2)
    assert tap.feed(first) == first
    assert signatures(tap.feed(second)) == ["U0lH"]
    assert tap.feed(other + other) == other + other


def test_each_block_has_its_own_signature_also_within_one_chunk() -> None:
    stream = signature("B") + signature("A", 1) + signature("B", 1)
    assert signatures(run(stream, 100_000)[1]) == ["B", "A", "AB"]


def test_what_only_looks_like_a_signature_passes() -> None:
    odd = [
        b'{"delta":{"type":"signature_delta"}}',
        b'{"delta":{"type":"signature_delta","signature":7}}',
        b'{"delta":{"type":"text_delta","text":"signature_delta"}}',
        b"signature_delta",
    ]
    stream = b"".join(b"event: content_block_delta\ndata: %b\n\n" % data for data in odd)
    assert run(stream, 100_000)[1] == stream
