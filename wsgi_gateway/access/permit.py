"""One admitted request: what its client is told of its limits, what its reply used, and when it is over.

Usage is charged once, when the reply has ended, whatever way: what the upstream told of it, else an estimate. A client
that leaves before the upstream tells has used tokens too.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from wsgi_gateway.protocols.events import Delta, Deltas, Event, Started, Usage, UsageReported

_BYTES_OF_A_TOKEN = 4


class Ear(Protocol):
    """What hears a stream: its usage, whether it ended, and how many events it had, most of which tell one token."""

    usage: Usage | None
    ended: bool
    events: int


Charge = Callable[[str, str, Usage], None]
"""Gets the provider's kind, the model's id and what was used."""


class Permit:
    """``charge`` and ``release`` are called at the end, once at most."""

    # Of a request whose reply has not begun; as long as there is no other word, the class has it.
    _answerer = ("", "")
    _request_size: int | None = None
    _usage: Usage | None = None
    _is_last_word = False
    _output = 0
    _ear: "Ear | None" = None
    _earlier: "tuple[tuple[str, str, Usage], ...]" = ()
    _heard_by: "Permit | None" = None
    is_handed_over = False
    """Whether somebody else than who answers the client closes it: the work goes on behind the answer."""

    def __init__(
        self, headers: dict[str, str], charge: Charge | None, release: Callable[[], None] | None
    ) -> None:
        self.headers = headers
        """The client's limits, in its API's headers."""
        self._charge = charge
        self._release = release

    @property
    def counts_usage(self) -> bool:
        """Whether anybody wants to know what the reply uses."""
        return self._charge is not None

    def beside(self) -> "Permit":
        """One for an attempt beside others, which hears that one's usage alone, and closes nothing."""
        return Permit(self.headers, self._charge, None)

    def take_over(self, other: "Permit") -> None:
        """Of those attempts the one that counts: what it hears, to its end, is what is used."""
        self._earlier += other._earlier
        other._earlier = ()
        self._heard_by = other

    def begin(self, kind: str, model: str, request_size: int) -> None:
        """A provider of this kind answers a request of so many bytes: from now on something is used.

        What was heard of an answer before this one counts no more: it came to nothing.
        """
        self._heard_by = None
        self._answerer = (kind, model)
        self._request_size = request_size
        self._usage, self._is_last_word, self._output, self._ear = None, False, 0, None

    def end_one(self) -> None:
        """The answer served another of the same request, which follows: what it used stays used."""
        if self._request_size is not None:
            self._earlier += ((*self._answerer, self._final_usage(self._request_size)),)
            self._request_size = None

    def forgive(self) -> None:
        """The answer came to nothing: nothing was used."""
        (self._heard_by or self)._request_size = None

    def told_by(self, ear: "Ear") -> None:
        """Who knows the usage at the end, of a stream that passes through."""
        self._ear = ear

    def take(self, events: Iterable[Event]) -> None:
        """What a translated reply says of its usage."""
        for event in events:
            match event:
                case Delta():
                    self._output += 1
                case Deltas():
                    self._output += len(event.texts)
                case UsageReported():
                    self._usage = event.usage
                    self._is_last_word = True
                case Started() if event.usage is not None:
                    self._usage = event.usage

    def take_all(self, pieces: Iterable[list[Event]]) -> Iterator[list[Event]]:
        """A translated stream, untouched."""
        for events in pieces:
            self.take(events)
            yield events

    def take_full(self, usage: Usage | None, size: int) -> None:
        """A full reply's usage; its size in bytes stands for it where it is not told."""
        self._usage, self._is_last_word = usage, True
        self._output = size // _BYTES_OF_A_TOKEN

    def leave(self) -> None:
        """The client has all of the reply, or is gone: its next request may come."""
        release, self._release = self._release, None
        if release is not None:
            release()

    def close(self) -> None:
        """The reply has ended, or there is none."""
        self.leave()
        charge, self._charge = self._charge, None
        if charge is None:
            return
        heard = self._heard_by or self
        for used in self._earlier:
            charge(*used)
        if heard._request_size is not None:
            charge(*heard._answerer, heard._final_usage(heard._request_size))

    def _final_usage(self, request_size: int) -> Usage:
        if (ear := self._ear) is not None:
            self._usage, self._is_last_word, self._output = ear.usage, ear.ended, ear.events
        usage = self._usage
        if usage is not None and self._is_last_word:
            return usage
        known = usage or Usage(input=request_size // _BYTES_OF_A_TOKEN)
        return Usage(
            input=known.input,
            output=max(known.output, self._output),
            cache_read=known.cache_read,
            cache_write=known.cache_write,
        )
