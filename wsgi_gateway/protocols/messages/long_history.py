"""The messages of a long request, with texts and results that stay JSON (``words``)."""

from typing import Any

import msgspec
from msgspec import Raw

from wsgi_gateway.protocols.messages import wire
from wsgi_gateway.protocols.words import needed_words_of, words_or_array

_decode = msgspec.json.Decoder(
    list[wire.Message[wire.TextBlock[Raw] | wire.ToolResultBlock[Raw] | wire.OtherBlock]]
).decode
_decode_result = msgspec.json.Decoder(list[wire.TextBlock[Raw] | wire.OtherResultBlock]).decode


def decode_history(json: Raw) -> list[wire.Message[wire.Block]]:
    """Raises msgspec.ValidationError."""
    messages: list[Any] = _decode(json)
    for message in messages:
        if not isinstance(message.content, str):
            _read_blocks(message.content)
    return messages


def _read_blocks(blocks: list[Any]) -> None:
    for block in blocks:
        if type(block) is wire.TextBlock:
            block.text = needed_words_of(block.text)
        elif type(block) is wire.ToolResultBlock:
            block.content = words_or_array(block.content, _read_result)


def _read_result(json: Raw) -> list[wire.ResultBlock]:
    blocks: list[Any] = _decode_result(json)
    _read_blocks(blocks)
    return blocks
