"""A model's summary on its way to a client that asked for a compaction: its text is all that the client gets of it."""

from collections.abc import Iterable

from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import (
    Delta,
    Deltas,
    Event,
    Failed,
    Finished,
    FinishReason,
    PartEnded,
    PartStarted,
    Started,
    UsageReported,
)

_CUT_SHORT: tuple[FinishReason, ...] = ("length", "context_window", "content_filter")


class SummaryCutter:
    """``cut`` makes one compaction part of a reply's texts; a reply without any fails."""

    def __init__(self) -> None:
        self.ended = False
        self._texts: set[int] = set()
        self._pieces: list[str] = []
        self._told = False

    def cut(self, events: Iterable[Event]) -> list[Event]:
        kept: list[Event] = []
        for event in events:
            match event:
                case PartStarted(kind="text"):
                    self._texts.add(event.index)
                case Delta() if event.index in self._texts:
                    self._pieces.append(event.text)
                case Deltas() if event.index in self._texts:
                    self._pieces += event.texts
                case Started() | Failed():
                    kept.append(event)
                case UsageReported():
                    kept += [*self._compaction(), event]
                case Finished():
                    kept += [*self._compaction(), self._end(event)]
                    self.ended = True
        return kept

    def _compaction(self) -> list[Event]:
        """Told once, when all texts have ended."""
        summary = "".join(self._pieces).strip()
        if self._told or not summary:
            return []
        self._told = True
        start = PartStarted(index=0, kind="compaction")
        return [start, Delta(0, summary), PartEnded(index=0)]

    def _end(self, event: Finished) -> Event:
        if not self._told:
            return Failed(NoSummary())
        return Finished(reason=event.reason if event.reason in _CUT_SHORT else "stop")


class NoSummary(ApiError):
    """The model answered something else."""

    def __init__(self) -> None:
        super().__init__("upstream_invalid", "the model gave no summary of the conversation")
