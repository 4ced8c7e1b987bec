"""Messages that wait for the turn that runs, and the reasons to wait for no more of them."""

from collections import deque
from enum import Enum
from threading import Condition


class Ending(Enum):
    """Why there is no message."""

    LEFT = "the client is gone"
    DRAINING = "the process is to end"
    LATE = "none came in time"


class Inbox:
    """Between the one that reads a socket and the one that runs its turns. Bounded in number and in bytes."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._messages: deque[bytes] = deque()
        self._size = 0
        self._ending: Ending | None = None
        self._changed = Condition()

    def put(self, message: bytes) -> bool:
        """False if there is no room for it. One that is alone always has room."""
        with self._changed:
            if self._messages and (
                len(self._messages) >= self._most or self._size + len(message) > self._most_bytes
            ):
                return False
            self._messages.append(message)
            self._size += len(message)
            self._changed.notify()
        return True

    def get(self, seconds: float) -> bytes | Ending:
        """The next message, waited for no longer than that. What ends the connection goes first."""
        with self._changed:
            if seconds > 0 and not self._messages and self._ending is None:
                self._changed.wait_for(lambda: self._messages or self._ending, seconds)
            if self._ending is not None:
                return self._ending
            if seconds <= 0 or not self._messages:
                return Ending.LATE
            message = self._messages.popleft()
            self._size -= len(message)
            return message

    def end(self, ending: Ending) -> None:
        """Whoever waits is told. That the client is gone is told rather than anything else."""
        with self._changed:
            if self._ending is not Ending.LEFT:
                self._ending = ending
            self._changed.notify_all()
