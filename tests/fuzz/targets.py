"""What is fuzzed: the first byte of an input says which entrance the rest goes through.

Every entrance asks the same as the properties do: no exception but ApiError, and the same for any chunking. Here also
the seeds. Not here: the fuzzer itself (__main__.py), so that crashes are tried again without it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from support.accumulated import whole
from support.dice import Dice
from support.events import translation
from support.generated_replies import Range, draw_plan, events_of
from support.generated_requests import CAPABILITIES, draw_conversation, spoiled
from support.generated_streams import draw_stream
from support.pairs import APIS, GOLDEN_FOLDER
from support.relayed import relayed, settled
from support.streams import Api
from support.unbreakable import (
    take_bytes,
    take_error,
    take_passing_stream,
    take_reply,
    take_request,
    take_stream,
)
from support.validators import check

from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.table import PROTOCOLS

_PROTOCOLS = GOLDEN_FOLDER.parent / "protocols"


def request(api: Api, data: bytes) -> None:
    take_request(api, data, Dice(data[-3:]))


def stream(api: Api, data: bytes) -> None:
    """The last three bytes say how the rest is cut."""
    data, dice = data[:-3], Dice(data[-3:])
    chunks = dice.chunks(data)
    take_passing_stream(api, chunks)
    for client_api, got in take_stream(api, [data]).items():
        check(client_api, got, usage_asked=True)
    for client_api in APIS:
        if client_api != api:
            pieces, one = relayed(client_api, api, chunks), relayed(client_api, api, [data])
            assert (pieces.error is None) == (one.error is None)
            assert settled(pieces.stream) == settled(one.stream)


def reply(api: Api, data: bytes) -> None:
    take_reply(api, data)
    take_error(500, data)
    take_bytes(data)


def spoiled_request(api: Api, data: bytes) -> None:
    """Bytes as throws of dice: conversations that are nearly right."""
    dice = Dice(data)
    asked = translation(api, **CAPABILITIES[api])
    body = PROTOCOLS[api].write_request(draw_conversation(dice, api), asked)
    take_request(api, encode(spoiled(body, dice)), dice)


def spoiled_reply(api: Api, data: bytes) -> None:
    dice = Dice(data)
    body = whole(api, events_of(draw_plan(dice, Range(failures=False))))
    take_reply(api, encode(spoiled(body, dice)))


def bent_stream(api: Api, data: bytes) -> None:
    dice = Dice(data)
    drawn = draw_stream(dice, api, bent=True).data
    at = dice.place(drawn)
    byte = bytes([dice.below(256)]) if dice.chance(2) else drawn[at : at + 1]
    stream(api, drawn[:at] + byte + drawn[at + 1 :] + dice.rest()[:3].ljust(3, b"\0"))


ENTRANCES: tuple[Callable[[Api, bytes], None], ...] = (
    request,
    stream,
    reply,
    spoiled_request,
    spoiled_reply,
    bent_stream,
)


def take(data: bytes) -> None:
    """One input of the fuzzer's. Raises AssertionError, or whatever should not have been raised."""
    number, api = divmod(data[0] if data else 0, len(APIS))
    ENTRANCES[number % len(ENTRANCES)](APIS[api], data[1:])


def seeds() -> Iterator[bytes]:
    """Inputs to start from: every golden stream, the agents' recorded requests and, of each API, bodies and dice."""
    for body in json.loads((_PROTOCOLS / "responses/codex_requests.json").read_bytes()).values():
        yield _input(request, "responses", encode(body))
    claude_code = json.loads((_PROTOCOLS / "messages/claude_code_request.json").read_bytes())
    yield _input(request, "messages", encode(claude_code))
    for path in sorted(GOLDEN_FOLDER.glob("*.sse")):
        api = APIS[("chat", "messages", "responses").index(path.stem.split("_")[0])]
        yield _input(stream, api, path.read_bytes() + b"\0\0\0")
    for api in APIS:
        for first in range(8):
            throws = bytes((first + at * 37) % 256 for at in range(200))
            conversation = draw_conversation(Dice(throws), api)
            asked = translation(api, **CAPABILITIES[api])
            yield _input(request, api, encode(PROTOCOLS[api].write_request(conversation, asked)))
            events = events_of(draw_plan(Dice(throws), Range(failures=False)))
            yield _input(reply, api, encode(whole(api, events)))
            for entrance in (spoiled_request, spoiled_reply, bent_stream):
                yield _input(entrance, api, throws)


def _input(entrance: Callable[[Api, bytes], None], api: Api, data: bytes) -> bytes:
    return bytes([ENTRANCES.index(entrance) * len(APIS) + APIS.index(api)]) + data
