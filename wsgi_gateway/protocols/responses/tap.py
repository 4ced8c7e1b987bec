"""The ear on a Responses stream that passes through."""

import re
from typing import ClassVar

import msgspec

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.responses import wire
from wsgi_gateway.protocols.responses.errors import error_event
from wsgi_gateway.protocols.responses.usage import read_usage
from wsgi_gateway.protocols.tap import Tap

_decode = msgspec.json.Decoder(wire.TapEvent, strict=False).decode
_NUMBER = re.compile(rb'(?<!\\)"sequence_number": ?(\d{1,9})\b')


class StreamTap(Tap):
    """The terminal event ends a stream and tells usage; an error in any shape ends it too."""

    marks: ClassVar[re.Pattern[bytes]] = re.compile(
        rb'"(?:response\.(?:incomplete|failed|cancelled)"|error")'
    )
    ending: ClassVar[bytes] = b'"response.completed"'

    def __init__(self) -> None:
        super().__init__()
        self._numbered = b""

    def look(self, event: sse.ServerSentEvent) -> None:
        try:
            read = _decode(event.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        if read.response is not None:
            if isinstance(read.response.model, str):
                self.model = read.response.model
            if read.response.usage is not None:
                self.usage = read_usage(read.response.usage)
        kind = read.type or event.event
        if kind in ("response.failed", "response.cancelled", "error") or read.error:
            self.ended = self.failed = True
        elif kind in ("response.completed", "response.incomplete"):
            self.ended = True
            if read.response is not None:
                self.completed = event.data

    def failure(self, error: ApiError) -> bytes:
        numbers = _NUMBER.findall(self._numbered)
        following = int(numbers[-1]) + 1 if numbers else 0
        return sse.encode(encode(error_event(error, following)), event="error")

    def _listen(self, whole: bytes) -> None:
        if b'"sequence_number"' in whole:
            self._numbered = whole
        super()._listen(whole)
