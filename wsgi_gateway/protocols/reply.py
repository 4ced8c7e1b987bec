"""A reply at rest: the events of a stream, folded up, for clients that did not ask for a stream."""

from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from wsgi_gateway.protocols.conversation import Json, Proof
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import (
    Annotated,
    Annotation,
    Delta,
    Deltas,
    Event,
    Failed,
    Finished,
    FinishReason,
    PartEnded,
    PartKind,
    PartStarted,
    Search,
    Started,
    Usage,
    UsageReported,
)


class ReplyPart(Struct, kw_only=True):
    """A complete part: ``text`` is its text, a tool call's arguments, or a custom tool's input.

    ``logprobs`` are those of all its tokens, None where the upstream told none.
    """

    kind: PartKind
    id: str = ""
    name: str = ""
    custom: bool = False
    namespace: str | None = None
    starts_message: bool = False
    phase: str | None = None
    text: str = ""
    annotations: list[Annotation] = field(default_factory=list)
    logprobs: list[Json] | None = None
    proof: Proof | None = None
    search: Search | None = None
    complete: bool = True


class Reply(Struct, kw_only=True):
    id: str = ""
    model: str = ""
    parts: list[ReplyPart] = field(default_factory=list)
    usage: Usage | None = None
    reason: FinishReason = "stop"
    stop_sequence: str | None = None
    explanation: str | None = None
    category: str | None = None


class Folder:
    """Folds events up as they come. ``done`` once the reply is whole."""

    def __init__(self) -> None:
        self.reply = Reply()
        self.done = False
        self._texts: list[list[str]] = []

    def add(self, event: Event) -> None:
        """Raises the reply's own ApiError if it failed."""
        reply = self.reply
        match event:
            case Delta():
                self._texts[event.index].append(event.text)
                if event.logprobs is not None:
                    part = reply.parts[event.index]
                    part.logprobs = [*(part.logprobs or ()), *event.logprobs]
            case Deltas():
                self._texts[event.index] += event.texts
            case PartStarted():
                self._texts.append([])
                reply.parts.append(_started(event))
            case Annotated():
                reply.parts[event.index].annotations.append(event.annotation)
            case PartEnded():
                part = reply.parts[event.index]
                part.text = "".join(self._texts[event.index])
                part.proof, part.search = event.proof, event.search
                part.complete = event.complete
            case Started():
                reply.id, reply.model = event.id, event.model
            case UsageReported():
                reply.usage = event.usage
            case Finished():
                reply.reason, reply.stop_sequence = event.reason, event.stop_sequence
                reply.explanation, reply.category = event.explanation, event.category
                self.done = True
            case Failed():
                raise event.error


def _started(event: PartStarted) -> ReplyPart:
    return ReplyPart(
        kind=event.kind,
        id=event.id,
        name=event.name,
        custom=event.custom,
        namespace=event.namespace,
        starts_message=event.starts_message,
        phase=event.phase,
    )


def fold(events: Iterable[Event]) -> Reply:
    """The whole reply. Raises the reply's own ApiError if it failed, and one if it did not finish."""
    folder = Folder()
    for event in events:
        folder.add(event)
        if folder.done:
            return folder.reply
    raise ApiError("upstream_invalid", "the upstream's reply broke off before its end")


def unfold(reply: Reply) -> Iterator[Event]:
    """The events of which ``fold`` makes ``reply``."""
    yield Started(id=reply.id, model=reply.model)
    for index, part in enumerate(reply.parts):
        yield PartStarted(
            index=index,
            kind=part.kind,
            id=part.id,
            name=part.name,
            custom=part.custom,
            namespace=part.namespace,
            starts_message=part.starts_message,
            phase=part.phase,
        )
        if part.text:
            yield Delta(index, part.text, part.logprobs)
        for annotation in part.annotations:
            yield Annotated(index, annotation)
        yield PartEnded(index=index, proof=part.proof, search=part.search, complete=part.complete)
    if reply.usage is not None:
        yield UsageReported(reply.usage)
    yield Finished(
        reason=reply.reason,
        stop_sequence=reply.stop_sequence,
        explanation=reply.explanation,
        category=reply.category,
    )
