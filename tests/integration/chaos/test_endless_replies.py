"""Replies without an end, or without an end in sight: no upstream fills the gateway's memory.

Here: for all nine pairs, plain and streamed, what the client sees once an upstream has sent more than may be held of
it, and that its connection is closed. Not here: replies that break off (test_breaks.py).
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping

import pytest
from support.broken_replies import ANSWER, Seen, chunk, head, plain, wire_of
from support.chaos import WELL, Chaos, Exchange, Expected, Scripts, entries, seen
from support.counts import counted_gateway
from support.gateway import config
from support.pairs import APIS, PLAIN_AND_STREAM
from support.raw_upstream import Asked, Forever, RawUpstream, Step
from support.streams import Answer, Api
from support.until import until

Steps = Iterable[Step]
Reply = Callable[[Api], Steps]

MOST = 256 * 1024
MANY = Answer("many " * 10_000 + ANSWER.text)
"""As a stream it is much larger than four times MOST, and none of its events is larger than MOST."""
NEVER_EJECTED = {"consecutive_failures": 1_000_000, "min_requests": 1_000_000}
_BLOCK = b"x" * 64 * 1024
_EVENTS = {"content_type": "text/event-stream"}


@pytest.fixture(scope="module")
def scripts() -> Scripts:
    return Scripts()


@pytest.fixture(scope="module")
def chaos(scripts: Scripts) -> Iterator[Chaos]:
    """A gateway that holds little of an upstream's reply. `main` has a fallback, as `safe`."""
    aliases = {
        f"safe-{api}/endless": {
            "target": f"main-{api}/endless",
            "fallbacks": [f"main-{api}/{WELL}"],
        }
        for api in APIS
    }
    with contextlib.ExitStack() as stack:
        main = stack.enter_context(RawUpstream(scripts))
        gateway = stack.enter_context(
            counted_gateway(
                config(
                    *entries(main.base_url, "main"),
                    model_aliases=aliases,
                    health=NEVER_EJECTED,
                    overload={"max_reply_size": MOST},
                )
            )
        )
        chaos = Chaos(gateway, [main])
        stack.callback(chaos.stop)
        yield chaos
        assert main.mistakes == []
        assert "Traceback" not in gateway.process.output


def bomb(data: bytes) -> bytes:
    """``data`` and 64 MB of zeros behind them, packed."""
    packer = zlib.compressobj(wbits=31)
    packed = [packer.compress(data), *(packer.compress(bytes(2**20)) for _ in range(64))]
    return b"".join([*packed, packer.flush()])


_BOMBS = {data: bomb(data) for data in (b'{"text": "', b'data: {"text": "')}

PLAIN: Mapping[str, Reply] = {
    "a body without an end": lambda _: [head(), b'{"text": "', Forever(_BLOCK)],
    "chunks without an end": lambda _: [
        head(transfer_encoding="chunked"),
        chunk(b'{"text": "'),
        Forever(chunk(_BLOCK)),
    ],
    "a bomb": lambda _: [plain(_BOMBS[b'{"text": "'], content_encoding="gzip").whole],
    "an error without an end": lambda _: [head(500), b'{"error": "', Forever(_BLOCK)],
}
STREAMED: Mapping[str, Reply] = {
    "a line without an end": lambda _: [head(**_EVENTS), b"data: {", Forever(_BLOCK)],
    "lines without an end": lambda _: [head(**_EVENTS), Forever(b"data: x\n" * 8_000)],
    "a name without an end": lambda _: [head(**_EVENTS), b"event: ", Forever(_BLOCK)],
    "a bomb": lambda _: [
        plain(_BOMBS[b'data: {"text": "'], content_encoding="gzip", **_EVENTS).whole
    ],
    "an error without an end": PLAIN["an error without an end"],
}
"""Before the first event."""
BEGUN: Mapping[str, Reply] = {
    "then a line without an end": lambda api: [*_begun(api), b"data: {", Forever(_BLOCK)],
    "then lines without an end": lambda api: [*_begun(api), Forever(b"data: x\n" * 8_000)],
}


def _begun(api: Api) -> Steps:
    wire = wire_of(api, stream=True)
    first, second, third, *_ = wire.pieces
    events = (piece.partition(b"\r\n")[2].removesuffix(b"\r\n") for piece in (first, second, third))
    return [head(**_EVENTS), *events]


def exchanges(
    scripts: Scripts, replies: Mapping[str, Reply], stream: bool, seen: Seen
) -> Iterator[tuple[Exchange, Expected]]:
    """All pairs, each of ``replies``, with what their clients see."""
    for name, reply in replies.items():
        scripts.by_model[name] = lambda _, api, reply=reply: reply(api)
        for theirs in APIS:
            for ours in APIS:
                expected = Expected(502 if seen == "error" else 200, seen)
                yield Exchange(ours, theirs, stream, "main", name), expected


@pytest.mark.parametrize(
    ("replies", "stream", "seen"),
    [
        pytest.param(PLAIN, False, "error", id="plain"),
        pytest.param(STREAMED, True, "error", id="stream"),
        pytest.param(BEGUN, True, "failed", id="stream that has begun"),
    ],
)
def test_a_reply_without_an_end(
    chaos: Chaos, scripts: Scripts, replies: Mapping[str, Reply], stream: bool, seen: Seen
) -> None:
    given = list(exchanges(scripts, replies, stream, seen))
    main = chaos.upstreams[0]
    ended = main.ended

    with chaos.leaving_nothing():
        chaos.check_all(given)

    until(lambda: main.ended >= ended + len(given))


def test_a_long_stream_passes_through_and_is_not_kept_for_a_translation(
    chaos: Chaos, scripts: Scripts
) -> None:
    scripts.by_model["long"] = lambda _, api: [wire_of(api, stream=True, answer=MANY).whole]

    def expected() -> Iterator[tuple[Exchange, Expected]]:
        for theirs in APIS:
            for ours in APIS:
                ending = "finished" if ours == theirs else "failed"
                yield Exchange(ours, theirs, True, "main", "long"), Expected(200, ending)

    with chaos.leaving_nothing():
        chaos.check_all(expected())


@PLAIN_AND_STREAM
def test_another_deployment_is_asked_instead(chaos: Chaos, scripts: Scripts, stream: bool) -> None:
    def endless(_: Asked, api: Api) -> Steps:
        replies = STREAMED["a line without an end"] if stream else PLAIN["a body without an end"]
        return replies(api)

    scripts.by_model["endless"] = endless
    for theirs in APIS:
        for ours in APIS:
            exchange = Exchange(ours, theirs, stream, "safe", "endless")
            told = chaos.ask(exchange)
            assert (told.status, seen(exchange, told)) == (200, "finished")
            assert told.headers["x-gateway-attempts"] == "2"
