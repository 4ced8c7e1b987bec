"""The items of a long request's ``input``, with texts and outputs that stay JSON (``words``)."""

from typing import Any

import msgspec
from msgspec import Raw

from wsgi_gateway.protocols.responses import wire
from wsgi_gateway.protocols.words import is_array, words_of

_FUNCTION_OUTPUTS = ("function_call_output", "custom_tool_call_output")

_decode = msgspec.json.Decoder(list[wire.InputItem[Raw, Raw]]).decode
_decode_parts = msgspec.json.Decoder(list[wire.ContentPart[Raw]]).decode
_decode_output = msgspec.json.Decoder(wire.ReadOutput).decode


def decode_history(json: Raw) -> list[wire.Item]:
    """Raises msgspec.ValidationError."""
    items: list[Any] = _decode(json)
    for item in items:
        if type(item.content) is list:
            _read_parts(item.content)
        item.output = _output(item.output, item.type)
    return items


def _read_parts(parts: list[Any]) -> None:
    for part in parts:
        part.text = words_of(part.text)


def _output(json: Raw | None, kind: str | None) -> wire.Output:
    if json is None:
        return None
    if kind not in _FUNCTION_OUTPUTS:
        return _decode_output(json)
    if not is_array(json):
        return words_of(json)
    parts: list[Any] = _decode_parts(json)
    _read_parts(parts)
    return parts
