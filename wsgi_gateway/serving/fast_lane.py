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
from time import monotonic, time
from typing import Any, Protocol
from urllib.parse import parse_qsl

from wsgi_gateway.body_limits import BodyClock, too_slow
from wsgi_gateway.client_watch import ClientWatch
from wsgi_gateway.config import Config, Overload
from wsgi_gateway.exchange.call import Answer, Request
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.serving.refused_heads import answer_to_head, too_long
from wsgi_gateway.serving.request_head import (
    LONGEST_HEAD,
    LONGEST_PLAIN_HEAD,
    RequestHead,
    read_head,
)
from wsgi_gateway.sockets import send_all

READ_SIZE = 65_536
_LARGE_READ_SIZE = 1024 * 1024
_LINGER, _LARGEST_REST = 2.0, 64 * 1024 * 1024
"""Seconds in which the rest of a request that was refused is read, so that its client gets to read why; and bytes."""

_log = logging.getLogger(__name__)
_LAST_CHUNK = b"0\r\n\r\n"
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class Route(Protocol):
    """Who answers the requests to a path, as serving/entry.py has it."""

    def enter(self, headers: Mapping[str, str], *, is_whole: bool) -> None: ...
    def leave(self) -> None: ...
    def answer(self, request: Request, /) -> Answer: ...
    def refuse(self, error: ApiError, headers: Mapping[str, str], peer: str, /) -> Answer: ...


class Served:
    """The application that the gateway's own server serves: a WSGI application and its ``routes`` (by path).

    ``rules`` say how long its clients may take. ``remade`` gives what takes its place when there is another config.
    """

    def __init__(
        self,
        app: Callable[..., Iterable[bytes]],
        routes: Mapping[str, Route],
        rules: Overload,
        remade: Callable[[Config], "Served"],
    ) -> None:
        self.app = app
        self.routes = routes
        self.rules = rules
        self._remade = remade

    def reload(self, config: Config) -> None:
        """Serve the requests that come from now on by another config. Where it raises, nothing is changed."""
        made = self._remade(config)
        self.app, self.routes, self.rules, self._remade = (
            made.app,
            made.routes,
            made.rules,
            made._remade,
        )

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        told = self.app(environ, start_response)
        if (client := environ.get("gunicorn.socket")) is not None:
            client.settimeout(self.rules.send_timeout)
        return told


class FastLane:
    """One connection's: ``read``, and where there is a request for the lane, ``serve``; else ``take`` it away."""

    def __init__(self, client: socket.socket, served: Served, peer: str = "") -> None:
        self._client = client
        self._peer = peer
        self._served = served
        self._buffer = b""

    def read(self) -> bool:
        """Wait for a request's head, or for what cannot be one; False at the connection's end.

        A head that takes too long, or has no end, is answered, and was the connection's last. Raises OSError.
        """
        if b"\r\n\r\n" in self._buffer:
            return True
        client = self._client
        client.settimeout(None)
        try:
            self._read_head(client)
        except TimeoutError:
            self.refuse(self._buffer, too_slow("head"))
            return False
        buffer = self._buffer
        if len(buffer) >= LONGEST_HEAD and not _ends_within(buffer, LONGEST_HEAD):
            self.refuse(buffer, too_long(buffer))
            return False
        return bool(buffer)

    def _read_head(self, client: socket.socket) -> None:
        """Until its end, or until it is none. Raises TimeoutError where that does not come in time."""
        patience, end, searched = self._served.rules.header_timeout, 0.0, 0
        while more := client.recv(READ_SIZE):
            self._buffer += more
            size = len(self._buffer)
            if size >= LONGEST_HEAD or self._buffer.find(b"\r\n\r\n", searched) >= 0:
                return
            if size >= LONGEST_PLAIN_HEAD and b"\r\n" not in self._buffer:
                return
            searched = max(0, size - 3)
            if patience is not None:
                end = end or monotonic() + patience
                client.settimeout(max(0.001, end - monotonic()))

    def refuse(self, head: bytes, error: ApiError) -> None:
        """The last answer on this connection: to a head that is none."""
        self._refuse(answer_to_head(head, error))

    def put_back(self, data: bytes) -> None:
        """What another reader of this connection had read too much."""
        self._buffer = data

    def take(self) -> bytes:
        """All that was read of a request that is none for the lane. Who reads on has no bound of the lane's."""
        self._client.settimeout(None)
        data, self._buffer = self._buffer, b""
        return data

    def next_head(self) -> RequestHead | None:
        """The head that was read; None if the request is none for the lane."""
        end = self._buffer.find(b"\r\n\r\n", 0, LONGEST_PLAIN_HEAD)
        head = read_head(self._buffer[: end + 4]) if end >= 0 else None
        if head is None or head.path not in self._served.routes:
            return None
        if head.content_length > self._served.rules.max_body_size:
            return None
        self._buffer = self._buffer[end + 4 :]
        return head

    def serve(self, head: RequestHead, *, is_last: bool) -> bool:
        """Answer a request; whether another may follow on this connection. Raises OSError where the client is gone."""
        route = self._served.routes[head.path]
        is_whole = len(self._buffer) >= head.content_length
        keep = head.keep_alive and not is_last
        try:
            route.enter(head.headers, is_whole=is_whole)
        except ApiError as error:
            answer = route.refuse(error, head.headers, self._peer)
            if not is_whole:
                return self._refuse(answer)
            self._buffer = self._buffer[head.content_length :]
            return self._send(answer, keep) and keep
        try:
            request = self._request(head)
            if request is None:
                return False
            return self._send(route.answer(request), keep) and keep
        except ApiError as error:
            return self._refuse(route.refuse(error, head.headers, self._peer))
        finally:
            route.leave()

    def _refuse(self, answer: Answer) -> bool:
        """The last answer, to a request that was not read to its end. Always False."""
        self._send(answer, keep=False)
        part(self._client)
        return False

    def _request(self, head: RequestHead) -> Request | None:
        """With its body, of which nothing else is held; None if the client left before its end.

        Raises ApiError (408) if it took too long.
        """
        body = self._read_body(head.content_length)
        if body is None:
            return None
        return Request(
            body=body,
            headers=head.headers,
            query=dict(reversed(parse_qsl(head.query, keep_blank_values=True))),
            client=ClientWatch(self._client),
            peer=self._peer,
        )

    def _read_body(self, length: int) -> bytes | None:
        """None if the client left before its end."""
        pieces = [self._buffer[:length]]
        self._buffer = self._buffer[length:]
        missing = length - len(pieces[0])
        if missing:
            clock = BodyClock(self._served.rules)
            while missing > 0:
                self._client.settimeout(clock.left(length - missing))
                try:
                    piece = self._client.recv(min(missing, _LARGE_READ_SIZE))
                except TimeoutError:
                    raise too_slow("body") from None
                if not piece:
                    return None
                pieces.append(piece)
                missing -= len(piece)
        return b"".join(pieces)

    def _send(self, answer: Answer, keep: bool) -> bool:
        """Whether the answer was told to its end."""
        self._client.settimeout(self._served.rules.send_timeout)
        body = answer.body
        if isinstance(body, bytes):
            framing = f"content-length: {len(body)}\r\n"
            try:
                send_all(self._client, _head(answer, framing, keep) + body)
            finally:
                if answer.on_told is not None:
                    answer.on_told()
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


def part(client: socket.socket) -> None:
    """Close a connection of which not all was read, but let its client read what was said last.

    An application that another server runs has no use for gunicorn, so it is imported here.
    """
    from gunicorn.util import close_graceful

    close_graceful(client, _LINGER, _LARGEST_REST)


def _ends_within(head: bytes, most: int) -> bool:
    return head.find(b"\r\n\r\n", 0, most) >= 0


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
