"""HTTP/1.1 by hand, for requests that no library would send, and for connections that serve more than one.

Here: requests as bytes, and reading answers, one at a time. Not here: what is asked, and upstreams that do not keep to
HTTP (raw_upstream.py).
"""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

PATIENCE = 60.0
"""Seconds that anything may take."""


@dataclass(frozen=True)
class RawAnswer:
    """Status 0: the connection ended without an answer."""

    status: int = 0
    headers: http.client.HTTPMessage = field(default_factory=http.client.HTTPMessage)
    body: bytes = b""


# --- requests


def head(path: str, *lines: str, method: str = "POST") -> bytes:
    """A request's head with these header lines, to its blank line."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "host: x", *lines, "", ""]).encode("latin-1")


def plain(path: str, body: bytes = b"", *lines: str, method: str = "POST") -> bytes:
    """A request whose body's length is known."""
    return head(path, f"content-length: {len(body)}", *lines, method=method) + body


def chunked(path: str, body: bytes, *lines: str) -> bytes:
    """A request whose body is one chunk."""
    framed = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    return head(path, "transfer-encoding: chunked", *lines) + framed


# --- answers


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    """A connection to this machine."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        yield connection


def begun_on(connection: socket.socket) -> http.client.HTTPResponse:
    """The next answer, of which only the head was read."""
    response = http.client.HTTPResponse(connection)
    response.fp = connection.makefile("rb", buffering=1)  # takes no byte of what comes behind
    response.begin()
    return response


def answer_on(connection: socket.socket) -> RawAnswer:
    """The next answer. Reads no byte of the one behind it."""
    response = begun_on(connection)
    return RawAnswer(response.status, response.headers, response.read())


def exchange(port: int, *pieces: bytes, leave: bool = False) -> RawAnswer:
    """What a server says to these bytes, which it need not take to their end; `leave` closes our side behind them."""
    with connected(port) as connection:
        _send(connection, pieces, leave)
        try:
            response = begun_on(connection)
        except (http.client.HTTPException, ConnectionError):
            return RawAnswer()
        return RawAnswer(response.status, response.headers, response.read())


def answer_bytes(port: int, request: bytes) -> bytes:
    """All that a server says to a request behind which it closes the connection."""
    with connected(port) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def _send(connection: socket.socket, pieces: Iterable[bytes], leave: bool) -> None:
    with suppress(ConnectionError):  # A server that has refused does not read on.
        for piece in pieces:
            connection.sendall(piece)
        if leave:
            connection.shutdown(socket.SHUT_WR)
