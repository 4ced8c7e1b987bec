"""A model provider below HTTP: it sends the bytes that it is told, and breaks off where it is told.

Here: a TCP server with a thread for each connection, the ways in which it ends one, and which of its connections are
at rest. Not here: what its bytes say (broken_replies.py), and providers that keep to HTTP (upstream.py).
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import socketserver
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from support.served import Served

PATIENCE = 60.0
"""Seconds that it waits for its peer to go on, or to leave."""

Fate = Literal["reset", "close", "half close", "stall"]
"""How a connection ends: by RST, by FIN, by FIN while the other direction stays open, or when its peer ends it."""


@dataclass(frozen=True)
class Forever:
    """Bytes that are sent again and again until the peer leaves."""

    data: bytes


@dataclass(frozen=True)
class Drip:
    """Bytes that travel by sevens."""

    data: bytes


Step = bytes | Drip | Forever | threading.Event | Fate


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    head: bytes
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Script = Callable[[Asked], Iterable[Step]]


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, upstream: RawUpstream) -> None:
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)
        self.upstream = upstream

    def process_request(self, request: Any, client_address: Any) -> None:
        self.upstream.accepted += 1
        super().process_request(request, client_address)

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.upstream.serve(request, client_address[1])


class RawUpstream(Served):
    """``script`` gives the steps that answer a request; after a reply without a fate the connection stays open.

    ``answers_at`` is when the steps begin: as soon as the connection stands, once a request's head is there, or once it
    is whole. In the first two cases nothing more is read, and the script knows as little.
    """

    def __init__(
        self,
        script: Script,
        answers_at: Literal["connect", "head", "request"] = "request",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.accepted = 0
        self.ended = 0
        self.mistakes: list[str] = []
        self.at_rest: set[int] = set()
        """The peers' ports of the connections on which the next request may come."""
        self._answers_at = answers_at
        self._tls = tls
        self._lock = threading.Lock()
        super().__init__(_Server(self))

    @property
    def base_url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def serve(self, connection: socket.socket, port: int) -> None:
        """One connection, to its end; ``port`` is the peer's."""
        connection.settimeout(PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            stack.callback(self._note_end, port)
            stack.enter_context(connection)
            if self._tls is not None:
                connection = stack.enter_context(
                    self._tls.wrap_socket(connection, server_side=True)
                )
            while (asked := self._read(connection)) is not None:
                self.at_rest.discard(port)
                self.asked.append(asked)
                if not self._play(connection, self.script(asked)):
                    return
                self.at_rest.add(port)

    def _note_end(self, port: int) -> None:
        self.at_rest.discard(port)
        with self._lock:
            self.ended += 1

    def _read(self, connection: socket.socket) -> Asked | None:
        """The next request, as much as is read of it; None if its peer has left."""
        data = b""
        while self._answers_at != "connect" and b"\r\n\r\n" not in data:
            connection.settimeout(None)  # a connection may rest for as long as its peer likes
            # byte by byte, where the body is to stay unread
            piece = connection.recv(1 if self._answers_at == "head" else 65_536)
            if not piece:
                return None
            data += piece
        connection.settimeout(PATIENCE)
        head, _, body = data.partition(b"\r\n\r\n")
        while self._answers_at == "request" and len(body) < _length(head):
            piece = connection.recv(1_048_576)
            if not piece:
                return None
            body += piece
        return Asked(head, body)

    def _play(self, connection: socket.socket, steps: Iterable[Step]) -> bool:
        """Whether the connection stays open."""
        for step in steps:
            match step:
                case bytes():
                    connection.sendall(step)
                case Drip():
                    for at in range(0, len(step.data), 7):
                        connection.sendall(step.data[at : at + 7])
                case Forever():
                    self._chatter(connection, step.data)
                case threading.Event():
                    step.wait(PATIENCE)
                case _:
                    self._end(connection, step)
                    return False
        return self._answers_at == "request"

    def _chatter(self, connection: socket.socket, data: bytes) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            connection.sendall(data)  # fails once the peer has left
            time.sleep(0.005)
        self.mistakes.append("nobody left, although this did not end")

    def _end(self, connection: socket.socket, fate: Fate) -> None:
        if fate == "reset":
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        if fate == "half close":
            connection.shutdown(socket.SHUT_WR)
        if fate in ("half close", "stall"):
            poll = select.poll()
            poll.register(connection, select.POLLRDHUP)
            # Of a request that is too large to arrive unread, the end does not arrive either.
            if not poll.poll(PATIENCE * 1000) and self._answers_at == "request":
                self.mistakes.append("nobody left, although nothing came")


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0
