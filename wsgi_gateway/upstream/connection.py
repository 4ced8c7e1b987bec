"""One connection to an upstream: requests out, replies in, one after the other.

Theory of operation. llhttp (through httptools) finds where a reply's head, the pieces of its body and its end are; what
has arrived is handed over at once, however it was framed. The end of a body is what its framing says: its length, its
last chunk, or, where it has neither, the end of the connection. A wait for more may end without anything and begin
again, as nothing is taken from the socket meanwhile.
"""

import select
import socket
import ssl
from contextlib import suppress
from math import inf
from time import monotonic
from typing import Any

import httptools

from wsgi_gateway.sockets import send_all

READ_SIZE = 65_536
_SMALL = 16 * 1024
"""Bytes of a request that a connection takes without a wait."""
_LONGEST_HEAD = 256 * 1024
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class BadReplyError(ConnectionError):
    """The upstream's bytes are no HTTP, or they ended too soon."""


class Connection:
    """Works with sockets of any kind: plain or TLS, of threads or of greenlets."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._parser: Any = httptools.HttpResponseParser(self)
        self._is_clean = True
        self._begin()

    def _begin(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        """Names in lower case; the values of a name that comes twice are joined."""
        self.was_sent = False
        """Whether the whole request left: then the upstream may have acted on it."""
        self.is_complete = False
        self._has_head = False
        self._head_size = 0
        self._pieces: list[bytes] = []
        self._flaw: BadReplyError | None = None
        self._framing = 0

    @property
    def is_reusable(self) -> bool:
        """Whether request and reply went to their ends, and others may follow on this connection."""
        return self.is_complete and self.was_sent and self._is_clean

    def is_stale(self) -> bool:
        """Whether an idle connection was closed by the upstream, or has bytes that nobody asked for."""
        timeout = self._sock.gettimeout()
        self._sock.settimeout(0)
        try:
            if isinstance(self._sock, ssl.SSLSocket):
                self._sock.recv(1)
            else:
                self._sock.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True
        finally:
            self._sock.settimeout(timeout)
        return True

    def exchange(self, request: bytes, timeout: float | None) -> None:
        """Send a request and wait for ``status`` and ``headers``; each wait of this exchange has ``timeout`` seconds.

        Raises OSError (TimeoutError, BadReplyError); the connection is closed then.
        """
        self._begin()
        self._patience = self._left = inf if timeout is None else timeout
        try:
            self._sock.settimeout(timeout)
            # An upstream may have answered before it had read all (413), and closed.
            with suppress(BrokenPipeError, ConnectionResetError):
                if len(request) > _SMALL:
                    self.was_sent = self._send_large(request, timeout)
                else:
                    send_all(self._sock, request)
                    self.was_sent = True
            self._read_head()
        except BaseException:
            self.close()
            raise

    def _send_large(self, request: bytes, timeout: float | None) -> bool:
        """Whether all was taken: an upstream that has refused the request may neither read on nor close.

        A wait inside of ``send`` would not see that, and over TLS it lasts until all is taken.
        """
        rest = memoryview(request)
        self._sock.settimeout(0)
        try:
            while rest:
                try:
                    sent = self._sock.send(rest)
                except _NOT_NOW:
                    sent = 0
                rest = rest[sent:]
                if not sent:
                    self._await_room(timeout)
                    if self._has_head and self.status >= 400:
                        return False
        finally:
            self._sock.settimeout(timeout)
        return True

    def _await_room(self, timeout: float | None) -> None:
        """Wait until more of a request is taken. What comes meanwhile is read, to the end of the reply's head."""
        poll = select.poll()
        poll.register(self._sock, select.POLLOUT | (0 if self._has_head else select.POLLIN))
        events = poll.poll(None if timeout is None else timeout * 1000)
        if not events:
            raise TimeoutError("the request was not taken")
        if events[0][1] & select.POLLIN:
            with suppress(*_NOT_NOW):
                self._take_head(self._sock.recv(READ_SIZE))

    def _read_head(self) -> None:
        deadline = inf
        while not self._has_head:
            # Not before the first byte; and then not the whole timeout again for every one that follows.
            if self._head_size:
                deadline = min(deadline, monotonic() + self._patience)
                if deadline < inf:
                    self._sock.settimeout(max(deadline - monotonic(), 0.001))
            self._take_head(self._sock.recv(READ_SIZE))

    def _take_head(self, data: bytes) -> None:
        """Parse what came before the head's end was known. Raises BadReplyError."""
        self._head_size += len(data)
        self._feed(data)
        if self._has_head:
            return
        if self._flaw is not None:
            raise self._flaw
        if self._head_size > _LONGEST_HEAD:
            raise BadReplyError("the reply's head is too long")

    def set_timeout(self, seconds: float | None) -> None:
        """How long all waits in a row may be from now on."""
        self._patience = self._left = inf if seconds is None else seconds

    def receive(self, patience: float | None = None) -> bytes | None:
        """What has arrived of the body; None at its end; b"" where none came, at most for ``patience`` seconds.

        Raises TimeoutError where all waits in a row were longer than the reply's timeout, BadReplyError where the body
        breaks off, and other OSErrors.
        """
        while not self._pieces:
            if self.is_complete:
                return None
            if self._flaw is not None:
                raise self._flaw
            pause = self._left if patience is None or patience > self._left else patience
            self._sock.settimeout(None if pause == inf else pause)
            try:
                data = self._sock.recv(READ_SIZE)
            except TimeoutError:
                self._left -= pause
                if self._left <= 0:
                    raise
                return b""
            self._left = self._patience
            self._feed(data)
            if self._pieces or self.is_complete or self._flaw:
                continue
            # Framing alone. The parser keeps a trailer until it ends.
            self._framing += len(data)
            if self._framing > _LONGEST_HEAD:
                raise BadReplyError("the reply's framing does not end")
            if patience is not None:
                return b""  # Whoever waits looks at the clock again.
        self._framing = 0
        pieces, self._pieces = self._pieces, []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def drain(self, seconds: float) -> None:
        """Read what is left of the body, if its end comes so soon: then the connection can be used again."""
        deadline = monotonic() + seconds
        try:
            while not self.is_complete and (left := deadline - monotonic()) > 0:
                if self._flaw is not None:
                    return
                self._sock.settimeout(left)
                self._feed(self._sock.recv(READ_SIZE))
                self._pieces = []
        except OSError:
            return

    def close(self) -> None:
        """Cut the connection. The parser's reference to us is dropped, so that nothing waits for the collector."""
        self._is_clean = False
        self._parser = None
        self._sock.close()

    def _feed(self, data: bytes) -> None:
        """Parse. A flaw is raised once all that is whole before it was handed over."""
        if not data:
            self._is_clean = False
            if self._has_head and not self._is_framed():
                self.is_complete = True
            else:
                self._flaw = BadReplyError("the connection ended before the reply did")
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._is_clean = False
            self._flaw = BadReplyError(f"the reply is no HTTP: {error}")

    def _is_framed(self) -> bool:
        return "content-length" in self.headers or "transfer-encoding" in self.headers

    # llhttp's callbacks.

    def on_message_begin(self) -> None:
        if self.is_complete:
            self._is_clean = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._has_head:
            return  # A trailer (RFC 9110, 6.5), or of a reply that nobody asked for.
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        if self.is_complete:
            return
        self.status = self._parser.get_status_code()
        self._has_head = self.status >= 200

    def on_body(self, data: bytes) -> None:
        if not self.is_complete:
            self._pieces.append(data)

    def on_message_complete(self) -> None:
        if self._has_head:
            if not self._parser.should_keep_alive():
                self._is_clean = False
            self.is_complete = True
        else:
            # An interim reply (RFC 9110, 15.2): the one that counts follows.
            self.headers = {}
