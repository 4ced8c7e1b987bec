"""Short forms for tests of readers and writers: translations, histories, and a reply's events, told as its parts."""

from collections.abc import Iterable

from wsgi_gateway.protocols.capabilities import Capabilities
from wsgi_gateway.protocols.conversation import Item
from wsgi_gateway.protocols.events import Delta, Deltas, Event
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.reply import Reply, fold
from wsgi_gateway.protocols.table import StreamReader
from wsgi_gateway.protocols.translation import Translation


def translation(api: str = "chat_completions", **facts: object) -> Translation:
    """For a client of ``api`` and a model with these capabilities at provider ``prov``."""
    return Translation(
        model="bare-model",
        origin="prov",
        capabilities=Capabilities(**facts),  # type: ignore[arg-type]
        loss=Loss(api),
    )


def read(reader: StreamReader, stream: bytes, size: int | None = None) -> list[Event]:
    """Every event of ``stream``, fed in chunks of ``size`` bytes (None: whole)."""
    step = size or max(len(stream), 1)
    events: list[Event] = []
    for at in range(0, len(stream), step):
        events += reader.feed(stream[at : at + step])
    return events + reader.finish()


def one_by_one(events: Iterable[Event]) -> list[Event]:
    """``events`` as they would be if each had arrived alone."""
    alone: list[Event] = []
    for event in events:
        if isinstance(event, Deltas):
            alone += [Delta(event.index, text) for text in event.texts]
        else:
            alone.append(event)
    return alone


def breakpoints(items: Iterable[Item]) -> int:
    """How many parts of a history mark a place in the cache."""
    parts = (part for item in items for part in getattr(item, "parts", ()))
    return sum(getattr(part, "cache", None) is not None for part in parts)


def told(events: Iterable[Event] | Reply) -> list[tuple[str, ...]]:
    """The parts of a finished reply: (kind, text), and for tool calls (kind, id, name, arguments)."""
    reply = events if isinstance(events, Reply) else fold(events)
    return [
        (part.kind, part.id, part.name, part.text)
        if part.kind == "tool_call"
        else (part.kind, part.text)
        for part in reply.parts
    ]
