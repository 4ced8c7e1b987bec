"""Stop sequences for an upstream whose API has none (Responses): the gateway looks for them itself.

Theory of operation. Text is searched as it comes. Its end is held back as long as it may be the beginning of a stop
sequence, so that none of one ever reaches the client. The sequence that is complete first counts, the longest of those
that end there, as where a model itself would stop: so the chunking changes nothing. At a match the reply is over: what
is open ends, and the reason tells which sequence it was, or that there are tool calls to run. Reasoning and tool calls
are not searched.
"""

from collections.abc import Iterable, Iterator, Sequence

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.events import (
    Delta,
    Deltas,
    Event,
    Failed,
    Finished,
    PartEnded,
    PartStarted,
    UsageReported,
)


class StopCutter:
    """Cuts one reply's events at the first of ``stop`` to be complete. ``ended`` once it did."""

    def __init__(self, stop: Sequence[str]) -> None:
        self._stop = stop
        self._open: dict[int, str] = {}
        self._held: dict[int, tuple[str, list[Json] | None]] = {}
        self._has_calls = False
        self.ended = False

    def cut(self, events: Iterable[Event]) -> list[Event]:
        """What of ``events`` may go on. Usage that comes in the same batch as the match is kept."""
        rest = iter(events)
        passed: list[Event] = []
        for event in rest:
            if self.ended:
                break
            passed += self._take(event, rest)
        return passed

    def _take(self, event: Event, rest: Iterator[Event]) -> Iterator[Event]:
        match event:
            case Delta() if self._open.get(event.index) == "text":
                yield from self._search(event, rest)
                return
            case Deltas() if self._open.get(event.index) == "text":
                for text in event.texts:
                    if not self.ended:
                        yield from self._search(Delta(event.index, text), rest)
                return
            case PartStarted():
                self._open[event.index] = event.kind
                self._has_calls = self._has_calls or event.kind == "tool_call"
            case PartEnded():
                yield from self._release(event.index)
                self._open.pop(event.index, None)
            case Failed():
                for index in list(self._held):
                    yield from self._release(index)
        yield event

    def _search(self, delta: Delta, rest: Iterator[Event]) -> Iterator[Event]:
        held, logprobs = self._held.pop(delta.index, ("", None))
        text = held + delta.text
        if delta.logprobs is not None:
            logprobs = [*(logprobs or ()), *delta.logprobs]
        found = min(
            (
                (text.find(stop) + len(stop), -len(stop), stop)
                for stop in self._stop
                if stop in text
            ),
            default=None,
        )
        if found is not None:
            end, length, stop = found
            at = end + length
            if at:
                yield Delta(delta.index, text[:at], _until(text[at:], logprobs))
            yield from self._end(stop, rest)
            return
        safe = len(text) - self._beginning(text)
        if safe < len(text):
            self._held[delta.index] = (text[safe:], None if safe else logprobs)
        if safe:
            yield Delta(delta.index, text[:safe], logprobs)

    def _beginning(self, text: str) -> int:
        """How many of the last characters may be the beginning of a stop sequence."""
        longest = min(len(text), max(map(len, self._stop)) - 1)
        for length in range(longest, 0, -1):
            if any(stop.startswith(text[-length:]) for stop in self._stop):
                return length
        return 0

    def _release(self, index: int) -> Iterator[Event]:
        text, logprobs = self._held.pop(index, ("", None))
        if text:
            yield Delta(index, text, logprobs)

    def _end(self, stop: str, rest: Iterator[Event]) -> Iterator[Event]:
        self.ended = True
        for index in sorted(self._open):
            yield PartEnded(index=index)
        for event in rest:
            if isinstance(event, UsageReported):
                yield event
        if self._has_calls:
            yield Finished(reason="tool_calls")
        else:
            yield Finished(reason="stop_sequence", stop_sequence=stop)


def _until(rest: str, logprobs: list[Json] | None) -> list[Json] | None:
    """Those of tokens that begin before ``rest``, with which their text ends."""
    if logprobs is None:
        return None
    kept, left = list(logprobs), _size(rest)
    while kept and (size := _token_size(kept[-1])) <= left:
        left -= size
        kept.pop()
    return kept or None


def _token_size(token: Json) -> int:
    """In bytes, as a token may be a piece of a character."""
    told = token.get("bytes")
    return len(told) if isinstance(told, list) else _size(str(token.get("token") or ""))


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
