"""Notices that a client has left while its request waits for a silent upstream.

A greenlet that waits for one socket never learns what happens on another. So the client's is watched by the event
loop itself, at the price of no greenlet: when it ends, the wait is interrupted by ``ClientGone``, and the
upstream is let go at once. It needs gunicorn's gevent worker; elsewhere nothing is watched.
"""

import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import gevent
from gevent import monkey

T = TypeVar("T")
_READABLE = 1


class ClientGone(BaseException):
    """Raised in a request's greenlet, where it waits. Not an error: nobody is left to tell."""


class ClientWatch:
    """Watches one request's client. ``close`` must be called in the end, and may be called twice."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self._greenlet = gevent.getcurrent()
        self._waiting = False
        self._gone = False
        self._watcher: Any = gevent.get_hub().loop.io(client.fileno(), _READABLE)
        self._watcher.start(self._readable)

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
