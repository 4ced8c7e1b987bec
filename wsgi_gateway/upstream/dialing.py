"""Opens a connection to a host: its name's addresses, then the first of them that answers, all within one time.

Not here: TLS (transport.py), which has what is left of that time, and the connection's life (connection.py).
"""

import socket
from math import inf
from time import monotonic
from types import TracebackType
from typing import Self

import gevent
from gevent import monkey

_LEAST_SHARE = 2.0
"""Seconds that an address gets, if there are as many, however many others there are (as Go's net.Dialer has it)."""


class Dialing:
    """A context for connecting: nothing in it takes longer than ``timeout`` seconds. Raises TimeoutError then.

    Under gevent that includes the lookup of the name: gevent's resolver asks in a thread of its pool, and whoever waits
    for it is woken. The lookup itself goes on there until the system gives up. In a program of threads, without gevent,
    nobody can end the wait for a lookup: that it took too long shows once it is over.
    """

    def __init__(self, timeout: float | None) -> None:
        self._end = inf if timeout is None else monotonic() + timeout
        self._alarm: gevent.Timeout | None = None
        if timeout is not None and monkey.is_module_patched("socket"):
            self._alarm = gevent.Timeout(timeout)

    def __enter__(self) -> Self:
        if self._alarm is not None:
            self._alarm.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._alarm is not None:
            self._alarm.close()
            if error is self._alarm:
                raise TimeoutError("timed out") from None

    def left(self) -> float | None:
        """Seconds; None for no limit. Raises TimeoutError where none are left."""
        if self._end == inf:
            return None
        left = self._end - monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left

    def connect(self, host: str, port: int) -> socket.socket:
        """A connection to the first address that answers. Raises the OSError of the last one.

        Each address has its share of the time that is left, so that one that never answers leaves some for the others.
        """
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        failure: OSError = socket.gaierror(f"no address of {host}")
        for number, (family, kind, protocol, _, address) in enumerate(places):
            left = self.left()
            if left is not None:
                left = min(left, max(left / (len(places) - number), _LEAST_SHARE))
            try:
                return _open(socket.socket(family, kind, protocol), address, left)
            except OSError as error:
                failure = error
        raise failure


def _open(sock: socket.socket, address: tuple[object, ...], timeout: float | None) -> socket.socket:
    try:
        sock.settimeout(timeout)
        sock.connect(address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    return sock
