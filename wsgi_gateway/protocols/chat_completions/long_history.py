"""The messages of a long request, with texts that stay JSON (``words``)."""

from typing import Any

import msgspec
from msgspec import Raw

from wsgi_gateway.protocols.chat_completions import wire
from wsgi_gateway.protocols.words import Words, words_of, words_or_array

_decode = msgspec.json.Decoder(list[wire.RequestMessage[Raw]]).decode
_decode_parts = msgspec.json.Decoder(list[wire.ContentPart[Raw]]).decode


def decode_history(json: Raw) -> list[wire.Message]:
    """Raises msgspec.ValidationError."""
    messages: list[Any] = _decode(json)
    for message in messages:
        message.content = words_or_array(message.content, _read_parts)
    return messages


def _read_parts(json: Raw) -> list[wire.ContentPart[Words | None]]:
    parts: list[Any] = _decode_parts(json)
    for part in parts:
        part.text = words_of(part.text)
    return parts
