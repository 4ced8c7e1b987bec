"""One WebSocket over a connected socket: handshake, whole messages in, messages out, the close.

The protocol itself is the ``websockets`` library's, which does no I/O. One greenlet (or thread) reads, another one
sends; they share the protocol's state, and each takes along what the other left to be sent.

Messages are not compressed: most are a few words, a client's long ones are sent once, and each direction of each
socket would keep a window in memory. No client insists on it.
"""

import select
import socket
import ssl
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from threading import Lock

from websockets.exceptions import InvalidState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN, SEND_EOF, Event
from websockets.server import ServerProtocol

from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.responses.socket_messages import message_of
from wsgi_gateway.sockets import send_all

_READ_SIZE = 65_536
_MOST_UNSENT = 1000
"""Frames that wait for the one that sends. Beyond that a client which pings, and reads nothing, is not read either."""
_HANDSHAKE = ("connection", "upgrade", "sec-websocket-key", "sec-websocket-version")


class _Protocol(ServerProtocol):
    """Says what was wrong with a message that is too large: a close alone is not read by everybody."""

    def __init__(self, message_size: int) -> None:
        self._longest = message_size
        super().__init__(max_size=message_size)

    def fail(self, code: int, reason: str = "") -> None:
        if code == CloseCode.MESSAGE_TOO_BIG and self.state is OPEN:
            error = ApiError("too_large", f"a message is larger than {self._longest} bytes")
            self.send_text(message_of(error))
        super().fail(code, reason)


class Connection:
    """``message_size`` is the most bytes that a message may have.

    ``ping_every``: seconds of silence of the client after which it is asked for a sign of life; None for never.

    That nothing comes back ends nothing: a client that runs tools may not read for a while.
    """

    def __init__(self, sock: socket.socket, message_size: int, ping_every: float | None) -> None:
        self.message_size = message_size
        self._socket = sock
        self._protocol = _Protocol(message_size)
        self._ping_every = ping_every
        self._partial: bytearray | None = None
        self._unsent: deque[bytes] = deque()
        self._state = Lock()
        self._sending = Lock()

    def accept(self, headers: Mapping[str, str]) -> None:
        """Answer the handshake. ``headers`` are by names in lower case.

        Raises ApiError, before anything is sent, for a request that is none, and OSError where the client is gone.
        """
        lines = [f"{name}: {headers[name]}\r\n" for name in _HANDSHAKE if name in headers]
        head = f"GET / HTTP/1.1\r\n{''.join(lines)}\r\n"
        self._protocol.receive_data(head.encode("latin-1"))
        request = next(iter(self._protocol.events_received()), None)
        if not isinstance(request, Request):
            raise ApiError("invalid_request", "the WebSocket handshake cannot be read")
        response = self._protocol.accept(request)
        if response.status_code != 101:
            raise ApiError(
                "invalid_request",
                f"no WebSocket handshake: {self._protocol.handshake_exc}",
                status=response.status_code,
                headers={"upgrade": "websocket"} if response.status_code == 426 else {},
            )
        self._protocol.send_response(response)
        self._collect()
        self._flush(wait=True)

    def messages(self) -> Iterator[bytes]:
        """The client's messages, until one side ends the connection. Raises OSError where it breaks."""
        while self._protocol.state is OPEN:
            if not self._is_readable():
                self._ping()
                continue
            frames, _ = self._receive()
            for frame in frames:
                message = self._taken(frame)
                if message is not None:
                    yield message

    def await_end(self) -> None:
        """Read what still comes, so that the other side gets to read our last words. Raises OSError."""
        is_over = False
        while not is_over:
            _, is_over = self._receive()

    def send(self, messages: Iterable[bytes]) -> None:
        """Send text messages. Raises OSError where the connection is over."""
        try:
            with self._state:
                for message in messages:
                    self._protocol.send_text(message)
        except InvalidState as error:
            raise ConnectionResetError(str(error)) from None
        finally:
            self._collect()
        self._flush(wait=True)

    def ping(self) -> None:
        """A sign of life, for whatever is between here and the client. Raises OSError where the connection is over."""
        if self._protocol.state is not OPEN:
            raise ConnectionResetError("connection is over")
        self._ping()

    def close(self, code: int, reason: str) -> None:
        """Say the last word, unless it was said. The other side's is for ``await_end`` to hear."""
        with suppress(InvalidState), self._state:
            self._protocol.send_close(code, reason)
        self._collect()
        with suppress(OSError):
            self._flush(wait=False)

    def abort(self) -> None:
        """No byte more in either direction; whoever waits for one is woken."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _receive(self) -> tuple[list[Event], bool]:
        """What came, and whether that was all."""
        data = self._socket.recv(_READ_SIZE)
        with self._state:
            self._protocol.receive_data(data) if data else self._protocol.receive_eof()
            events = self._protocol.events_received()
        self._collect()
        self._flush(wait=len(self._unsent) > _MOST_UNSENT)
        return events, not data

    def _is_readable(self) -> bool:
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return True
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(None if self._ping_every is None else self._ping_every * 1000))

    def _ping(self) -> None:
        with suppress(InvalidState), self._state:
            self._protocol.send_ping(b"")
        self._collect()
        self._flush(wait=False)

    def _taken(self, frame: Event) -> bytes | None:
        """The message that ``frame`` completes. Its size is the protocol's to judge."""
        if not isinstance(frame, Frame) or frame.opcode not in (
            Opcode.TEXT,
            Opcode.BINARY,
            Opcode.CONT,
        ):
            return None
        if frame.fin and self._partial is None:
            return bytes(frame.data)
        if self._partial is None:
            self._partial = bytearray()
        self._partial += frame.data
        if not frame.fin:
            return None
        message, self._partial = bytes(self._partial), None
        return message

    def _collect(self) -> None:
        with self._state:
            self._unsent.extend(self._protocol.data_to_send())

    def _flush(self, *, wait: bool) -> None:
        """Send what there is. Without ``wait``, if another one sends right now, that one sends this too."""
        while self._unsent and self._sending.acquire(blocking=wait):
            try:
                pieces = []
                while self._unsent:
                    pieces.append(self._unsent.popleft())
                if data := b"".join(pieces):
                    send_all(self._socket, data)
                if SEND_EOF in pieces and not isinstance(self._socket, ssl.SSLSocket):
                    with suppress(OSError):
                        self._socket.shutdown(socket.SHUT_WR)
            finally:
                self._sending.release()
