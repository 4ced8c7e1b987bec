"""How many requests are being answered at this moment, and how many of them are streams, over all workers.

Here: the counting. gunicorn's master maps memory before it forks, and each worker counts in a line of its own there, so
whichever worker is asked sees what all have now: nothing is published later, no file is written, and the master clears
the line of a worker that died. Not here: how it is told (metrics.py).

prometheus_client's own mode for several processes takes a file per process, in a folder that must be in the environment
before the first import, and for these two gauges 5 us of CPU per stream; this takes 1.3.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator
from mmap import mmap
from types import TracebackType
from typing import NamedTuple, Self

from wsgi_gateway.config import APIS

LINE = 8
"""Integers of a worker: 64 bytes, a cache line of most processors, so that workers do not slow each other."""

_MOST_WORKERS = 1024
"""Those that still end their streams after a reload are among them."""

_AT: dict[str, int] = {api: 2 * number for number, api in enumerate(APIS)}
"""Where an API's requests are counted in a line; its streams are next to them."""


class Totals(NamedTuple):
    """Requests in flight, and how many of them asked for a stream."""

    requests: int
    streams: int


class InFlight:
    """The counts of this process, and of those that share its memory."""

    def __init__(self, most_workers: int = _MOST_WORKERS) -> None:
        self._counts, self._line = _private(), 0
        self._shared: memoryview | None = None
        self._free = [number * LINE for number in reversed(range(most_workers))]
        self._lines: dict[object, int] = {}

    def enter(self, api: str) -> "Flight":
        """Count a request of ``api``, until the ``with`` block that this begins ends, or the body that it keeps."""
        return Flight(self._counts, self._line + _AT[api])

    def totals(self) -> dict[str, Totals]:
        """By API."""
        counts = self._counts.tolist()
        return {
            api: Totals(sum(counts[at::LINE]), sum(counts[at + 1 :: LINE]))
            for api, at in _AT.items()
        }

    def worker_begins(self, worker: object) -> None:
        """Called before ``worker`` is forked. One for whom there is no room counts for itself alone."""
        if self._shared is None:
            self._shared = memoryview(mmap(-1, 8 * LINE * len(self._free))).cast("q")
        if self._free:
            self._counts = self._shared
            self._line = self._lines[worker] = self._free.pop()
        else:
            self._counts, self._line = _private(), 0

    def worker_ended(self, worker: object) -> None:
        """Called in the process that forked ``worker``, after its end."""
        line = self._lines.pop(worker, None)
        if line is not None and self._shared is not None:
            self._shared[line : line + LINE] = _private()
            self._free.append(line)


def _private() -> memoryview:
    return memoryview(array("q", bytes(8 * LINE)))


class Flight:
    """One request that is counted.

    It takes no lock: CPython gives other threads their turn only at calls and at the ends of loops, so none comes
    between the reading and the writing of ``+= 1``.
    """

    __slots__ = ("_at", "_counts", "_is_here", "_is_stream", "_stays")

    def __init__(self, counts: memoryview, at: int) -> None:
        self._counts = counts
        self._at = at
        self._is_stream = False
        self._stays = False
        self._is_here = True
        counts[at] += 1

    def mark_stream(self) -> None:
        """It asked for a stream."""
        self._is_stream = True
        self._counts[self._at + 1] += 1

    def until_closed(self, body: Iterable[bytes]) -> "CountedBody":
        """The same body; the request is counted until it is closed."""
        self._stays = True
        return CountedBody(body, self.leave)

    def leave(self) -> None:
        """Works once."""
        if self._is_here:
            self._is_here = False
            self._counts[self._at] -= 1
            if self._is_stream:
                self._counts[self._at + 1] -= 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None or not self._stays:
            self.leave()


class CountedBody:
    """An answer's body, and what is to be done when it is closed. Who iterates gets the body's own iterator."""

    def __init__(self, body: Iterable[bytes], closed: Callable[[], None]) -> None:
        self._body = body
        self._closed = closed
        self.is_over: Callable[[], bool] = getattr(body, "is_over", _never)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        close = getattr(self._body, "close", None)
        try:
            if close is not None:
                close()
        finally:
            self._closed()


def _never() -> bool:
    return False


IN_FLIGHT = InFlight()
"""This process's."""
