"""Waits for the next bytes of a reply without taking any, so that the wait may end and begin again.

A read that is interrupted loses what it had taken, and urllib3 then closes the connection. So this looks below
urllib3, into the buffer of http.client's response: a peek takes nothing, and fills an empty buffer by one read of the
socket, which the read that follows needs no more. It works alike for plain sockets, TLS, threads and greenlets.
To set a socket's timeout costs more than the peek, so it is left as it is from one wait to the next.
"""

import socket
from io import BufferedReader
from math import inf
from typing import Protocol, cast

import urllib3

_LAST_CHUNK = (b"0", b"\r\n0")


class _SocketFile(Protocol):
    """socket.SocketIO. After a timeout it refuses to be read, though nothing was lost."""

    _sock: socket.socket
    _timeout_occurred: bool


class _Response(Protocol):
    """http.client.HTTPResponse. ``fp`` is None at the end; ``chunk_left`` is None before a chunk, 0 behind its data.

    ``length`` is how much is left of a body whose length is known. At 0 nothing comes, and ``fp`` may still be there.
    """

    fp: BufferedReader | None
    length: int | None
    chunked: bool
    chunk_left: int | str | None


class Arrival:
    """The wait for what a reply says next. It is made while the socket has its timeout for reads."""

    def __init__(self, reply: urllib3.BaseHTTPResponse) -> None:
        self._response = cast(_Response, reply._fp)  # type: ignore[attr-defined]
        self._is_packed = "content-encoding" in reply.headers
        buffer = self._response.fp
        if buffer is not None:
            self._file = cast(_SocketFile, buffer.raw)
            timeout = self._file._sock.gettimeout()
            self._now = self._patience = self._left = inf if timeout is None else timeout

    def wait(self, seconds: float) -> bool:
        """Whether there is something to read before ``seconds`` (not 0) are over; the body's end counts, and a break.

        The read that follows has the socket's own timeout if it needs more than has arrived. Raises TimeoutError
        where all waits in a row were longer than that timeout.
        """
        response = self._response
        buffer = response.fp
        if buffer is None or response.length == 0:
            return True
        pause = seconds if seconds < self._left else self._left
        if pause != self._now:
            self._set_timeout(pause)
        try:
            news = buffer.peek(1)
            if news == b"\r\n" and response.chunk_left == 0:
                # The line end behind a chunk's data is no news.
                buffer.read(2)
                response.chunk_left = None
                news = buffer.peek(1)
        except TimeoutError:
            self._file._timeout_occurred = False
            self._left -= pause
            if self._left <= 0:
                raise
            return False
        self._left = self._patience
        if self._is_packed or (response.chunked and not response.chunk_left and _is_torn(news)):
            self._set_timeout(self._patience)
        return True

    def set_timeout(self, seconds: float | None) -> None:
        """How long all waits in a row may be from now on, and the reads that follow them."""
        self._patience = self._left = inf if seconds is None else seconds
        if self._response.fp is not None:
            self._set_timeout(self._patience)

    def _set_timeout(self, seconds: float) -> None:
        self._now = seconds
        self._file._sock.settimeout(None if seconds == inf else seconds)


def _is_torn(head: bytes) -> bool:
    """Whether a chunk's head, perhaps behind the end of the chunk before, lacks its line end; so may a body's end."""
    return head.find(b"\n", 2) < 0 or head.startswith(_LAST_CHUNK)
