"""How many requests a worker has at a time: those beyond wait for a place, a bounded number for a bounded time.

Here: the places and the queue. Not here: how much one client may have (admission.py), and what becomes of a request
that has its place.
"""

from collections import deque
from threading import Event, Lock

from wsgi_gateway.access.limit_headers import retry_after
from wsgi_gateway.config import Overload
from wsgi_gateway.protocols.errors import ApiError

_LATER = 1.0
"""Seconds after which who was refused may ask again: a reply ends every few milliseconds where there are many."""


class Gate:
    """``most`` requests at a time; ``queue`` more of them wait, each for so many seconds at most.

    Safe between greenlets and threads: where there is room no lock is needed, as CPython gives other threads their
    turn only at calls and at the ends of loops, so none comes between a look and what follows from it.
    """

    def __init__(self, most: int, queue: int, patience: float) -> None:
        self._most = most
        self._longest_queue = queue
        self._patience = patience
        self._under_way = 0
        self._queue: deque[Event] = deque()
        self._lock = Lock()

    @property
    def is_full(self) -> bool:
        """Whether the next request would have to wait."""
        return self._under_way >= self._most

    def enter(self) -> None:
        """Take a place, which ``leave`` gives back. Raises ApiError (overloaded) where there is none in time."""
        if self._under_way < self._most:
            self._under_way += 1
        else:
            self._wait()

    def leave(self) -> None:
        """The place goes to who has waited longest."""
        if not self._queue:
            self._under_way -= 1
            return
        with self._lock:
            if self._queue:
                self._queue.popleft().set()
            else:
                self._under_way -= 1

    def _wait(self) -> None:
        place = Event()
        with self._lock:
            may_wait = len(self._queue) < self._longest_queue and self._patience > 0
            if self._under_way < self._most:
                self._under_way += 1
                return
            if not may_wait:
                raise _overloaded()
            self._queue.append(place)
        try:
            place.wait(self._patience)
        except BaseException:
            if not self._gave_up(place):
                self.leave()
            raise
        if self._gave_up(place):
            raise _overloaded()

    def _gave_up(self, place: Event) -> bool:
        """No more waiting for a place; False if there is one now."""
        with self._lock:
            if place.is_set():
                return False
            self._queue.remove(place)
            return True


class OpenGate(Gate):
    """Where there is no bound."""

    def __init__(self) -> None:
        super().__init__(0, 0, 0.0)

    @property
    def is_full(self) -> bool:
        return False

    def enter(self) -> None:
        return

    def leave(self) -> None:
        return


def open_gate(overload: Overload) -> Gate:
    """That of one process."""
    if overload.max_in_flight is None:
        return OpenGate()
    return Gate(overload.max_in_flight, overload.max_queued, overload.queue_timeout)


def _overloaded() -> ApiError:
    return ApiError(
        "overloaded",
        "the gateway has as many requests as it can take at the moment: try again",
        headers=retry_after(_LATER),
    )
