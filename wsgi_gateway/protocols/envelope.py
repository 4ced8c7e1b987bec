"""Deltas on their way out: events that are alike but for their text, whose other bytes are made once."""

from itertools import chain

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

    __slots__ = ("_form",)

    def __init__(self, event: Json, name: str) -> None:
        form = sse.encode(encode(event), name).replace(b"%", b"%%")
        self._form = form.replace(bytes(NUMBER), b"%d").replace(bytes(TEXT), b"%b")

    def write(self, texts: list[str], number: int) -> bytes:
        """An event for each text, numbered from ``number`` on."""
        literals = _encode_lines(texts)[:-1].split(b"\n")
        numbered = chain.from_iterable(enumerate(literals, number))
        return self._form * len(literals) % tuple(numbered)
