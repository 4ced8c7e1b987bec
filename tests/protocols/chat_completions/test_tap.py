"""The tap on a passing Chat Completions stream."""

from pathlib import Path

import openai
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.sdk import openai_told

from wsgi_gateway.protocols.chat_completions import StreamTap
from wsgi_gateway.protocols.errors import ApiError, Kind
from wsgi_gateway.protocols.events import Usage

GOLDEN = (Path(__file__).parents[2] / "golden" / "chat.sse").read_bytes()
FAILED = (Path(__file__).parents[2] / "golden" / "chat_error_midstream.sse").read_bytes()


def run(stream: bytes, size: int) -> tuple[StreamTap, bytes]:
    tap = StreamTap()
    passed = b"".join(tap.feed(stream[at : at + size]) for at in range(0, len(stream), size))
    return tap, passed + tap.finish()


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_bytes_pass_and_usage_is_heard(size: int) -> None:
    tap, passed = run(GOLDEN, size)
    assert passed == GOLDEN
    assert tap.ended and tap.final and not tap.failed
    assert tap.usage == Usage(input=30, output=20, cache_read=10, cache_write=5, reasoning=8)


def test_a_stream_that_breaks_off_has_not_ended_and_loses_only_its_torn_event() -> None:
    end = GOLDEN.index(b'"finish_reason":"tool_calls"')
    tap, passed = run(GOLDEN[:end], 50)
    assert not tap.ended
    assert GOLDEN.startswith(passed) and passed.endswith(b"}\n\n")
    assert b'"error":{"message":"gone"' in tap.failure(ApiError("server", "gone"))


def test_a_last_event_without_its_blank_line_is_completed() -> None:
    tap, passed = run(GOLDEN.rstrip(b"\n"), 13)
    assert passed == GOLDEN
    assert tap.ended


def test_an_error_frame_ends_it() -> None:
    tap, _ = run(FAILED, 10)
    assert tap.failed and tap.final


BEGUN = GOLDEN[: GOLDEN.index(b'"finish_reason":"tool_calls"')].rpartition(b"\n\n")[0] + b"\n\n"
BARE = [
    (b'data: {"message": "Boom", "type": "internal", "code": 500}', "server", "Boom"),
    (b'data: {"object":"error","message":"Boom","code":429}', "rate_limit", "Boom"),
    (b'data: {"text":"Boom","error_code":50001}', "server", '{"text":"Boom","error_code":50001}'),
    (b'event: error\ndata: {"message":"Boom"}', "server", "Boom"),
]


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("end", [b"\n\n", b"\n\ndata: [DONE]\n\n"], ids=["alone", "DONE"])
@pytest.mark.parametrize(("frame", "kind", "words"), BARE)
def test_an_error_without_its_frame_becomes_one_that_clients_know(
    frame: bytes, kind: Kind, words: str, end: bytes, size: int
) -> None:
    """vLLM and FastChat send it bare, and the SDKs take it for a chunk that says nothing."""
    tap, passed = run(BEGUN + frame + end, size)
    assert tap.failed and tap.final
    told = passed.removeprefix(BEGUN).removesuffix(b"data: [DONE]\n\n")
    assert told == tap.failure(ApiError(kind, words))
    client = openai_told(passed, "text/event-stream")
    with pytest.raises(openai.APIError) as caught:
        list(client.chat.completions.create(model="m", messages=[], stream=True))
    assert caught.value.message == words


@pytest.mark.parametrize(
    "said",
    [
        b'{"code":0,"message":"Success","choices":[{"delta":{"content":"a"}}]}',
        b'{"object":"","choices":[],"prompt_filter_results":[]}',
        b'{"type":"status","message":"queued"}',
        b'{"message":"usage","code":7,"usage":{"prompt_tokens":1}}',
    ],
)
def test_what_only_resembles_an_error_passes(said: bytes) -> None:
    stream = b"data: %b\n\n%b" % (said, GOLDEN)
    tap, passed = run(stream, 50)
    assert passed == stream
    assert tap.ended and not tap.failed


def test_usage_is_heard_beside_an_id_that_is_a_number() -> None:
    stream = GOLDEN.replace(b'"id":"chatcmpl-', b'"id":7,"was":"')
    tap, passed = run(stream, 50)
    assert passed == stream != GOLDEN
    assert tap.usage == run(GOLDEN, 50)[0].usage


@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_bytes_pass_in_order(stream: bytes, size: int) -> None:
    assume(not StreamTap.odd_inner.search(b"\n\n" + stream) and b"\xef\xbb\xbf" not in stream)
    _, passed = run(stream, size)
    assert stream.startswith(passed) or passed.rstrip(b"\r\n") == stream[: len(passed)].rstrip(
        b"\r\n"
    )


def test_words_of_the_model_make_no_event_odd() -> None:
    said = b'data: {"choices":[{"delta":{"content":"id: event: x"}}]}\n\n'
    for stream in (said, said.replace(b"\n", b"\r\n"), said * 3):
        assert run(stream, 7)[1] == stream


def test_what_sdks_cannot_read_is_written_anew() -> None:
    said = b'data: {"choices":[{"delta":{"content":"id: event: x"}}]}\n\n'
    odd = b"\xef\xbb\xbfretry: 3000\n\n" + said + b"event: nothing\n\nid: 7\n" + said
    assert run(odd, 1000)[1] == said + said
    assert run(odd, 1)[1] == said + said


def chunk(calls: bytes) -> bytes:
    return b'data: {"id":null, "choices":[{"delta":{"tool_calls":%b}, "name":null}]}\n\n' % calls


NULLS = [
    (
        b'[{"index":1,"id":null,"type":null,"function":{"name":null,"arguments":"1.0"}}]',
        b'[{"index":1,"function":{"arguments":"1.0"}}]',
    ),
    (b'[{"index":0, "type": null, "new": 1.0}]', b'[{"index":0,"new":1.0}]'),
    (b'[{"index":0,"function":null,"id":"type"}]', b'[{"index":0,"function":null,"id":"type"}]'),
    (b'[{"index":0, "function": {"name": "id"}}]', b'[{"index":0, "function": {"name": "id"}}]'),
    (b'[{"function":{"arguments":"\\"type\\":null"}}]',) * 2,
    (b"null", b"null"),
    (b"[]", b"[]"),
    (b'[null, {"id":null}]', b'[null, {"id":null}]'),
    (b'"odd"', b'"odd"'),
]


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_nulls_of_tool_calls_are_left_out_and_every_other_byte_stays(size: int) -> None:
    """openai-py takes such a null for what the call is to be from then on (edge case 26)."""
    before = b"".join(chunk(given) for given, _ in NULLS * 2)
    after = b"".join(chunk(passed) for _, passed in NULLS * 2)
    assert run(before, size)[1] == after


def test_without_nulls_the_sdk_puts_calls_together() -> None:
    finish = b'"finish_reason":"tool_calls"'
    fragment = b'"function":{"arguments":'
    with_nulls = GOLDEN.replace(fragment, b'"id":null,"type":null,"function":{"arguments":')
    assert with_nulls.count(b"null") > GOLDEN.count(b"null") and finish in GOLDEN
    client = openai_told(run(with_nulls, 100)[1], "text/event-stream")
    with client.chat.completions.stream(model="m", messages=[]) as stream:
        (choice,) = stream.get_final_completion().choices
    assert [call.type for call in choice.message.tool_calls or ()] == ["function"] * 2
