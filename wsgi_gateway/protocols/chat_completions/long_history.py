"""The messages of a long request, with texts that stay JSON (``words``)."""

from typing import Any

import msgspec
from msgspec import Raw

from wsgi_gateway.protocols.chat_completions import wire
from wsgi_gateway.protocols.words import is_array, words_of

_decode = msgspec.json.Decoder(list[wire.RequestMessage[Raw]]).decode
_decode_parts = msgspec.json.Decoder(list[wire.ContentPart[Raw]]).decode


def decode_history(json: Raw) -> list[wire.Message]:
    """Raises msgspec.ValidationError."""
    messages: list[Any] = _decode(json)
    for message in messages:
        message.content = _content(message.content)
    return messages


def _content(json: Raw | None) -> wire.Content:
    if json is None or not is_array(json):
        return words_of(json)
    parts: list[Any] = _decode_parts(json)
    for part in parts:
        part.text = words_of(part.text)
    return parts
