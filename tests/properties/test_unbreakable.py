"""No exception but ApiError, for any bytes whatever: near misses of what is right, and plain noise."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.accumulated import whole
from support.dice import Dice, dice
from support.events import translation
from support.generated_replies import Range, draw_plan, events_of
from support.generated_requests import CAPABILITIES, draw_conversation, spoiled
from support.generated_streams import draw_stream
from support.generated_wires import Frame
from support.pairs import APIS, CLIENTS, UPSTREAMS
from support.properties import thorough
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


@CLIENTS
@given(dice=dice(300))
@thorough
def test_request_bodies(client_api: Api, dice: Dice) -> None:
    asked = translation(client_api, **CAPABILITIES[client_api])
    conversation = draw_conversation(dice, client_api)
    body = PROTOCOLS[client_api].write_request(conversation, asked)

    take_request(client_api, encode(spoiled(body, dice)), dice)


@UPSTREAMS
@given(dice=dice(300))
@thorough
def test_streams(upstream_api: Api, dice: Dice) -> None:
    stream = draw_stream(dice, upstream_api, bent=True)
    data = b"".join(frame_bytes(frame, dice) for frame in stream.frames)
    chunks = dice.chunks(data)

    take_passing_stream(upstream_api, chunks)
    for client_api, got in take_stream(upstream_api, chunks).items():
        check(client_api, got, usage_asked=True)


def frame_bytes(frame: Frame, dice: Dice) -> bytes:
    """The event, one time in six with something wrong in it."""
    data = frame.data.encode() if isinstance(frame.data, str) else encode(frame.data)
    if dice.chance(6):
        data = encode(spoiled(frame.data, dice))
    name = b"event: %b\n" % frame.event.encode() if frame.event else b""
    return name + b"data: %b\n\n" % data


@UPSTREAMS
@given(dice=dice(300))
@thorough
def test_full_replies(upstream_api: Api, dice: Dice) -> None:
    body = whole(upstream_api, events_of(draw_plan(dice, Range(failures=False))))

    take_reply(upstream_api, encode(spoiled(body, dice)))


@given(status=st.integers(300, 599), dice=dice(60), noise=st.binary(max_size=60))
@thorough
def test_errors(status: int, dice: Dice, noise: bytes) -> None:
    body = {"type": "error", "error": {"message": "m", "type": "t", "code": None, "param": None}}

    take_error(status, encode(spoiled(body, dice)))
    take_error(status, noise)


@given(noise=st.binary(max_size=200))
@thorough
def test_noise(noise: bytes) -> None:
    take_bytes(noise)
    for api in APIS:
        take_request(api, noise, Dice(noise))
        take_reply(api, noise)
        take_passing_stream(api, [noise])
        take_stream(api, [noise])
