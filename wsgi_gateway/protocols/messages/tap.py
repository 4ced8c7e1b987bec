"""The ear on a Messages stream that passes through."""

import re
from typing import ClassVar

import msgspec

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.messages import reply_wire as wire
from wsgi_gateway.protocols.messages.errors import error_body
from wsgi_gateway.protocols.messages.usage import merge, read_usage
from wsgi_gateway.protocols.tap import ODD_LINES, Tap

_decode = msgspec.json.Decoder(wire.StreamEvent, strict=False).decode


class StreamTap(Tap):
    """``message_stop`` or an error ends a stream; usage comes at its start and near its end."""

    marks: ClassVar[re.Pattern[bytes]] = re.compile(
        rb"message_(?:start|delta|stop)|event: ?error|\"type\": ?\"error\""
    )

    odd_start: ClassVar[re.Pattern[bytes]] = re.compile(Tap.odd_start.pattern + rb"|data:")
    odd_inner: ClassVar[re.Pattern[bytes]] = re.compile(rb"\n(?:" + ODD_LINES + rb"|\r?\ndata:)")
    """Also events without a name, which Messages SDKs do not see."""

    def __init__(self) -> None:
        super().__init__()
        self._counters: wire.Usage | None = None

    def look(self, event: sse.ServerSentEvent) -> None:
        try:
            read = _decode(event.data)
        except (ValueError, RecursionError):
            read = wire.StreamEvent()
        match read.type or event.event:
            case "message_start" if read.message is not None:
                self._count(read.message.usage)
            case "message_delta":
                self._count(read.usage)
            case "message_stop":
                self.ended = True
            case "error":
                self.ended = self.failed = True

    def name_of(self, event: sse.ServerSentEvent) -> str:
        try:
            return _decode(event.data).type or event.event
        except (ValueError, RecursionError):
            return event.event

    def failure(self, error: ApiError) -> bytes:
        return sse.encode(encode(error_body(error)[1]), event="error")

    def _count(self, usage: wire.Usage | None) -> None:
        self._counters = merge(self._counters, usage)
        if self._counters is not None:
            self.usage = read_usage(self._counters)
