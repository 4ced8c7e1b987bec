"""Work of this process that has no connection and must not be cut: responses that are made in the background."""

from threading import Lock
from types import TracebackType


class Unfinished:
    """Counts such work: each is a ``with`` block. Safe between greenlets and threads."""

    def __init__(self) -> None:
        self._count = 0
        self._lock = Lock()

    def __bool__(self) -> bool:
        return self._count > 0

    def __enter__(self) -> None:
        with self._lock:
            self._count += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._count -= 1


UNFINISHED = Unfinished()
"""This process's. A server's worker does not know the application's objects."""
