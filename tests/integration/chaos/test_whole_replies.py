"""Replies that are whole in some way, and odd: huge, tiny, slow, packed, of another type, no reply at all.

Here: for all nine pairs, plain and streamed, what the client sees. Not here: what breaks off (test_breaks.py).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping

import pytest
from support.broken_replies import ANSWER, Wire, body_of, chunk, head, plain, streamed, wire_of
from support.chaos import IS_URLLIB3, Chaos, Exchange, Expected, Scripts
from support.dialects import PATHS
from support.pairs import APIS, PLAIN_AND_STREAM, error_body
from support.raw_upstream import Asked, Drip, Forever, RawUpstream, Step
from support.streams import STREAMED, Answer, Api, frames_of
from support.validators import check

Steps = Iterable[Step]
Reply = Callable[[Api, bool], Steps]

HUGE = Answer("x" * 2_000_000 + f" {ANSWER.text}")
TINY = Answer("tiny " * 10_000 + ANSWER.text)
HTML = b"<!doctype html><html><body><h1>Bad gateway</h1><p>data: none</p></body></html>\n"
EVENTS = {"content_type": "text/event-stream"}


def packed(data: Iterable[bytes]) -> list[bytes]:
    """Each piece in gzip, so that it can be read at once."""
    packer = zlib.compressobj(wbits=31)
    pieces = [packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH) for piece in data]
    return [*pieces, packer.flush()]


def events_of(api: Api, answer: Answer = ANSWER) -> list[bytes]:
    return frames_of(STREAMED[api](answer))


def gzipped(api: Api, stream: bool) -> Wire:
    if stream:
        return streamed(packed(events_of(api)), content_encoding="gzip")
    return plain(b"".join(packed([body_of(api)])), content_encoding="gzip")


def garbled(at: int) -> Reply:
    """An event that is none, in place of another."""

    def reply(api: Api, stream: bool) -> Steps:
        if not stream:
            return [plain(b'{"id": \xff\xfe').whole]
        events = events_of(api)
        events[at] = b'data: {"id": "\x00\xff", nonsense\n\n'
        return [streamed(events).whole]

    return reply


def of_type(content_type: str, *, as_stream: bool) -> Reply:
    def reply(api: Api, _: bool) -> Steps:
        if as_stream:
            return [streamed(events_of(api), content_type=content_type).whole]
        return [plain(body_of(api), content_type=content_type).whole]

    return reply


def whole(reply: Callable[[Api, bool], Wire]) -> Reply:
    return lambda api, stream: [reply(api, stream).whole]


FINE: Mapping[str, Reply] = {
    "an event of 2 MB": whole(lambda api, stream: wire_of(api, stream=stream, answer=HUGE)),
    "drip": lambda api, stream: [Drip(wire_of(api, stream=stream).whole)],
    "gzip": whole(gzipped),
    "dripping gzip": lambda api, stream: [Drip(gzipped(api, stream).whole)],
    "interim replies": lambda api, stream: [
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n",
        wire_of(api, stream=stream).whole,
    ],
    "a plain reply as HTML": of_type("text/html", as_stream=False),
    "junk behind the end": lambda api, stream: [
        wire_of(api, stream=stream).whole + b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx\x00\xff"
    ],
}
"""Clients get a reply as if nothing were odd."""

BAD: Mapping[str, Reply] = {
    "HTML": lambda *_: [plain(HTML, content_type="text/html").whole],
    "HTML as events": lambda *_: [streamed([HTML, HTML]).whole],
    "empty": lambda *_: [head(**EVENTS, content_length=0)],
    "no content": lambda *_: [head(204)],
    "not modified": lambda *_: [head(304)],
    "another protocol": lambda *_: [head(101, upgrade="h2c", connection="upgrade"), "stall"],
    "status 999": lambda api, _: [plain(body_of(api), 999).whole],
    "two lengths": lambda *_: [
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx"
    ],
    "an endless head": lambda *_: [
        b"HTTP/1.1 200 OK\r\n",
        Forever(b"x-more: " + b"x" * 8000 + b"\r\n"),
    ],
    "packed in an unknown way": lambda api, _: [
        streamed(events_of(api), content_encoding="br").whole
    ],
    "not packed at all": lambda api, _: [streamed(events_of(api), content_encoding="gzip").whole],
    "the beginning of gzip": lambda api, _: [
        streamed([packed(events_of(api))[0][:11]], content_encoding="gzip").whole
    ],
    "a garbled beginning": garbled(0),
    "a redirect with an error": lambda api, _: [
        plain(json.dumps(error_body(api, "Gone", "api_error")).encode(), 307, location="/").whole
    ],
    "events of a plain reply's type": lambda api, _: [
        streamed(events_of(api), content_type="application/json").whole
    ],
    "a plain reply of events' type": lambda api, stream: [
        plain(body_of(api) if stream else HTML, **EVENTS).whole
    ],
}
"""Clients get a 502."""

UNKNOWN_TO_URLLIB3 = {"interim replies", "another protocol", "packed in an unknown way"}


def exchanges(stream: bool, names: Iterable[str]) -> Iterator[Exchange]:
    for name in names:
        for theirs in APIS:
            for ours in APIS:
                yield Exchange(ours, theirs, stream, "main", name)


def script(scripts: Scripts, name: str, reply: Reply) -> None:
    def answer(asked: Asked, api: Api) -> Steps:
        return reply(api, asked.json.get("stream") is True)

    scripts.by_model[name] = answer


@PLAIN_AND_STREAM
@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        pytest.param(FINE, Expected(200, "finished"), id="fine"),
        pytest.param(BAD, Expected(502, "error"), id="bad"),
    ],
)
def test_a_reply_that_is_odd(
    chaos: Chaos, scripts: Scripts, replies: Mapping[str, Reply], expected: Expected, stream: bool
) -> None:
    names = replies.keys() - (UNKNOWN_TO_URLLIB3 if IS_URLLIB3 else set())
    for name in names:
        script(scripts, name, replies[name])

    with chaos.leaving_nothing():
        chaos.check_all((it, expected) for it in exchanges(stream, names))


def test_a_stream_of_ten_thousand_events(chaos: Chaos, scripts: Scripts) -> None:
    script(scripts, "tiny", whole(lambda api, stream: wire_of(api, stream=stream, answer=TINY)))
    given = list(exchanges(True, ["tiny"]))

    with chaos.leaving_nothing():
        told = dict(zip(given, chaos.ask_all(given), strict=True))

    for exchange, (_, _, body) in told.items():
        if exchange.client_api != exchange.upstream_api:
            assert check(exchange.client_api, body, usage_asked=True) == "finished"
        assert body.count(b"\n\n") > 10_000
        assert body.count(b"tiny ") >= 10_000


def test_a_stream_that_is_garbled_later(chaos: Chaos, scripts: Scripts) -> None:
    """What passes is not read by the gateway: its client's decoder fails instead."""
    script(scripts, "garbled", garbled(4))

    with chaos.leaving_nothing():
        chaos.check_all(
            (exchange, Expected(200, "failed"))
            for exchange in exchanges(True, ["garbled"])
            if exchange.client_api != exchange.upstream_api
        )


def test_a_stream_that_goes_on_behind_its_last_event(chaos: Chaos, scripts: Scripts) -> None:
    """It is over for its client all the same, and for the gateway."""

    def chattering(api: Api, _: bool) -> Steps:
        wire = wire_of(api, stream=True)
        return [wire.head, *wire.pieces, Forever(chunk(b": still here\n\n"))]

    script(scripts, "chattering", chattering)

    with chaos.leaving_nothing():
        finished = Expected(200, "finished")
        chaos.check_all((it, finished) for it in exchanges(True, ["chattering"]))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@PLAIN_AND_STREAM
def test_nobody_is_asked_elsewhere(
    chaos: Chaos, scripts: Scripts, elsewhere: RawUpstream, status: int, stream: bool
) -> None:
    def redirect(_: Asked, api: Api) -> Steps:
        return [head(status, location=elsewhere.base_url + PATHS[api], content_length=0)]

    name = f"redirect {status}"
    scripts.by_model[name] = redirect
    with chaos.leaving_nothing():
        chaos.check_all((it, Expected(502, "error")) for it in exchanges(stream, [name]))

    assert elsewhere.accepted == 0
