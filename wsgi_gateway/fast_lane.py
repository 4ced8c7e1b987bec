"""Serves the requests that matter straight from their connection: no WSGI environment, no Flask request, no response.

What a client POSTs to an API's path in the plainest form goes to the same exchange as the view of that path would
hand it to. Everything else (other paths and methods, bodies of unknown length, flawed heads, large bodies) is left,
unread, to the server and Flask, which know all of HTTP.
"""

import logging
import socket
from collections.abc import Callable, Iterable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from time import time
from typing import Any
from urllib.parse import parse_qsl

from wsgi_gateway.client_watch import ClientWatch
from wsgi_gateway.exchange import MAX_BODY, Answer, Request
from wsgi_gateway.request_head import LONGEST_HEAD, read_head

READ_SIZE = 65_536
Handler = Callable[[Request], Answer]

_log = logging.getLogger(__name__)
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class Served:
    """The application that the gateway's own server serves: a WSGI application and its ``routes`` (path -> handler)."""

    def __init__(self, app: Callable[..., Iterable[bytes]], routes: Mapping[str, Handler]) -> None:
        self.app = app
        self.routes = routes

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return self.app(environ, start_response)


class FastLane:
    """One connection's. ``serve`` returns when there is a request that it does not take."""

    def __init__(self, client: socket.socket, routes: Mapping[str, Handler]) -> None:
        self._client = client
        self._routes = routes
        self._buffer = b""

    def read(self) -> bool:
        """Wait for a request's head, or for what cannot be one; False at the connection's end. Raises OSError."""
        while b"\r\n\r\n" not in self._buffer and len(self._buffer) < LONGEST_HEAD:
            more = self._client.recv(READ_SIZE)
            if not more:
                break
            self._buffer += more
        return bool(self._buffer)

    def put_back(self, data: bytes) -> None:
        """What another reader of this connection had read too much."""
        self._buffer = data + self._buffer

    def take(self) -> bytes:
        """All that was read of a request that ``serve`` did not take."""
        data, self._buffer = self._buffer, b""
        return data

    def serve(self, is_last: Callable[[], bool]) -> bool | None:
        """Answer the request whose head was read.

        None if it is none for this lane; else whether another may follow. ``is_last`` tells, once the request is
        there, whether the connection is to be closed behind it. Raises OSError where the client is gone.
        """
        end = self._buffer.find(b"\r\n\r\n") + 4
        head = read_head(self._buffer[:end]) if end > 3 else None
        handler = self._routes.get(head.path) if head is not None else None
        if head is None or handler is None or head.content_length > MAX_BODY:
            return None
        body = self._read_body(end, head.content_length)
        if body is None:
            return False
        request = Request(
            body=body,
            headers=head.headers,
            query=dict(reversed(parse_qsl(head.query, keep_blank_values=True))),
            client=ClientWatch(self._client),
        )
        keep = head.keep_alive and not is_last()
        return self._send(handler(request), keep) and keep

    def _read_body(self, start: int, length: int) -> bytes | None:
        """None if the client left before its end."""
        missing = length - (len(self._buffer) - start)
        if missing > 0:
            pieces = [self._buffer[start:]]
            while missing > 0:
                piece = self._client.recv(min(missing, 1024 * 1024))
                if not piece:
                    return None
                pieces.append(piece)
                missing -= len(piece)
            self._buffer = b""
            return b"".join(pieces)
        body = self._buffer[start : start + length]
        self._buffer = self._buffer[start + length :]
        return body

    def _send(self, answer: Answer, keep: bool) -> bool:
        """Whether the answer was told to its end."""
        body = answer.body
        if isinstance(body, bytes):
            framing = f"content-length: {len(body)}\r\n"
            self._client.sendall(_head(answer, framing, keep) + body)
            return True
        close = getattr(body, "close", None)
        try:
            head = _head(answer, "transfer-encoding: chunked\r\n", keep)
            for data in body:
                if data:
                    self._client.sendall(b"%b%x\r\n%b\r\n" % (head, len(data), data))
                    head = b""
            self._client.sendall(head + b"0\r\n\r\n")
        except OSError:
            raise
        except Exception:  # noqa: BLE001 - the last guard: the body stays without its end
            _log.exception("a stream failed inside the gateway")
            return False
        finally:
            if close is not None:
                close()
        return True


def _head(answer: Answer, framing: str, keep: bool) -> bytes:
    """Raises ValueError where a header would end its line."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in answer.headers.items()])
    if lines.count("\n") != len(answer.headers) or lines.count("\r") != len(answer.headers):
        raise ValueError("a header has more than one line")
    reason = _REASONS.get(answer.status, "")
    connection = "keep-alive" if keep else "close"
    text = (
        f"HTTP/1.1 {answer.status} {reason}\r\nserver: gunicorn\r\ndate: {_date()}\r\n"
        f"connection: {connection}\r\n{framing}{lines}\r\n"
    )
    return text.encode("latin-1")


_told_date = (0, "")


def _date() -> str:
    """Made anew each second."""
    global _told_date
    now = int(time())
    if _told_date[0] != now:
        _told_date = (now, formatdate(now, usegmt=True))
    return _told_date[1]
