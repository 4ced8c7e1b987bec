"""Sends requests to providers over pooled connections and hands over their bytes as they arrive."""

from collections.abc import Iterator, Mapping
from functools import partial
from http.cookiejar import DefaultCookiePolicy

import requests
import urllib3
from requests.adapters import HTTPAdapter

from wsgi_gateway.client_watch import ClientWatch, NoWatch
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.upstream.arrival import Arrival

_CONNECT_TIMEOUT = 10.0
_DRAIN_TIMEOUT = 0.05
_READ_SIZE = 65_536
_TRANSPORT_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)


class UpstreamReply:
    """An upstream's answer, its body not yet read. Must be closed."""

    def __init__(self, response: requests.Response, client: ClientWatch | NoWatch) -> None:
        self._response = response
        self._client = client
        self._arrival = Arrival(response.raw)
        self.patience: float | None = None
        """Seconds without a byte after which ``chunks`` is to give b""; None for never."""
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = response.headers

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_event_stream(self) -> bool:
        """Whether the body is server-sent events; hosts that name no type at all mean them."""
        media_type = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return media_type in ("text/event-stream", "")

    def read(self) -> bytes:
        """The whole body. Raises ApiError where it breaks off."""
        return b"".join(self.chunks())

    def chunks(self) -> Iterator[bytes]:
        """The body in pieces as they arrive, none held back to fill a buffer. b"" after ``patience``.

        Raises ApiError (upstream_invalid, timeout) where the body breaks off or falls silent, and ClientGone.
        """
        try:
            while (chunk := self._client.wait(self._next)) is not None:
                yield chunk
        except (urllib3.exceptions.ReadTimeoutError, TimeoutError):
            raise ApiError("timeout", "the upstream fell silent") from None
        except _TRANSPORT_ERRORS:
            raise ApiError(
                "upstream_invalid", "the upstream closed the connection before its reply was whole"
            ) from None

    def _next(self) -> bytes | None:
        """The next piece, b"" after ``patience``, None at the end."""
        if self.patience is not None and not self._arrival.wait(self.patience):
            return b""
        return self._response.raw.read1(_READ_SIZE, decode_content=True) or None

    def drain(self) -> None:
        """Read the few bytes behind a stream's last event, so that the connection can be used again.

        An upstream that leaves the body open is not waited for.
        """
        connection = self._response.raw.connection
        if connection is None or connection.sock is None:
            return
        connection.sock.settimeout(_DRAIN_TIMEOUT)
        try:
            self._response.raw.read1(_READ_SIZE, decode_content=True)
            self._response.raw.read1(1, decode_content=True)
        except _TRANSPORT_ERRORS:
            return

    def close(self) -> None:
        """Give the connection back if the body was read to its end, else cut it: the upstream stops work."""
        self._client.close()
        self._response.close()


class UpstreamClient:
    """One per process: a pool per host, no cookies, no redirects, no proxies or netrc of the environment."""

    def __init__(self, read_timeout: float | None, pool_size: int = 1000) -> None:
        self._timeout = (_CONNECT_TIMEOUT, read_timeout)
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.clear()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = HTTPAdapter(pool_connections=100, pool_maxsize=pool_size)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def post(
        self, url: str, headers: Mapping[str, str], body: bytes, client: ClientWatch | NoWatch
    ) -> UpstreamReply:
        """Send a request and wait for the status. Raises ApiError (unreachable, timeout) and ClientGone."""
        send = partial(
            self._session.post,
            url,
            data=body,
            headers=dict(headers),
            stream=True,
            allow_redirects=False,
            timeout=self._timeout,
        )
        try:
            response = client.wait(send)
        except requests.ConnectTimeout:
            raise ApiError("unreachable", "connecting to the upstream took too long") from None
        except requests.Timeout:
            raise ApiError("timeout", "the upstream did not answer in time") from None
        except _TRANSPORT_ERRORS:
            raise ApiError("unreachable", "the upstream could not be reached") from None
        return UpstreamReply(response, client)
