"""Whole streamed replies without any I/O: chunks of an upstream in, what its client gets out, for all nine pairs.

Here: the gateway's two ways of relaying, put together from the protocols as ``relay`` does, and forms of the result
that can be compared. Not here: where the chunks come from (generated_streams.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from support.events import translation
from support.generated_replies import Plan
from support.pairs import APIS
from support.streams import Api

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.conversation import Conversation
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import Event, Failed
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.stop_sequences import StopCutter
from wsgi_gateway.protocols.table import PROTOCOLS

_BROKE_OFF = ApiError("upstream_invalid", "the upstream's reply broke off before its end")


@dataclass(frozen=True)
class Outcome:
    """A stream, or the error that came before its first event and so became an HTTP status."""

    stream: bytes = b""
    error: ApiError | None = None


def relayed(
    client_api: Api, upstream_api: Api, chunks: Iterable[bytes], stop: list[str] | None = None
) -> Outcome:
    """What a client that asked for usage gets. ``stop`` are sequences for the gateway to find."""
    if client_api == upstream_api:
        return _passed(client_api, chunks)
    pieces = (events for events in _heard(upstream_api, chunks, stop or []) if events)
    first = next(pieces)
    if isinstance(first[0], Failed):
        return Outcome(error=first[0].error)
    asked = Conversation(api=client_api, model="asked")
    writer = PROTOCOLS[client_api].stream_writer(asked, Loss(client_api))
    return Outcome(b"".join(writer.write(events) for events in (first, *pieces)))


def _heard(api: Api, chunks: Iterable[bytes], stop: list[str]) -> Iterator[list[Event]]:
    reader = PROTOCOLS[api].stream_reader(translation())
    cutter = StopCutter(stop) if stop else None
    for chunk in chunks:
        events = reader.feed(chunk)
        yield cutter.cut(events) if cutter else events
        if reader.ended or (cutter and cutter.ended):
            return
    yield cutter.cut(reader.finish()) if cutter else reader.finish()


def _passed(api: Api, chunks: Iterable[bytes]) -> Outcome:
    tap = PROTOCOLS[api].tap()
    stream = b""
    for chunk in chunks:
        stream += tap.feed(chunk)
        if tap.final:
            break
    stream += tap.finish()
    if not stream:
        return Outcome(error=_BROKE_OFF)
    return Outcome(stream if tap.ended else stream + tap.failure(_BROKE_OFF))


def clients_of(plan: Plan) -> tuple[Api, ...]:
    """The APIs whose streams have a form for the reply: Chat's have none for calls of custom tools."""
    has_custom = any(part.custom for part in plan.parts)
    return APIS[1:] if has_custom else APIS


_OWN_IDS = re.compile(rb"[0-9a-f]{24}")
_TIMES = re.compile(rb'("(?:created|created_at|completed_at)":)\d+')


def settled(raw: bytes) -> bytes:
    """With ids of the gateway's own numbered as they first appear, and without times."""
    numbers: dict[bytes, bytes] = {}

    def number(found: re.Match[bytes]) -> bytes:
        return numbers.setdefault(found.group(), b"own-id-%d" % len(numbers))

    return _TIMES.sub(rb"\g<1>0", _OWN_IDS.sub(number, raw))


def client_events(raw: bytes) -> list[tuple[str, Any]]:
    """Types and values of the events, as a client's decoder sees them; it stops listening at the last one."""
    decoder = sse.Decoder()
    told: list[tuple[str, Any]] = []
    for event in decoder.feed(raw) + decoder.flush():
        value = _value(event.data)
        typed = isinstance(value, dict) and "type" in value
        told.append(("" if typed else event.event, value))
        if event.event in _LAST or value == b"[DONE]" or (typed and value["type"] in _LAST):
            break
    return told


_LAST = ("message_stop", "error", "response.completed", "response.incomplete", "response.failed")


def _value(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return b" ".join(data.split())


def delivered(raw: bytes) -> str:
    """All the text that the deltas of a client's stream brought, in their order."""
    return "".join(_text_of(value) for _, value in client_events(raw) if isinstance(value, dict))


def _text_of(event: dict[str, Any]) -> str:
    delta = event.get("delta")
    if isinstance(delta, str):  # Responses
        return delta
    if isinstance(delta, dict):  # Messages
        return "".join(delta.get(name, "") for name in ("text", "thinking", "partial_json"))
    said = ""
    for choice in event.get("choices", ()):
        delta = choice["delta"]
        said += "".join(
            delta.get(name) or "" for name in ("reasoning_content", "content", "refusal")
        )
        for call in delta.get("tool_calls", ()):
            said += call.get("function", call.get("custom", {})).get("arguments", "")
    return said
