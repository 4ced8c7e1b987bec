"""Notices that a client has left while its request waits for a silent upstream.

A greenlet that waits for one socket never learns what happens on another. So the client's is watched by the event
loop itself, at the price of no greenlet: when it ends, the wait is interrupted by ``ClientGone``, and the
upstream is let go at once. It needs gunicorn's gevent worker; elsewhere nothing is watched.

In the same way all waits are interrupted when the process has to end before its requests have.
"""

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import gevent
from gevent import monkey

from wsgi_gateway.protocols.errors import ApiError

T = TypeVar("T")
_READABLE = 1


class ClientGone(BaseException):
    """Raised in a request's greenlet, where it waits. Not an error: nobody is left to tell."""


class GatewayStopping(ApiError):
    """Told to a client whose request is not over when its worker's time is. Another gateway may be asked at once."""

    def __init__(self) -> None:
        super().__init__(
            "overloaded",
            "the gateway is stopping and could not wait for the end of this request: send it again",
            headers={"retry-after": "1"},
        )


class Interruptible:
    """A wait that the end of the process interrupts."""

    def interrupt(self) -> None:
        """Who waits gets GatewayStopping instead. Called by the event loop."""
        raise NotImplementedError


_OPEN: set[Interruptible] = set()


def interrupt_all() -> None:
    """Raise GatewayStopping wherever a request of this process waits for its upstream at this moment."""
    loop = gevent.get_hub().loop
    for each in list(_OPEN):
        loop.run_callback(each.interrupt)


@contextmanager
def interruptible(wait: Interruptible) -> Iterator[None]:
    """``wait`` may be interrupted within the block."""
    _OPEN.add(wait)
    try:
        yield
    finally:
        _OPEN.discard(wait)


class ClientWatch(Interruptible):
    """Watches one request's client. ``close`` must be called in the end, and may be called twice."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self._greenlet = gevent.getcurrent()
        self._waiting = False
        self._gone = False
        self._watcher: Any = gevent.get_hub().loop.io(client.fileno(), _READABLE)
        self._watcher.start(self._readable)
        _OPEN.add(self)

    def wait(self, call: Callable[[], T]) -> T:
        """The result of ``call``, which blocks. Raises ClientGone when the client leaves before or meanwhile."""
        if self._gone:
            raise ClientGone
        self._waiting = True
        try:
            return call()
        finally:
            self._waiting = False

    def close(self) -> None:
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
            _OPEN.discard(self)

    def interrupt(self) -> None:
        if self._waiting:
            self._greenlet.throw(GatewayStopping())

    def shared(self) -> "NoWatch":
        """The same watch for one of several exchanges of a request: closing it leaves it to the others."""
        return _Shared(self)

    def _readable(self) -> None:
        """Called by the event loop. A client that sends more, its next request, is still there."""
        try:
            self._gone = not self._client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except OSError:
            self._gone = True
        self.close()
        if self._gone and self._waiting:
            self._greenlet.throw(ClientGone)


class NoWatch:
    """Where the server offers no way to watch: threads, tests, other servers."""

    def wait(self, call: Callable[[], T]) -> T:
        return call()

    def close(self) -> None:
        return

    def shared(self) -> "NoWatch":
        return self


class _Shared(NoWatch):
    def __init__(self, watch: "ClientWatch | NoWatch") -> None:
        self._watch = watch

    def wait(self, call: Callable[[], T]) -> T:
        return self._watch.wait(call)


class StopSwitch(NoWatch, Interruptible):
    """For an exchange without a client, which others may stop: it ends as if its client had left.

    Under gevent its wait is interrupted; a thread's wait cannot be, so that it ends with its next piece.
    """

    def __init__(self) -> None:
        self._greenlet: Any = None
        self.is_stopped = False

    def wait(self, call: Callable[[], T]) -> T:
        """The result of ``call``, which blocks. Raises ClientGone when it was stopped before or meanwhile."""
        if self.is_stopped:
            raise ClientGone
        self._greenlet = gevent.getcurrent()
        try:
            with interruptible(self):
                return call()
        finally:
            self._greenlet = None

    def interrupt(self) -> None:
        if self._greenlet is not None:
            self._greenlet.throw(GatewayStopping())

    def stop(self) -> None:
        """Callable from any greenlet, at any time."""
        self.is_stopped = True
        if monkey.is_module_patched("socket"):
            gevent.get_hub().loop.run_callback(self._interrupt)

    def _interrupt(self) -> None:
        """Called by the event loop."""
        if self._greenlet is not None:
            self._greenlet.throw(ClientGone)


class RaceWatch(StopSwitch):
    """For one of several exchanges that run for the same client: it is stopped, or becomes the client's own watch."""

    def __init__(self) -> None:
        super().__init__()
        self._client: ClientWatch | NoWatch | None = None
        self._is_closed = False

    def wait(self, call: Callable[[], T]) -> T:
        """As StopSwitch's; as the client's watch's, once it was handed over."""
        return super().wait(call) if self._client is None else self._client.wait(call)

    def close(self) -> None:
        self._is_closed = True
        if self._client is not None:
            self._client.close()

    def shared(self) -> NoWatch:
        return _Shared(self)

    def hand_over(self, client: ClientWatch | NoWatch) -> None:
        """From now on it is ``client``."""
        self._client = client
        if self._is_closed:
            client.close()


def watch(environ: Mapping[str, Any]) -> ClientWatch | NoWatch:
    """A watch on the client of the request with this WSGI environment.

    TLS that ends in gunicorn itself is not watched: nobody can look into such a socket without reading from it.
    """
    client = environ.get("gunicorn.socket")
    if (
        client is None
        or isinstance(client, ssl.SSLSocket)
        or not monkey.is_module_patched("socket")
    ):
        return NoWatch()
    return ClientWatch(client)
