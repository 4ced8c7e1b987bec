"""The items of a long request's ``input``, with texts and outputs that stay JSON (``words``)."""

from typing import Any

import msgspec
from msgspec import Raw

from wsgi_gateway.protocols.responses import wire
from wsgi_gateway.protocols.words import Words, words_of, words_or_array

_FUNCTION_OUTPUTS = ("function_call_output", "custom_tool_call_output")

_decode = msgspec.json.Decoder(list[wire.InputItem[Raw, Raw]]).decode
_decode_parts = msgspec.json.Decoder(list[wire.ContentPart[Raw]]).decode
_decode_output = msgspec.json.Decoder(wire.ReadOutput).decode


def decode_history(json: Raw) -> list[wire.Item]:
    """Raises msgspec.ValidationError."""
    items: list[Any] = _decode(json)
    for item in items:
        if type(item.content) is list:
            _read_texts(item.content)
        if item.type in _FUNCTION_OUTPUTS:
            item.output = words_or_array(item.output, _read_parts)
        elif item.output is not None:
            item.output = _decode_output(item.output)
    return items


def _read_parts(json: Raw) -> list[wire.ContentPart[Words | None]]:
    parts: list[Any] = _decode_parts(json)
    _read_texts(parts)
    return parts


def _read_texts(parts: list[Any]) -> None:
    for part in parts:
        part.text = words_of(part.text)
