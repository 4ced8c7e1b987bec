"""Edge cases 1 to 18 of the protocols digest: what arrives as server-sent events, and what leaves.

Here: streams whose bytes are odd, through a reader and a writer of every pair, and through a tap where both
sides speak one API. Not here: odd replies (test_replies.py), and what only a running gateway shows: cases 12, 13,
15, 16 and 18 as a client sees them (tests/integration/test_edge_cases.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from support.events import read, told, translation
from support.pairs import APIS, CLIENTS, GOLDEN, GOLDEN_ANSWERS, TRANSLATED, UPSTREAMS
from support.streams import STREAMED, Answer, Api
from support.translated import heard, written
from support.validators import check

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import Delta, Failed, Finished
from wsgi_gateway.protocols.table import PROTOCOLS

OPENAI: tuple[Api, ...] = ("chat_completions", "responses")
CUTS = pytest.mark.parametrize("size", [1, 7, None], ids=["by 1", "by 7", "whole"])
TERMINATORS: dict[Api, bytes] = {
    "chat_completions": b"data: [DONE]\n\n",
    "messages": b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    "responses": GOLDEN["responses"][GOLDEN["responses"].index(b"event: response.completed") :],
}
REASONS: dict[Api, bytes] = {
    "chat_completions": b'"finish_reason":"',
    "messages": b'"stop_reason":"',
    "responses": b"response.completed",
}
"""What tells each client why a reply stopped; no stream that broke off may have it."""


def passed(api: Api, stream: bytes, size: int | None = None) -> bytes:
    """What a client of the upstream's own API gets, as relay.passed drives the tap."""
    tap = PROTOCOLS[api].tap()
    step = size or len(stream)
    out = b"".join(tap.feed(stream[at : at + step]) for at in range(0, len(stream), step))
    out += tap.finish()
    return out if tap.ended else out + tap.failure(ApiError("upstream_invalid", "it broke off"))


def expanded(stream: bytes) -> bytes:
    """Every event's JSON over several data lines."""

    def lines(found: re.Match[bytes]) -> bytes:
        text = json.dumps(json.loads(found.group(1)), indent=1, ensure_ascii=False)
        return b"\n".join(b"data: " + line.encode() for line in text.split("\n"))

    return re.sub(rb"^data: (\{.*\})$", lines, stream, flags=re.MULTILINE)


COMMENT = b": keepalive\n\n"

ODD_BYTES: dict[str, Callable[[bytes], bytes]] = {
    "case 1: characters cut": lambda stream: stream,
    "case 2: CRLF": lambda stream: stream.replace(b"\n", b"\r\n"),
    "case 2: CR": lambda stream: stream.replace(b"\n", b"\r"),
    "case 3: comments between": lambda stream: stream.replace(b"\n\n", b"\n\n: hi\n\n:\n"),
    "case 3: comments inside": lambda stream: stream.replace(b"data: ", b": data: x\ndata: "),
    "case 4: no space": lambda stream: stream.replace(b"data: ", b"data:"),
    "case 4: two spaces": lambda stream: stream.replace(b"data: ", b"data:  "),
    "case 5: several data lines": expanded,
    "case 6: byte order mark": lambda stream: b"\xef\xbb\xbf" + stream,
    "case 7: no data": lambda stream: stream.replace(b"\n\n", b"\n\nevent: x\n\n"),
    "case 7: empty data": lambda stream: stream.replace(b"\n\n", b"\n\nevent: x\ndata:\n\n"),
    "case 7: retry": lambda stream: b"retry: 3000\n\n" + stream,
    "case 7: id": lambda stream: stream.replace(b"data: ", b"id: 7\ndata: ") + b"\n\n",
    "case 9: no last blank line": lambda stream: stream.removesuffix(b"\n"),
    "case 9: no last line end": lambda stream: stream.removesuffix(b"\n\n"),
}


@UPSTREAMS
@pytest.mark.parametrize("odd", ODD_BYTES.values(), ids=list(ODD_BYTES))
@CUTS
def test_odd_bytes_mean_the_same_events(
    upstream_api: Api, odd: Callable[[bytes], bytes], size: int | None
) -> None:
    spoiled = odd(GOLDEN[upstream_api])

    events = heard(upstream_api, spoiled, size)

    assert told(events) == told(heard(upstream_api, GOLDEN[upstream_api]))
    text = "".join(event.text for event in events if isinstance(event, Delta))
    assert GOLDEN_ANSWERS[upstream_api].text in text
    assert isinstance(events[-1], Finished)
    for client_api in APIS:
        assert check(client_api, written(client_api, events), usage_asked=True) == "finished"


FOR_TAPS = [name for name in ODD_BYTES if name.startswith(("case 1", "case 2", "case 9"))]
CRASHING = [
    *((api, "case 6: byte order mark") for api in APIS),
    *((api, name) for api in OPENAI for name in ODD_BYTES if name.startswith("case 7")),
]


@CLIENTS
@pytest.mark.parametrize("name", FOR_TAPS)
@CUTS
def test_odd_bytes_that_pass_through_are_not_taken_for_a_break(
    client_api: Api, name: str, size: int | None
) -> None:
    out = passed(client_api, ODD_BYTES[name](GOLDEN[client_api]), size)

    plain = out.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    assert plain == GOLDEN[client_api]


@pytest.mark.parametrize(("client_api", "name"), CRASHING)
def test_what_crashes_clients_does_not_pass_through(client_api: Api, name: str) -> None:
    out = passed(client_api, ODD_BYTES[name](GOLDEN[client_api]))

    assert check(client_api, out, usage_asked=True) == "finished"


def test_case_4_exactly_one_space_is_stripped() -> None:
    one, two, none = sse.Decoder().feed(b"data: a\n\ndata:  a\n\ndata:a\n\n")

    assert (one.data, two.data, none.data) == (b"a", b" a", b"a")


def test_case_5_lines_are_joined_with_a_line_feed() -> None:
    (event,) = sse.Decoder().feed(b"data: a\ndata: b\ndata:\n\n")

    assert event.data == b"a\nb\n"


@TRANSLATED
@CUTS
def test_case_8_unicode_separators_end_no_line(
    client_api: Api, upstream_api: Api, size: int | None
) -> None:
    text = "one\u2028two\u2029three\u0085four"
    stream = STREAMED[upstream_api](Answer(text)).encode()
    assert "\u2028".encode() in stream

    events = heard(upstream_api, stream, size)

    assert told(events) == [("text", text)]
    assert told(heard(client_api, written(client_api, events))) == [("text", text)]


@TRANSLATED
def test_case_9_an_unfinished_last_event_that_is_not_the_end_is_a_break(
    client_api: Api, upstream_api: Api
) -> None:
    """Its text still counts, but the reply was not whole."""
    stream = STREAMED[upstream_api](Answer("one two three")).encode()
    begun = stream[: stream.index(b"\n", stream.index(b'"two "'))]

    events = heard(upstream_api, begun)

    out = written(client_api, events)
    assert b'"two "' in out
    assert check(client_api, out) == "failed"


DONE_MARKS = [
    b"",
    b"data: [DONE] \n\n",
    b"data: [DONE]\r\n\r\n",
    b"data:[DONE]\t\n\n",
    b"data: [DONE]",
]


@CLIENTS
@pytest.mark.parametrize("mark", DONE_MARKS, ids=repr)
@CUTS
def test_case_10_done_marks(client_api: Api, mark: bytes, size: int | None) -> None:
    whole = GOLDEN["chat_completions"]
    stream = whole.removesuffix(TERMINATORS["chat_completions"]) + mark

    events = heard("chat_completions", stream, size)

    assert told(events) == told(heard("chat_completions", whole))
    assert check(client_api, written(client_api, events), usage_asked=True) == "finished"


@pytest.mark.parametrize("mark", DONE_MARKS[1:], ids=repr)
def test_case_10_done_marks_end_a_stream_that_passes_through(mark: bytes) -> None:
    tap = PROTOCOLS["chat_completions"].tap()

    tap.feed(GOLDEN["chat_completions"].removesuffix(TERMINATORS["chat_completions"]) + mark)
    tap.finish()

    assert tap.final and tap.ended and not tap.failed


@UPSTREAMS
@CUTS
def test_case_11_bytes_behind_the_end_are_ignored(upstream_api: Api, size: int | None) -> None:
    reader = PROTOCOLS[upstream_api].stream_reader(translation())
    events = reader.feed(GOLDEN[upstream_api])
    assert reader.ended and isinstance(events[-1], Finished)

    late = GOLDEN[upstream_api] + b'data: {"error":{"message":"late"}}\n\n<html>\x00\xff'

    assert read(reader, late, size) == []


@UPSTREAMS
@CUTS
@pytest.mark.parametrize(
    "body", [b'{"error":{"message":"m","type":"t"}}', b"<html>502</html>", b""]
)
def test_case_12_a_body_that_is_no_stream_fails_before_anything_is_said(
    upstream_api: Api, body: bytes, size: int | None
) -> None:
    """So that the failure can still be an HTTP status."""
    (event,) = heard(upstream_api, body, size)

    assert isinstance(event, Failed)
    assert event.error.kind == "upstream_invalid"


@UPSTREAMS
@CUTS
def test_case_13_an_error_before_the_first_event_comes_alone(
    upstream_api: Api, size: int | None
) -> None:
    failure = PROTOCOLS[upstream_api].tap().failure(ApiError("overloaded", "later"))

    (event,) = heard(upstream_api, failure, size)

    assert isinstance(event, Failed)
    assert "later" in event.error.message


def cuts_before(stream: bytes, terminal: bytes) -> list[int]:
    """Where a stream may be cut: behind each frame, and in the middle of each, before its reason to stop."""
    end = stream.rindex(b"\n\n", 0, stream.index(terminal)) + 2
    ends = [found.end() for found in re.finditer(b"\n\n", stream[:end])]
    return sorted({*ends, *(at - 9 for at in ends)})


@TRANSLATED
def test_case_14_a_stream_that_breaks_off_is_an_error_without_a_reason_to_stop(
    client_api: Api, upstream_api: Api
) -> None:
    stream = GOLDEN[upstream_api]
    for at in cuts_before(stream, REASONS[upstream_api]):
        out = written(client_api, heard(upstream_api, stream[:at]))

        assert check(client_api, out) == "failed", stream[:at][-99:]
        assert REASONS[client_api] not in out
        assert TERMINATORS[client_api][:20] not in out


@CLIENTS
def test_case_14_a_stream_that_passes_through_and_breaks_off_is_an_error(client_api: Api) -> None:
    stream = GOLDEN[client_api]
    for at in cuts_before(stream, REASONS[client_api]):
        out = passed(client_api, stream[:at])

        assert REASONS[client_api] not in out
        assert b"it broke off" in out.split(b"\n\n")[-2]
        assert out.endswith(b"\n\n")


def test_case_16_a_keepalive_is_a_comment_in_every_decoder() -> None:
    assert sse.Decoder().feed(COMMENT) == []
    for api in APIS:
        stream = COMMENT + GOLDEN[api].replace(b"\n\n", b"\n\n" + COMMENT)
        assert check(api, stream, usage_asked=True) == "finished"
        assert told(heard(api, stream)) == told(heard(api, GOLDEN[api]))


@pytest.mark.parametrize("upstream_api", ["chat_completions", "responses"])
def test_case_17_messages_streams_name_their_events(upstream_api: Api) -> None:
    out = written("messages", heard(upstream_api, GOLDEN[upstream_api]))

    for frame in out.removesuffix(b"\n\n").split(b"\n\n"):
        event, data = frame.decode().split("\n")
        assert event == f"event: {json.loads(data.removeprefix('data: '))['type']}"


def test_case_17_messages_streams_that_pass_through_name_their_events() -> None:
    unnamed = re.sub(rb"^event: .*\n", b"", GOLDEN["messages"], flags=re.MULTILINE)

    assert check("messages", passed("messages", unnamed)) == "finished"


@UPSTREAMS
def test_case_18_the_terminator_ends_the_reading(upstream_api: Api) -> None:
    """An upstream that leaves its body open is not waited for, so that ours can be closed."""
    *_, terminator = GOLDEN[upstream_api].removesuffix(b"\n\n").split(b"\n\n")
    terminator += b"\n\n"
    reader, tap = (
        PROTOCOLS[upstream_api].stream_reader(translation()),
        PROTOCOLS[upstream_api].tap(),
    )

    reader.feed(GOLDEN[upstream_api].removesuffix(terminator))
    tap.feed(GOLDEN[upstream_api].removesuffix(terminator))
    assert not reader.ended and not tap.final

    assert isinstance(reader.feed(terminator)[-1], Finished)
    assert tap.feed(terminator) == terminator
    assert reader.ended and tap.final


@TRANSLATED
def test_case_18_nothing_follows_the_terminator(client_api: Api, upstream_api: Api) -> None:
    out = written(client_api, heard(upstream_api, GOLDEN[upstream_api]))

    assert out.endswith(b"\n\n")
    last = out.split(b"\n\n")[-2]
    assert last.startswith(TERMINATORS[client_api].rstrip(b"\n")[:20])
