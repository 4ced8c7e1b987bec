"""Replies, translated without any I/O: an upstream's bytes in, a client's bytes out.

Here: a reader and a writer of the table, put together as the gateway does, and the official SDKs on what came
out. Not here: a running gateway (gateway.py), single readers and writers (events.py).
"""

from __future__ import annotations

import json

from support.asks import Ask, user
from support.dialects import Clients, Got
from support.events import read, translation
from support.open_responses import check_response
from support.sdk import anthropic_told, openai_told
from support.streams import Api, Json
from support.validators import check, frames

from wsgi_gateway.protocols.conversation import Conversation
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.events import Event
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.reply import fold
from wsgi_gateway.protocols.table import PROTOCOLS


class Told(Clients):
    """The SDKs, whose every request is answered with this stream."""

    def __init__(self, stream: bytes) -> None:
        self.openai = openai_told(stream, "text/event-stream")
        self.anthropic = anthropic_told(stream, "text/event-stream")


def heard(upstream_api: Api, stream: bytes, size: int | None = None) -> list[Event]:
    """The events of an upstream's stream that comes in pieces of ``size`` bytes (None: whole)."""
    return read(PROTOCOLS[upstream_api].stream_reader(translation()), stream, size)


def written(client_api: Api, events: list[Event], *, include_usage: bool = True) -> bytes:
    """These events as a client's stream."""
    asked = Conversation(api=client_api, model="asked", include_usage=include_usage)
    return PROTOCOLS[client_api].stream_writer(asked, Loss(client_api)).write(events)


def streamed(client_api: Api, upstream_api: Api, stream: str | bytes) -> bytes:
    """The client's stream for an upstream's, whatever its chunking; it is judged."""
    data = stream.encode() if isinstance(stream, str) else stream
    out = written(client_api, heard(upstream_api, data, 11))
    assert check(client_api, out, usage_asked=True) != "cut"
    return out


def got(client_api: Api, upstream_api: Api, stream: str | bytes) -> Got:
    """What the client's SDK makes of a stream that is legal and ended well."""
    out = streamed(client_api, upstream_api, stream)
    assert check(client_api, out, usage_asked=True) in {"finished", "incomplete"}
    return Told(out).ask(client_api, "m", Ask((user("Hi"),)), stream=True)


def full(client_api: Api, upstream_api: Api, body: Json) -> Json:
    """The client's full reply for an upstream's; a response object is judged."""
    events = PROTOCOLS[upstream_api].read_reply(body, translation())
    asked = Conversation(api=client_api, model="asked")
    reply: Json = json.loads(
        encode(PROTOCOLS[client_api].write_reply(fold(events), asked, Loss(client_api)))
    )
    if client_api == "responses":
        check_response(reply)
    return reply


def data_of(stream: bytes) -> list[Json]:
    """The JSON of each frame."""
    return [json.loads(data) for _, data in frames(stream) if data != "[DONE]"]
