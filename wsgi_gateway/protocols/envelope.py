"""Deltas on their way out: events that are alike but for their text, whose other bytes are made once."""

import msgspec

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import encode

_encode_lines = msgspec.json.Encoder().encode_lines

# Bytes that no JSON contains: its strings escape them. So they do line ends, which is why texts are encoded as lines.
TEXT = msgspec.Raw(b"\x00")
"""Stands where the text will be."""
NUMBER = msgspec.Raw(b"\x01")
"""Stands where a numbered event's number will be, somewhere before the text."""

# Of events as most streams have them; making one takes longer than writing it.
_NUMERALS = [b"%d" % number for number in range(4096)]


class Envelope:
    """``event`` has TEXT as the value of one field; ``name`` is the event's name on the wire, if it has one."""

    __slots__ = ("_between", "_head", "_tail")

    def __init__(self, event: Json, name: str = "") -> None:
        self._head, self._tail = sse.encode(encode(event), name).split(bytes(TEXT))
        self._between = self._tail + self._head

    def write(self, texts: list[str]) -> bytes:
        """An event for each text."""
        literals = _encode_lines(texts)[:-1]
        return b"%b%b%b" % (self._head, literals.replace(b"\n", self._between), self._tail)


class NumberedEnvelope:
    """As ``Envelope``, for events that also have NUMBER as the value of one field."""

    __slots__ = ("_between", "_head", "_middle", "_tail")

    def __init__(self, event: Json, name: str) -> None:
        self._head, rest = sse.encode(encode(event), name).split(bytes(NUMBER))
        self._middle, self._tail = rest.split(bytes(TEXT))
        self._between = self._tail + self._head

    def write(self, texts: list[str], number: int) -> bytes:
        """An event for each text, numbered from ``number`` on."""
        literals = _encode_lines(texts)[:-1].split(b"\n")
        count = len(literals)
        pieces = [self._between, b"", self._middle, b""] * count
        pieces[0] = self._head
        pieces[1::4] = _numerals(number, count)
        pieces[3::4] = literals
        pieces.append(self._tail)
        return b"".join(pieces)


def _numerals(start: int, count: int) -> list[bytes]:
    end = start + count
    if end <= len(_NUMERALS):
        return _NUMERALS[start:end]
    return [b"%d" % number for number in range(start, end)]
