"""The ear on a Messages stream that passes through."""

import re
from collections.abc import Iterator
from typing import ClassVar

import msgspec
from msgspec import Raw, Struct

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.messages import reply_wire as wire
from wsgi_gateway.protocols.messages.errors import error_body
from wsgi_gateway.protocols.messages.usage import merge, read_usage
from wsgi_gateway.protocols.tap import ODD_LINES, Tap


class _SignedEvent(Struct):
    """A signature's event, its delta kept as it was written."""

    delta: Raw
    index: int = 0


class _SignatureDelta(Struct, tag="signature_delta"):
    signature: str


_STOP = sse.encode(encode({"type": "message_stop"}), event="message_stop")
_decode = msgspec.json.Decoder(wire.StreamEvent, strict=False).decode
_decode_signed = msgspec.json.Decoder(_SignedEvent).decode
_decode_delta = msgspec.json.Decoder(_SignatureDelta).decode


class StreamTap(Tap):
    """``message_stop`` or an error ends a stream; usage comes at its start and near its end.

    Some hosts leave ``message_stop`` out, or say ``[DONE]`` instead. Clients get it where a stop reason was told:
    behind that nothing is missing.
    """

    marks: ClassVar[re.Pattern[bytes]] = re.compile(
        rb"error(?:(?<=event: error)|(?<=event:error)|(?<=\"error)\")"
    )
    ending: ClassVar[bytes] = b"message_"
    """Not only of ``message_stop``, but of all that tells usage too."""
    odd_start: ClassVar[re.Pattern[bytes]] = re.compile(Tap.odd_start.pattern + rb"|data:")
    odd_inner: ClassVar[re.Pattern[bytes]] = re.compile(rb"\n(?:" + ODD_LINES + rb"|\r?\ndata:)")
    """Also events without a name, which Messages SDKs do not see."""
    flaws: ClassVar[re.Pattern[bytes] | None] = re.compile(rb"signature_delta")

    def __init__(self) -> None:
        super().__init__()
        self._has_reason = False
        self._signed_index = 0
        self._signature = ""
        self._counters: wire.Usage | None = None

    def look(self, event: sse.ServerSentEvent) -> None:
        try:
            read = _decode(event.data)
        except (ValueError, RecursionError):
            read = wire.StreamEvent()
        match read.type or event.event:
            case "message_start" if read.message is not None:
                self.model = read.message.model
                self._count(read.message.usage)
            case "message_delta":
                self._count(read.usage)
                if read.delta is not None and read.delta.stop_reason:
                    self._has_reason = True
            case "message_stop":
                self.ended = True
            case "error":
                self.ended = self.failed = True
            case "" if read.error:  # as OpenAI's APIs tell it
                self.ended = self.failed = True
                self.foreign_error = event.data

    def finish(self) -> bytes:
        return super().finish() + self._left_out()

    def anew(self, event: sse.ServerSentEvent) -> bytes:
        return self._left_out() if event.data.strip() == b"[DONE]" else super().anew(event)

    def _left_out(self) -> bytes:
        """The end, if all else was told."""
        if self.ended or not self._has_reason:
            return b""
        self.ended = True
        return _STOP

    def name_of(self, event: sse.ServerSentEvent) -> str:
        try:
            return _decode(event.data).type or event.event
        except (ValueError, RecursionError):
            return event.event

    def mended(self, event: sse.ServerSentEvent) -> Iterator[tuple[bytes, bytes]]:
        """A signature that a relay cut in two is joined in the later event: the SDKs keep the last that they see."""
        try:
            signed = _decode_signed(event.data)
            delta = _decode_delta(signed.delta)
        except (ValueError, RecursionError):
            return
        given = joined = bytes(signed.delta)
        before = self._signature if signed.index == self._signed_index else ""
        if before and not delta.signature.startswith(before):
            delta.signature = before + delta.signature
            joined = encode(delta)
        self._signed_index, self._signature = signed.index, delta.signature
        yield given, joined

    def failure(self, error: ApiError) -> bytes:
        return sse.encode(encode(error_body(error)[1]), event="error")

    def _count(self, usage: wire.Usage | None) -> None:
        self._counters = merge(self._counters, usage)
        if self._counters is not None:
            self.usage = read_usage(self._counters)
