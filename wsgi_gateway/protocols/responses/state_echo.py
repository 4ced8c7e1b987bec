"""What a native upstream's reply cannot repeat: where its conversation goes on from, which only the gateway knows."""

from typing import Any

import msgspec

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import encode

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_MARK = b'"response"'


def echoed(data: bytes, fields: Json) -> bytes:
    """Whole events, with ``fields`` in the response of each that holds one. All others stay byte for byte."""
    if _MARK not in data:
        return data
    return b"".join([_with(frame, fields) for frame in _frames(data)])


def _frames(data: bytes) -> list[bytes]:
    pieces = data.replace(b"\r\n", b"\n").split(b"\n\n")
    return [*(piece + b"\n\n" for piece in pieces[:-1]), pieces[-1]]


def _with(frame: bytes, fields: Json) -> bytes:
    events = sse.Decoder().feed(frame) if _MARK in frame else []
    try:
        body = _decode(events[0].data) if events else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = None
    if body is None or not isinstance(body.get("response"), dict):
        return frame
    body["response"] |= fields
    return sse.encode(encode(body), events[0].event)
