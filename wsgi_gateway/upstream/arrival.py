"""Waits for the next bytes of a reply without taking any, so that the wait may end and begin again.

A read that is interrupted loses what it had taken, and urllib3 then closes the connection. So this looks below
urllib3, into the buffer of http.client's response: a peek takes nothing, and fills an empty buffer by one read of the
socket, which the read that follows needs no more. It works alike for plain sockets, TLS, threads and greenlets.
"""

import socket
from io import BufferedReader
from typing import Protocol, cast

import urllib3

_MOMENT = 0.001
"""Seconds. A wait of none at all would make the socket non-blocking, and its silence look like an end."""


class _SocketFile(Protocol):
    """socket.SocketIO. After a timeout it refuses to be read, though nothing was lost."""

    _sock: socket.socket
    _timeout_occurred: bool


class _Response(Protocol):
    """http.client.HTTPResponse. ``fp`` is None at the end; ``chunk_left`` is 0 behind a chunk's data."""

    fp: BufferedReader | None
    chunk_left: int | str | None


class Arrival:
    """The wait for what a reply says next."""

    def __init__(self, reply: urllib3.BaseHTTPResponse) -> None:
        self._response = cast(_Response, reply._fp)  # type: ignore[attr-defined]
        self._silence = 0.0

    def wait(self, seconds: float) -> bool:
        """Whether there is something to read before ``seconds`` are over; the body's end counts, and a break.

        Raises TimeoutError where all waits in a row were longer than the socket's own timeout.
        """
        buffer = self._response.fp
        if buffer is None:
            return True
        file = cast(_SocketFile, buffer.raw)
        patience = file._sock.gettimeout()
        if patience is not None:
            seconds = min(seconds, patience - self._silence)
        seconds = max(seconds, _MOMENT)
        file._sock.settimeout(seconds)
        try:
            self._look(buffer)
        except TimeoutError:
            file._timeout_occurred = False
            self._silence += seconds
            if patience is not None and self._silence >= patience:
                raise
            return False
        finally:
            file._sock.settimeout(patience)
        self._silence = 0.0
        return True

    def _look(self, buffer: BufferedReader) -> None:
        """Blocks while the buffer is empty. The line end behind a chunk's data is no news, and is taken."""
        news = buffer.peek(1)
        if self._response.chunk_left == 0 and news.startswith(b"\r\n"):
            buffer.read(2)
            self._response.chunk_left = None
            buffer.peek(1)
