"""The numbered events of a Responses stream: each has its type and the next ``sequence_number``."""

from collections.abc import Callable
from typing import Protocol

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.envelope import NUMBER, TEXT, NumberedEnvelope


class Events(Protocol):
    """What takes the events of a response's life."""

    def emit(self, kind: str, fields: Json) -> None:
        """Tell one event: its type, and its own fields."""

    def deltas(self, kind: str, fields: Json) -> Callable[[list[str]], None]:
        """What tells an event of type ``kind`` for each text, with ``fields`` beside its ``delta``."""


class NumberedEvents:
    """``take`` hands over the bytes of the events since the last call."""

    def __init__(self) -> None:
        self._due: list[bytes] = []
        self._count = 0

    def take(self) -> bytes:
        due, self._due = self._due, []
        return b"".join(due)

    def next_number(self) -> int:
        """The number of an event that is told by ``tell``."""
        self._count += 1
        return self._count - 1

    def tell(self, event: Json) -> None:
        """An event that has its number already."""
        self._due.append(sse.encode(encode(event), event["type"]))

    def emit(self, kind: str, fields: Json) -> None:
        event = {"type": kind, "sequence_number": self._count, **fields}
        self._count += 1
        self._due.append(sse.encode(encode(event), kind))

    def deltas(self, kind: str, fields: Json) -> Callable[[list[str]], None]:
        event = {"type": kind, "sequence_number": NUMBER, **fields, "delta": TEXT}
        envelope = NumberedEnvelope(event, kind)

        def tell(texts: list[str]) -> None:
            self._due.append(envelope.write(texts, self._count))
            self._count += len(texts)

        return tell


class NoEvents:
    """For a full reply, whose events nobody gets."""

    def emit(self, kind: str, fields: Json) -> None:
        pass

    def deltas(self, kind: str, fields: Json) -> Callable[[list[str]], None]:  # noqa: ARG002
        return lambda _: None
