"""The ear on a Chat Completions stream that passes through."""

import re
from typing import ClassVar

import msgspec

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.chat_completions import wire
from wsgi_gateway.protocols.chat_completions.errors import error_body
from wsgi_gateway.protocols.chat_completions.usage import read_usage
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.tap import Tap

_decode = msgspec.json.Decoder(wire.Completion, strict=False).decode


class StreamTap(Tap):
    """``[DONE]`` ends a stream; so does a finish reason, for hosts that leave ``[DONE]`` out."""

    marks: ClassVar[re.Pattern[bytes]] = re.compile(
        rb'\[DONE\]|"finish_reason":\s*"|"usage":\s*\{|"error"'
    )

    _done = False

    @property
    def final(self) -> bool:
        return self._done or self.failed

    def is_whole(self, data: bytes) -> bool:
        return data.strip() == b"[DONE]" or super().is_whole(data)

    def look(self, event: sse.ServerSentEvent) -> None:
        if event.data.strip() == b"[DONE]":
            self.ended = self._done = True
            return
        try:
            completion = _decode(event.data)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return
        if completion.error:
            self.ended = self.failed = True
        if completion.usage is not None:
            self.usage = read_usage(completion.usage)
        if any(choice.finish_reason for choice in completion.choices or ()):
            self.ended = True

    def failure(self, error: ApiError) -> bytes:
        return sse.encode(encode(error_body(error)[1]))
