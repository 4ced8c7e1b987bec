"""A provider's reply as bytes, and the points at which it may break off.

Here: the bytes, and what a client must see of a reply that came as far as that. Not here: how it breaks
(raw_upstream.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

from support.pairs import APIS
from support.streams import PLAIN, STREAMED, Answer, Api, frames_of

ANSWER = Answer("All is well that ends well")

Seen = Literal["error", "failed", "finished"]
"""What a client sees: an error before anything else, a reply that ends with one, a reply."""


@dataclass(frozen=True)
class Wire:
    """A reply's bytes: head, then pieces, each an event or a half of a plain body, then the end of the message."""

    head: bytes
    pieces: tuple[bytes, ...]
    end: bytes

    @cached_property
    def whole(self) -> bytes:
        return self.head + b"".join(self.pieces) + self.end


def head(status: int = 200, **headers: str | int) -> bytes:
    """A reply's head; an underscore in a header's name stands for a hyphen."""
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
    return f"HTTP/1.1 {status} Whatever\r\n{''.join(lines)}\r\n".encode()


def chunk(data: bytes) -> bytes:
    """In chunked coding."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def streamed(events: Iterable[bytes], **headers: str) -> Wire:
    """A streamed reply, each event a chunk."""
    told = {"content_type": "text/event-stream", "transfer_encoding": "chunked", **headers}
    return Wire(head(**told), tuple(chunk(event) for event in events), b"0\r\n\r\n")


def plain(body: bytes, status: int = 200, **headers: str) -> Wire:
    """A plain reply; its body in two halves."""
    told: dict[str, str | int] = {"content_type": "application/json", "content_length": len(body)}
    middle = len(body) // 2
    return Wire(head(status, **{**told, **headers}), (body[:middle], body[middle:]), b"")


def body_of(api: Api, answer: Answer = ANSWER) -> bytes:
    """A plain reply's body."""
    return json.dumps(PLAIN[api](answer)).encode()


@cache
def wire_of(api: Api, *, stream: bool, answer: Answer = ANSWER) -> Wire:
    """A good reply."""
    if not stream:
        return plain(body_of(api, answer))
    return streamed(frames_of(STREAMED[api](answer)))


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


_TELLS_END = (b'"finish_reason":"', b"message_delta", b"response.completed")
"""What the event has in it behind which a reply is known to be complete, though its terminator may be missing."""


def _stream_points(wire: Wire) -> Mapping[str, tuple[bytes, Seen]]:
    first, second, third, *_ = pieces = wire.pieces
    closing = next(at for at, piece in enumerate(pieces) if any(it in piece for it in _TELLS_END))
    before = wire.head + b"".join(pieces[:closing])
    events = wire.head + b"".join(pieces)
    return {
        "before the head": (b"", "error"),
        "in the head": (_half(wire.head), "error"),
        "behind the head": (wire.head, "error"),
        "in the first event": (wire.head + _half(first), "error"),
        "between events": (wire.head + first + second, "failed"),
        "in an event's frame": (wire.head + first + second + third[:1], "failed"),
        "in an event": (wire.head + first + second + _half(third), "failed"),
        "in the last event": (before + _half(pieces[closing]), "failed"),
        "behind the last event": (events, "finished"),
        "in the end": (events + wire.end[:-2], "finished"),
    }


def _plain_points(wire: Wire) -> Mapping[str, tuple[bytes, Seen]]:
    return {
        "before the head": (b"", "error"),
        "in the head": (_half(wire.head), "error"),
        "behind the head": (wire.head, "error"),
        "in the body": (wire.head + wire.pieces[0], "error"),
        "before the last byte": (wire.whole[:-1], "error"),
    }


POINTS: Mapping[tuple[Api, bool], Mapping[str, tuple[bytes, Seen]]] = {
    (api, stream): (_stream_points if stream else _plain_points)(wire_of(api, stream=stream))
    for api in APIS
    for stream in (False, True)
}
"""For an upstream's API and whether it streams: what came before the reply broke off, and what a client sees then."""
