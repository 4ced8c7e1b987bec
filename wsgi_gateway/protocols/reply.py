"""A reply at rest: the events of a stream, folded up, for clients that did not ask for a stream."""

from collections.abc import Iterable

from msgspec import Struct, field

from wsgi_gateway.protocols.conversation import Proof
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import (
    Delta,
    Event,
    Failed,
    Finished,
    FinishReason,
    PartEnded,
    PartKind,
    PartStarted,
    Started,
    Usage,
    UsageReported,
)


class ReplyPart(Struct, kw_only=True):
    """A complete part: ``text`` is its text, a tool call's arguments, or a custom tool's input."""

    kind: PartKind
    id: str = ""
    name: str = ""
    custom: bool = False
    namespace: str | None = None
    text: str = ""
    proof: Proof | None = None
    complete: bool = True


class Reply(Struct, kw_only=True):
    id: str = ""
    model: str = ""
    parts: list[ReplyPart] = field(default_factory=list)
    usage: Usage | None = None
    reason: FinishReason = "stop"
    stop_sequence: str | None = None
    explanation: str | None = None


def fold(events: Iterable[Event]) -> Reply:
    """The whole reply. Raises the reply's own ApiError if it failed, and one if it did not finish."""
    reply = Reply()
    texts: list[list[str]] = []
    for event in events:
        match event:
            case Delta():
                texts[event.index].append(event.text)
            case PartStarted():
                texts.append([])
                reply.parts.append(
                    ReplyPart(
                        kind=event.kind,
                        id=event.id,
                        name=event.name,
                        custom=event.custom,
                        namespace=event.namespace,
                    )
                )
            case PartEnded():
                part = reply.parts[event.index]
                part.text = "".join(texts[event.index])
                part.proof, part.complete = event.proof, event.complete
            case Started():
                reply.id, reply.model = event.id, event.model
            case UsageReported():
                reply.usage = event.usage
            case Finished():
                reply.reason, reply.stop_sequence = event.reason, event.stop_sequence
                reply.explanation = event.explanation
                return reply
            case Failed():
                raise event.error
    raise ApiError("upstream_invalid", "the upstream's reply broke off before its end")
