"""The WebSockets of this process: how many there are, and that they end when the process is to end."""

from threading import Lock
from typing import Protocol


class Drainable(Protocol):
    def drain(self) -> None:
        """End when the turn that runs has ended. Called as often as anybody likes."""


class OpenSockets:
    """Safe between greenlets and threads."""

    def __init__(self) -> None:
        self._open: set[Drainable] = set()
        self._lock = Lock()

    def enter(self, session: Drainable, most: int) -> bool:
        """False if there are ``most`` already."""
        with self._lock:
            if len(self._open) >= most:
                return False
            self._open.add(session)
            return True

    def leave(self, session: Drainable) -> None:
        with self._lock:
            self._open.discard(session)

    def drain(self) -> None:
        """All of them end, each after its running turn."""
        with self._lock:
            sessions = list(self._open)
        for session in sessions:
            session.drain()


OPEN_SOCKETS = OpenSockets()
"""A server's worker does not know the application's objects, and a process ends as a whole."""
