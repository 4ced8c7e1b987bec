"""What a tap hears of streams that pass through."""

import json
from pathlib import Path

import httpx2
import openai
import pytest
from support.validators import check_responses

from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import Usage
from wsgi_gateway.protocols.responses import StreamTap

GOLDEN = Path(__file__).parents[2] / "golden"
SIZES = pytest.mark.parametrize("size", [1, 7, 100_000])


def listen(data: bytes, size: int) -> tuple[StreamTap, bytes]:
    tap = StreamTap()
    out = b"".join(tap.feed(data[at : at + size]) for at in range(0, len(data), size))
    return tap, out + tap.finish()


@SIZES
@pytest.mark.parametrize(
    ("name", "failed", "counted"),
    [
        ("responses", False, True),
        ("responses_incomplete", False, True),
        ("responses_failed_midstream", True, False),
        ("responses_error_midstream", True, False),
    ],
)
def test_golden_streams(name: str, failed: bool, counted: bool, size: int) -> None:
    data = (GOLDEN / f"{name}.sse").read_bytes()
    tap, out = listen(data, size)
    assert out == data
    assert (tap.ended, tap.failed) == (True, failed)
    usage = Usage(input=30, output=20, cache_read=10, cache_write=5, reasoning=8)
    assert tap.usage == (usage if counted else None)


@SIZES
@pytest.mark.parametrize("cut", [10, 1500, 2500, 4001])
def test_a_failure_fits_behind_a_stream_that_broke_off(cut: int, size: int) -> None:
    tap, out = listen((GOLDEN / "responses.sse").read_bytes()[:cut], size)
    assert not tap.ended
    data = out + tap.failure(ApiError("upstream_invalid", "the upstream broke off"))
    event = json.loads(data.rpartition(b"data: ")[2])
    assert event["sequence_number"] == out.count(b"\n\n")
    assert event["message"] == event["error"]["message"] == "the upstream broke off"
    if event["sequence_number"] >= 2:
        assert check_responses(data) == "failed"


def test_words_inside_a_text_are_no_events() -> None:
    text = json.dumps('"response.completed" "sequence_number": 99')
    frame = f'data: {{"type":"response.output_text.delta","sequence_number":4,"delta":{text}}}\n\n'
    tap, _ = listen(frame.encode(), 1000)
    assert not tap.ended
    assert b'"sequence_number":5' in tap.failure(ApiError("server", "x"))


def test_an_error_without_a_type_ends_too() -> None:
    tap, _ = listen(b'data: {"error": {"message": "no"}}\n\ndata: {"error" 3\n\n', 1000)
    assert (tap.ended, tap.failed) == (True, True)


def test_the_sdk_raises_at_a_failure() -> None:
    tap, out = listen((GOLDEN / "responses.sse").read_bytes()[:4000], 1000)
    body = out + tap.failure(ApiError("timeout", "too late"))
    answer = httpx2.Response(200, content=body, headers={"content-type": "text/event-stream"})
    transport = httpx2.MockTransport(lambda _: answer)
    client = openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=transport))
    with (
        pytest.raises(openai.APIError, match="too late"),
        client.responses.stream(model="m", input="hi") as stream,
    ):
        stream.until_done()
