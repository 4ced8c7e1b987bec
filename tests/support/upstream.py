"""A model provider that does exactly what a test tells it to.

Here: an HTTP/1.1 server that records every request and sends scripted bytes, cut and framed as
asked, waiting for events in between and breaking off where told. Not here: what those bytes say
(see streams.py).
"""

from __future__ import annotations

import contextlib
import json
import random
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

from support.served import Served

PATIENCE = 60.0
"""Seconds the upstream waits for an event of the test, or for its peer to leave, before it gives
up.
"""

Piece = bytes | threading.Event
"""What a reply consists of: bytes are sent at once, an event is waited for."""

Framing = Literal["length", "chunked", "close"]


@dataclass(frozen=True)
class Request:
    """One request as the upstream got it; header names are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    abandoned: threading.Event = field(default_factory=threading.Event, compare=False)
    """Set when the peer closed the connection while the reply was still being written."""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """One scripted reply.

    `framing` is how the end of the body is told: by content-length, by chunked coding (each piece
    one chunk) or by closing. `broken` leaves that end out: the connection is cut after the last
    piece.
    """

    pieces: Iterable[Piece] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    framing: Framing = "length"
    broken: bool = False
    wait_for_peer_to_leave: bool = False
    hang_up: bool = False
    """Closes the connection after the reply without having announced it."""


Script = Reply | Callable[[Request], Reply]


def json_reply(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A plain reply with a JSON body."""
    data = json.dumps(body, ensure_ascii=False).encode()
    return Reply([data], status, {"content-type": "application/json", **(headers or {})})


NO_SCRIPT = json_reply({"error": {"message": "the test scripted no answer"}}, 500)


def sse_reply(
    pieces: bytes | Iterable[Piece], framing: Framing = "chunked", *, broken: bool = False
) -> Reply:
    """A streamed reply."""
    if isinstance(pieces, bytes):
        pieces = [pieces]
    headers = {"content-type": "text/event-stream; charset=utf-8"}
    return Reply(pieces, 200, headers, framing, broken)


def cut(data: bytes, size: int | random.Random | None) -> list[bytes]:
    """Cuts bytes into pieces of a size, of random sizes (1 to 64), or leaves them whole (None)."""
    if size is None:
        return [data]
    pieces = []
    start = 0
    while start < len(data):
        step = size if isinstance(size, int) else size.randint(1, 64)
        pieces.append(data[start : start + step])
        start += step
    return pieces


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = PATIENCE
    server: _Server

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # a gateway may drop an idle connection any way
            super().handle()

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self.rfile.read(length))
        self.server.script.requests.append(request)
        try:
            self._write(self.server.script.reply_to(request), request)
        except ConnectionError:
            self.close_connection = True
            request.abandoned.set()

    do_GET = do_HEAD = do_DELETE = do_POST

    def _write(self, reply: Reply, request: Request) -> None:
        self.send_response_only(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.framing == "length":
            length = sum(len(piece) for piece in reply.pieces if isinstance(piece, bytes))
            self.send_header("content-length", str(length + (1 if reply.broken else 0)))
        elif reply.framing == "chunked":
            self.send_header("transfer-encoding", "chunked")
        else:
            self.send_header("connection", "close")
        self.end_headers()
        if self.command == "HEAD":
            return
        for piece in reply.pieces:
            if isinstance(piece, threading.Event):
                self._wait(piece)
            elif piece:
                self.wfile.write(_chunk(piece) if reply.framing == "chunked" else piece)
        if reply.wait_for_peer_to_leave and self._peer_left(PATIENCE):
            request.abandoned.set()
        if reply.broken or reply.hang_up or reply.framing == "close":
            self.close_connection = True
        if reply.framing == "chunked" and not reply.broken:
            self.wfile.write(b"0\r\n\r\n")

    def _wait(self, event: threading.Event) -> None:
        if not event.wait(PATIENCE):
            raise ConnectionAbortedError("the test never set the event this reply waits for")
        if self._peer_left(0):
            raise ConnectionAbortedError("the peer left")

    def _peer_left(self, patience: float) -> bool:
        readable, _, _ = select.select([self.connection], [], [], patience)
        if not readable:
            return False
        try:
            return not self.connection.recv(1, socket.MSG_PEEK)
        except ConnectionError:
            return True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Keeps the test output quiet; what came in is in `Upstream.requests`."""


def _chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, script: Upstream, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)


class Upstream(Served):
    """The scripted provider: set `answer`, send requests, read `requests`. With `tls` it is called localhost."""

    def __init__(self, answer: Script | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.answer: Script = answer or NO_SCRIPT
        self.requests: list[Request] = []
        self.mistakes: list[Exception] = []
        self._place = "https://localhost" if tls else "http://127.0.0.1"
        super().__init__(_Server(self, tls))

    @property
    def base_url(self) -> str:
        return f"{self._place}:{self.port}"

    @property
    def last(self) -> Request:
        """The newest request."""
        return self.requests[-1]

    def script(self, answer: Script) -> None:
        """Sets the answer to all requests from now on and forgets the recorded ones."""
        self.answer = answer
        self.requests.clear()
        self.mistakes.clear()

    def reply_to(self, request: Request) -> Reply:
        """The scripted reply; a script that fails is told to the peer and kept in `mistakes`."""
        if isinstance(self.answer, Reply):
            return self.answer
        try:
            return self.answer(request)
        except Exception as mistake:  # noqa: BLE001 (a script may fail in any way)
            self.mistakes.append(mistake)
            return json_reply({"error": {"message": f"mistake in the script: {mistake!r}"}}, 500)


@contextlib.contextmanager
def closed_port() -> Iterator[int]:
    """A port of this machine where nobody listens: bound for the time being, so nobody else takes
    it.
    """
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]
