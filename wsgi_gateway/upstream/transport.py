"""A transport adapter for requests that costs a fifth of its own: what a gateway does not need is not there.

Here: origins, TLS, the pool, a request's bytes, errors in requests' words. Not here: how a host is reached
(dialing.py), a connection's life (connection.py). No proxies, no redirects, no cookies, no retries but one: of a
request that could not be sent whole on a connection that had been idle.
"""

import socket
import ssl
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import cached_property, lru_cache, partial
from time import monotonic
from urllib.parse import urlsplit

import certifi
import requests
from msgspec import Struct
from requests.adapters import BaseAdapter
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict

from wsgi_gateway.config import Tls
from wsgi_gateway.upstream.connection import Connection
from wsgi_gateway.upstream.dialing import Dialing
from wsgi_gateway.upstream.packed import Unpacker, unpacker

_MAX_IDLE = 55.0
"""Seconds. Most servers close idle connections after 60 or more."""
_TIDY_EVERY = 1.0
"""Seconds between two looks at what lies idle."""
_TIDIED_AT_ONCE = 200
"""Connections of an origin. To look at one takes 2 us."""
_DRAIN_TIMEOUT = 0.05
_LONGEST_REMEMBERED = 1024
_NO_TIME = timedelta(0)
"""Characters of a URL, in which a wildcard's client may have put a model's name of any length."""

Timeout = float | tuple[float | None, float | None] | None


class _Origin(Struct, frozen=True):
    is_tls: bool
    host: str
    port: int


class Body:
    """A reply's body: what ``requests.Response.raw`` is. Must be closed; the connection goes back to the pool then.

    Making one raises BadReplyError for an unknown content encoding.
    """

    def __init__(self, connection: Connection, give_back: Callable[[Connection], None]) -> None:
        self.headers = connection.headers
        self._connection: Connection | None = connection
        self._give_back = give_back
        self._unpacker: Unpacker | None = None
        try:
            self._unpacker = unpacker(connection.headers)
        except OSError:
            connection.close()
            raise

    def next(self, patience: float | None = None) -> bytes | None:
        """As ``Connection.receive``, with the content encoding taken off."""
        connection, unpacker = self._connection, self._unpacker
        if connection is None:
            return None
        if unpacker is None:
            return connection.receive(patience)
        if unpacker.has_more and (plain := unpacker.feed(b"")):
            return plain
        while data := connection.receive(patience):
            if (plain := unpacker.feed(data)) or patience is not None:
                return plain
        if data is None:
            unpacker.finish()
        return data

    def set_timeout(self, seconds: float | None) -> None:
        """How long all waits in a row may be from now on."""
        if self._connection is not None:
            self._connection.set_timeout(seconds)

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
        is_read = self._unpacker is None or not self._unpacker.has_more
        if is_read and connection.is_reusable:
            self._give_back(connection)
        else:
            connection.close()

    release_conn = close


_Idle = tuple[float, Connection]


class Transport(BaseAdapter):
    """``pool_size`` bounds the idle connections of each origin; origins come from the config, and so does ``tls``.

    A connection shows who the gateway is, and whom it trusts: one transport for each ``tls`` there is.
    """

    def __init__(self, pool_size: int, tls: Tls = Tls()) -> None:  # noqa: B008 - it is frozen
        super().__init__()
        self._pool_size = pool_size
        self._tls = tls
        self._idle: dict[_Origin, deque[_Idle]] = {}
        self._tidied = 0.0

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Timeout = None,
        verify: bool | str = True,  # noqa: ARG002 - `tls` says both
        cert: object = None,  # noqa: ARG002
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
                connection = Connection(self._connect(origin, connect_timeout))
                connection.exchange(data, read_timeout)
            body = Body(connection, partial(self._give_back, idle))
        except OSError as error:
            raise _in_requests_words(error, request) from error
        response = _response(request, connection, body)
        if not stream:
            response.content  # noqa: B018 - requests reads the body here
        return response

    def _connect(self, origin: _Origin, timeout: float | None) -> socket.socket:
        """Raises OSError."""
        try:
            with Dialing(timeout) as dialing:
                sock = dialing.connect(origin.host, origin.port)
                if not origin.is_tls:
                    return sock
                try:
                    name = self._tls.server_name or origin.host
                    sock.settimeout(dialing.left())
                    return self._context.wrap_socket(sock, server_hostname=name)
                except BaseException:
                    sock.close()
                    raise
        except TimeoutError as error:
            raise requests.ConnectTimeout(str(error)) from error

    @cached_property
    def _context(self) -> ssl.SSLContext:
        """One for all connections: to load the authorities' certificates takes 30 ms."""
        tls = self._tls
        return _usual_context() if tls.ca_file is tls.cert_file is None else tls_context(tls)

    def _give_back(self, idle: deque[_Idle], connection: Connection) -> None:
        if len(idle) >= self._pool_size:
            connection.close()
            return
        now = monotonic()
        idle.append((now, connection))
        if now - self._tidied > _TIDY_EVERY:
            self._tidied = now
            for each in list(self._idle.values()):
                _tidy(each, now)

    def close(self) -> None:
        for idle in self._idle.values():
            while idle:
                idle.pop()[1].close()


def _reuse(idle: deque[_Idle], data: bytes, timeout: float | None) -> Connection | None:
    """An idle connection on which ``data`` was sent and answered, if there is one. The youngest is taken.

    One that was idle for too long is not: what stands between may have forgotten it, and told nobody.
    """
    too_old = monotonic() - _MAX_IDLE
    while (youngest := _pop(idle)) is not None:
        since, connection = youngest
        if since < too_old or connection.is_stale():
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


def _pop(idle: deque[_Idle]) -> _Idle | None:
    # Other threads may empty the deque at any time.
    try:
        return idle.pop()
    except IndexError:
        return None


def _tidy(idle: deque[_Idle], now: float) -> None:
    """Close what is of no use any more: idle for too long, or closed by the upstream. The oldest is leftmost."""
    useful = []
    with suppress(IndexError):
        for _ in range(_TIDIED_AT_ONCE):
            since, connection = idle.popleft()
            if now - since > _MAX_IDLE or connection.is_stale():
                connection.close()
            else:
                useful.append((since, connection))
    idle.extendleft(reversed(useful))


def _target(url: str) -> tuple[_Origin, str, str]:
    """Where a URL leads: the origin, the request's target, the value of Host. Raises InvalidURL."""
    return (_remembered_target if len(url) <= _LONGEST_REMEMBERED else _read_target)(url)


def _read_target(url: str) -> tuple[_Origin, str, str]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise requests.exceptions.InvalidURL(f"no http URL: {url}")
    try:
        parts.hostname.encode("idna")
    except UnicodeError as error:
        raise requests.exceptions.InvalidURL(f"no host's name: {error}") from None
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


@lru_cache(1)
def _usual_context() -> ssl.SSLContext:
    return tls_context(Tls())


def tls_context(tls: Tls) -> ssl.SSLContext:
    """Verifies the upstream, by name too. Raises OSError where a file cannot be read any more."""
    context = ssl.create_default_context(cafile=tls.ca_file or certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    if tls.cert_file is not None:
        context.load_cert_chain(tls.cert_file, tls.key_file)
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
