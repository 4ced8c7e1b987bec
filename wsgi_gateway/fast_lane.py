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
from wsgi_gateway.request_head import LONGEST_HEAD, RequestHead, read_head
from wsgi_gateway.sockets import send_all

READ_SIZE = 65_536
_LARGE_READ_SIZE = 1024 * 1024
Handler = Callable[[Request], Answer]

_log = logging.getLogger(__name__)
_LAST_CHUNK = b"0\r\n\r\n"
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class Served:
    """The application that the gateway's own server serves: a WSGI application and its ``routes`` (path -> handler)."""

    def __init__(self, app: Callable[..., Iterable[bytes]], routes: Mapping[str, Handler]) -> None:
        self.app = app
        self.routes = routes

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return self.app(environ, start_response)


class FastLane:
    """One connection's: ``read``, and where there is a request for the lane, ``serve``; else ``take`` it away."""

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
        self._buffer = data

    def take(self) -> bytes:
        """All that was read of a request that is none for the lane."""
        data, self._buffer = self._buffer, b""
        return data

    def next_head(self) -> RequestHead | None:
        """The head that was read; None if the request is none for the lane."""
        end = self._buffer.find(b"\r\n\r\n", 0, LONGEST_HEAD)
        head = read_head(self._buffer[: end + 4]) if end >= 0 else None
        if head is None or head.path not in self._routes or head.content_length > MAX_BODY:
            return None
        self._buffer = self._buffer[end + 4 :]
        return head

    def serve(self, head: RequestHead, *, is_last: bool) -> bool:
        """Answer a request; whether another may follow on this connection. Raises OSError where the client is gone."""
        body = self._read_body(head.content_length)
        if body is None:
            return False
        request = Request(
            body=body,
            headers=head.headers,
            query=dict(reversed(parse_qsl(head.query, keep_blank_values=True))),
            client=ClientWatch(self._client),
        )
        keep = head.keep_alive and not is_last
        return self._send(self._routes[head.path](request), keep) and keep

    def _read_body(self, length: int) -> bytes | None:
        """None if the client left before its end."""
        pieces = [self._buffer[:length]]
        self._buffer = self._buffer[length:]
        missing = length - len(pieces[0])
        while missing > 0:
            piece = self._client.recv(min(missing, _LARGE_READ_SIZE))
            if not piece:
                return None
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def _send(self, answer: Answer, keep: bool) -> bool:
        """Whether the answer was told to its end."""
        body = answer.body
        if isinstance(body, bytes):
            framing = f"content-length: {len(body)}\r\n"
            send_all(self._client, _head(answer, framing, keep) + body)
            return True
        close = getattr(body, "close", None)
        is_over = getattr(body, "is_over", _never)
        try:
            head = _head(answer, "transfer-encoding: chunked\r\n", keep)
            end = _LAST_CHUNK
            for data in body:
                if data:
                    chunk = b"%b%x\r\n%b\r\n" % (head, len(data), data)
                    head = b""
                    if is_over():
                        chunk += end
                        end = b""
                    send_all(self._client, chunk)
            if end:
                send_all(self._client, head + end)
        except OSError:
            raise
        except Exception:  # noqa: BLE001 - the last guard: the body stays without its end
            _log.exception("a stream failed inside the gateway")
            return False
        finally:
            if close is not None:
                close()
        return True


def _never() -> bool:
    return False


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
