"""A transport adapter for requests that costs a fifth of its own: what a gateway does not need is not there.

Here: origins, connecting, TLS, the pool, a request's bytes, errors in requests' words. Not here: a connection's life
(connection.py). No proxies, no redirects, no cookies, no retries but one: of a request that could not be sent whole
on a connection that had been idle.
"""

import socket
import ssl
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import cached_property, lru_cache
from time import monotonic
from urllib.parse import urlsplit

import certifi
import requests
from msgspec import Struct
from requests.adapters import BaseAdapter
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict

from wsgi_gateway.upstream.connection import Connection
from wsgi_gateway.upstream.packed import Unpacker, unpacker

_MAX_IDLE = 55.0
"""Seconds. Most servers close idle connections after 60 or more."""
_DRAIN_TIMEOUT = 0.05
_LONGEST_REMEMBERED = 1024
_NO_TIME = timedelta(0)
"""Characters of a URL, in which a wildcard's client may have put a model's name of any length."""

Certificate = bytes | str | tuple[bytes | str, bytes | str] | None
Timeout = float | tuple[float | None, float | None] | None


class _Origin(Struct, frozen=True):
    is_tls: bool
    host: str
    port: int


class Body:
    """A reply's body: what ``requests.Response.raw`` is. Must be closed; the connection goes back to the pool then.

    Making one raises BadReplyError for an unknown content encoding.
    """

    def __init__(self, connection: Connection, idle: "deque[_Idle]", limit: int) -> None:
        self.headers = connection.headers
        self._connection: Connection | None = connection
        self._idle = idle
        self._limit = limit
        self._unpacker: Unpacker | None = None
        try:
            self._unpacker = unpacker(connection.headers)
        except OSError:
            connection.close()
            raise

    def next(self, patience: float | None = None) -> bytes | None:
        """As ``Connection.receive``, with the content encoding taken off."""
        if self._connection is None:
            return None
        while data := self._connection.receive(patience):
            plain = data if self._unpacker is None else self._unpacker.feed(data)
            if plain:
                return plain
        return self._unpacker.finish() if data is None and self._unpacker else data

    def stream(self, chunk_size: int, decode_content: bool | None = None) -> Iterator[bytes]:  # noqa: ARG002
        """For ``requests.Response.iter_content``."""
        while (data := self.next()) is not None:
            yield data

    def drain(self) -> None:
        """Read the few bytes behind a stream's last event. An upstream that leaves the body open is not waited for."""
        if self._connection is not None:
            self._connection.drain(_DRAIN_TIMEOUT)

    def close(self) -> None:
        """Give the connection back if the body was read to its end, else cut it: the upstream stops work."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if connection.is_reusable and len(self._idle) < self._limit:
            self._idle.append((monotonic(), connection))
            _close_old(self._idle)
        else:
            connection.close()

    release_conn = close


_Idle = tuple[float, Connection]


class Transport(BaseAdapter):
    """One per process. ``pool_size`` bounds the idle connections of each origin; origins come from the config."""

    def __init__(self, pool_size: int) -> None:
        super().__init__()
        self._pool_size = pool_size
        self._idle: dict[_Origin, deque[_Idle]] = {}

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Timeout = None,
        verify: bool | str = True,
        cert: Certificate = None,
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002 - there are none
    ) -> requests.Response:
        """Send a request and read the reply's head. Raises requests' exceptions."""
        connect_timeout, read_timeout = (
            timeout if isinstance(timeout, tuple) else (timeout, timeout)
        )
        assert request.url is not None
        origin, target, host = _target(request.url)
        data = _request_bytes(request, target, host)
        idle = self._idle.setdefault(origin, deque())
        try:
            connection = _reuse(idle, data, read_timeout)
            if connection is None:
                connection = Connection(_connect(origin, connect_timeout, verify, cert))
                connection.exchange(data, read_timeout)
            body = Body(connection, idle, self._pool_size)
        except OSError as error:
            raise _in_requests_words(error, request) from error
        response = _response(request, connection, body)
        if not stream:
            response.content  # noqa: B018 - requests reads the body here
        return response

    def close(self) -> None:
        for idle in self._idle.values():
            while idle:
                idle.pop()[1].close()


def _reuse(idle: deque[_Idle], data: bytes, timeout: float | None) -> Connection | None:
    """An idle connection on which ``data`` was sent and answered, if there is one. The youngest is taken."""
    while (connection := _pop(idle)) is not None:
        if connection.is_stale():
            connection.close()
            continue
        try:
            connection.exchange(data, timeout)
        except TimeoutError:
            raise
        except OSError:
            if connection.was_sent:
                raise
            continue
        return connection
    return None


def _pop(idle: deque[_Idle]) -> Connection | None:
    # Other threads may empty the deque at any time.
    try:
        return idle.pop()[1]
    except IndexError:
        return None


def _close_old(idle: deque[_Idle]) -> None:
    """Close what has been idle for too long; the oldest is leftmost."""
    now = monotonic()
    with suppress(IndexError):
        while now - idle[0][0] > _MAX_IDLE:
            idle.popleft()[1].close()


def _target(url: str) -> tuple[_Origin, str, str]:
    """Where a URL leads: the origin, the request's target, the value of Host. Raises InvalidURL."""
    return (_remembered_target if len(url) <= _LONGEST_REMEMBERED else _read_target)(url)


def _read_target(url: str) -> tuple[_Origin, str, str]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise requests.exceptions.InvalidURL(f"no http URL: {url}")
    is_tls = parts.scheme == "https"
    target = requests.utils.requote_uri(parts.path or "/")
    if parts.query:
        target += "?" + requests.utils.requote_uri(parts.query)
    origin = _Origin(is_tls, parts.hostname, parts.port or (443 if is_tls else 80))
    return origin, target, parts.netloc.rpartition("@")[2]


_remembered_target = lru_cache(1024)(_read_target)


def _request_bytes(request: requests.PreparedRequest, target: str, host: str) -> bytes:
    """Raises InvalidHeader where a header would end its line."""
    body = request.body or b""
    if isinstance(body, str):
        body = body.encode()
    headers = request.headers
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if lines.count("\n") != len(headers) or lines.count("\r") != len(headers):
        raise requests.exceptions.InvalidHeader("a header has more than one line")
    own = "" if "host" in headers else f"host: {host}\r\n"
    if "content-length" not in headers:
        own += f"content-length: {len(body)}\r\n"
    head = f"{request.method} {target} HTTP/1.1\r\n{own}{lines}\r\n"
    return head.encode("latin-1") + body


def _connect(
    origin: _Origin,
    timeout: float | None,
    verify: bool | str,
    cert: Certificate,
) -> socket.socket:
    """Raises OSError."""
    try:
        sock = socket.create_connection((origin.host, origin.port), timeout)
    except TimeoutError as error:
        raise requests.ConnectTimeout(str(error)) from error
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if origin.is_tls:
            return _tls_context(verify, cert).wrap_socket(sock, server_hostname=origin.host)
    except BaseException:
        sock.close()
        raise
    return sock


@lru_cache(64)
def _tls_context(verify: bool | str, cert: Certificate) -> ssl.SSLContext:
    """One context for all connections: to load the authorities' certificates takes 30 ms."""
    context = ssl.create_default_context(
        cafile=verify if isinstance(verify, str) else certifi.where()
    )
    context.set_alpn_protocols(["http/1.1"])
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if cert is not None:
        context.load_cert_chain(*(cert if isinstance(cert, tuple) else (cert,)))
    return context


class _Response(requests.Response):
    """What costs something and is hardly asked for is made when somebody asks: here it is half of an exchange's Python.

    ``told`` are the headers as they came.
    """

    told: Mapping[str, str]

    def __init__(self) -> None:
        self._content = False  # type: ignore[assignment]  # requests' own default
        self._content_consumed = False
        self._next = None
        self.encoding = None
        self.history = []
        self.reason = None  # type: ignore[assignment]  # requests' own default
        self.elapsed = _NO_TIME

    @cached_property
    def headers(self) -> CaseInsensitiveDict[str]:  # type: ignore[override]
        return CaseInsensitiveDict(self.told)

    @cached_property
    def cookies(self) -> RequestsCookieJar:  # type: ignore[override]
        return RequestsCookieJar()


def _response(
    request: requests.PreparedRequest, connection: Connection, body: Body
) -> requests.Response:
    response = _Response()
    response.status_code = connection.status
    response.told = connection.headers
    response.url = request.url or ""
    response.request = request
    response.raw = body
    return response


def _in_requests_words(
    error: OSError, request: requests.PreparedRequest
) -> requests.RequestException:
    if isinstance(error, requests.RequestException):
        return error
    if isinstance(error, TimeoutError):
        return requests.ReadTimeout(error, request=request)
    if isinstance(error, ssl.SSLError):
        return requests.exceptions.SSLError(error, request=request)
    return requests.ConnectionError(error, request=request)
