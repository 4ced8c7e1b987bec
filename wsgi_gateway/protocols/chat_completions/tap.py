"""The ear on a Chat Completions stream that passes through."""

import re
from collections.abc import Iterator
from typing import ClassVar

import msgspec
from msgspec import Raw, Struct

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.chat_completions import wire
from wsgi_gateway.protocols.chat_completions.errors import error_body, is_foreign_error
from wsgi_gateway.protocols.chat_completions.usage import read_usage
from wsgi_gateway.protocols.decoding import decode_event, encode
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.tap import Tap

_NULL = Raw(b"null")
_NOT_NULL = ("id", "type", "name")


class _Delta(Struct):
    tool_calls: Raw = Raw()


class _Choice(Struct):
    delta: _Delta | None = None


class _Chunk(Struct):
    """A chunk whose tool calls are kept as they were written."""

    choices: list[_Choice] | None = None


_decoder = msgspec.json.Decoder(wire.Completion, strict=False)
_decode_raw = msgspec.json.Decoder(_Chunk).decode
_decode_calls = msgspec.json.Decoder(list[dict[str, Raw]] | None).decode
_decode_fields = msgspec.json.Decoder(dict[str, Raw]).decode


class StreamTap(Tap):
    """``[DONE]`` ends a stream; so does a finish reason, for hosts that leave ``[DONE]`` out."""

    marks: ClassVar[re.Pattern[bytes]] = re.compile(
        rb'"[fuem](?:inish_reason":\s*"|sage":\s*\{|rror|essage":\s*")'
    )
    """Of a finish reason, usage and errors. One set of first letters is tried faster than each word's."""
    ending: ClassVar[bytes] = b"[DONE]"
    flaws: ClassVar[re.Pattern[bytes] | None] = re.compile(rb'"(?:id|type|name)":\s*null')
    flawed: ClassVar[bytes] = b'"tool_calls"'

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
            completion = decode_event(_decoder, event.data)
        except ApiError:
            return
        if completion.error:
            self.ended = self.failed = True
        elif is_foreign_error(event, completion):
            self.ended = self.failed = True
            self.foreign_error = event.data
        self.model = completion.model or self.model
        if completion.usage is not None:
            self.usage = read_usage(completion.usage)
        if any(choice.finish_reason for choice in completion.choices or ()):
            self.ended = True

    def mended(self, event: sse.ServerSentEvent) -> Iterator[tuple[bytes, bytes]]:
        """Fragments of tool calls without nulls for what an earlier one said, at which openai-py fails."""
        try:
            for choice in _decode_raw(event.data).choices or ():
                given = bytes(choice.delta.tool_calls) if choice.delta else b""
                calls = _decode_calls(given) if given else None
                if calls:
                    kept = [_without_nulls(call) for call in calls]
                    yield given, given if kept == calls else encode(kept)
        except (ValueError, RecursionError):
            return

    def failure(self, error: ApiError) -> bytes:
        return sse.encode(encode(error_body(error)[1]))


def _without_nulls(call: dict[str, Raw]) -> dict[str, Raw]:
    """A fragment of a tool call, or its function, without the nulls; what else it has stays as it is."""
    kept = {name: value for name, value in call.items() if name not in _NOT_NULL or value != _NULL}
    function = call.get("function", _NULL)
    if function != _NULL:
        fields = _decode_fields(function)
        named = _without_nulls(fields)
        if named != fields:
            kept["function"] = Raw(encode(named))
    return kept
