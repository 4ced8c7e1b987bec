"""Whether new requests should come to this gateway, as its master says to all of its workers.

Here: one byte in memory that they share. Not here: who asks (views/health.py), and who says no (serving/master.py).
"""

from mmap import mmap


class Readiness:
    """A gateway is ready from its start until ``end``. Processes that are forked after it was made share it."""

    def __init__(self) -> None:
        self._is_over = mmap(-1, 1)

    @property
    def is_over(self) -> bool:
        """Whether the gateway is about to end: what has begun goes on, and what still comes is served."""
        return self._is_over[0] != 0

    def end(self) -> None:
        """The gateway is about to end."""
        self._is_over[0] = 1


READINESS = Readiness()
"""This gateway's. Only its own server ends it: in an application that mounts the blueprint it is ready for ever."""
