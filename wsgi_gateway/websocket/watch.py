"""Ends a turn's wait for its upstream when the client has left, or the process has to end. Under gevent only: a thread
that waits cannot be ended.
"""

from collections.abc import Callable
from typing import TypeVar

import gevent
from gevent import monkey
from greenlet import greenlet

from wsgi_gateway.client_watch import (
    ClientGone,
    GatewayStopping,
    Interruptible,
    NoWatch,
    interruptible,
)

T = TypeVar("T")


class SocketWatch(NoWatch, Interruptible):
    """Of all turns of one socket. Who reads the socket tells that the client is gone, so nobody else looks."""

    def __init__(self) -> None:
        self._gone = False
        self._waiting: greenlet | None = None

    def wait(self, call: Callable[[], T]) -> T:
        """The result of ``call``, which blocks. Raises ClientGone when the client leaves before or meanwhile."""
        if self._gone:
            raise ClientGone
        self._waiting = gevent.getcurrent()
        try:
            with interruptible(self):
                return call()
        finally:
            self._waiting = None

    def interrupt(self) -> None:
        if self._waiting is not None:
            self._waiting.throw(GatewayStopping())

    def leave(self) -> None:
        """The client is gone. Called by another greenlet or thread."""
        self._gone = True
        if monkey.is_module_patched("threading"):
            gevent.get_hub().loop.run_callback(self._interrupt)

    def _interrupt(self) -> None:
        if self._waiting is not None:
            self._waiting.throw(ClientGone)
