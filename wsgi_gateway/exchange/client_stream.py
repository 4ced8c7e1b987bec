"""A translated stream on its way to the client: its writer, and what accompanies the events.

Here: warnings that came too late for a header, thoughts to keep, stop sequences. Not here: the wire (``protocols``),
and how bytes travel (``relay``).
"""

from collections.abc import Iterable
from typing import Protocol

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.events import Event
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.table import StreamReader, StreamWriter
from wsgi_gateway.state import Listener


class ClientWriter:
    """A ``StreamWriter`` that tells late warnings in comments, the one thing that every SDK passes over."""

    def __init__(self, writer: StreamWriter, loss: Loss, thoughts: Listener) -> None:
        self._writer = writer
        self._loss = loss
        self._thoughts = thoughts

    @property
    def response(self) -> Json | None:
        return self._writer.response

    def write(self, events: Iterable[Event]) -> bytes:
        given = list(events)
        self._thoughts.take_all(given)
        data = self._writer.write(given)
        news = self._loss.news()
        return sse.comment(f"x-gateway-warning: {news}") + data if news else data


class Cutter(Protocol):
    """What takes something out of the events of a reply."""

    @property
    def ended(self) -> bool:
        """Whether the reply is over for the client, whatever still arrives."""

    def cut(self, events: list[Event]) -> list[Event]:
        """What is left of the next events."""


class CuttingReader:
    """A ``StreamReader`` of whose reply the client gets what a cutter leaves."""

    def __init__(self, reader: StreamReader, cutter: Cutter) -> None:
        self.builder = reader.builder
        self._reader = reader
        self._cutter = cutter

    @property
    def ended(self) -> bool:
        return self._cutter.ended or self._reader.ended

    def feed(self, chunk: bytes) -> list[Event]:
        return self._cutter.cut(self._reader.feed(chunk))

    def finish(self) -> list[Event]:
        return self._cutter.cut(self._reader.finish())
