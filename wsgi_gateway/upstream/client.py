"""Sends requests to providers over pooled connections and hands over their bytes as they arrive."""

from collections.abc import Iterator, Mapping
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from typing import Protocol as Interface
from typing import cast

import requests
import urllib3
from requests.adapters import HTTPAdapter

from wsgi_gateway.client_watch import ClientWatch, NoWatch
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.upstream.transport import Body, Transport
from wsgi_gateway.upstream.urllib3_body import Urllib3Body

_CONNECT_TIMEOUT = 10.0
_SILENCE = (TimeoutError, requests.Timeout, urllib3.exceptions.ReadTimeoutError)
_TRANSPORT_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)


class ReplyBody(Interface):
    """What each transport offers of a reply's body."""

    def next(self, patience: float | None = None) -> bytes | None:
        """What has arrived; b"" where nothing came for ``patience`` seconds; None at the end. Raises as it pleases."""

    def drain(self) -> None:
        """Read the few bytes behind a stream's last event. An upstream that leaves the body open is not waited for."""

    def close(self) -> None:
        """Give the connection back if the body was read to its end, else cut it: the upstream stops work."""


class UpstreamReply:
    """An upstream's answer, its body not yet read. Must be closed."""

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        body: ReplyBody,
        client: ClientWatch | NoWatch,
    ) -> None:
        self.status = status
        self.headers = headers
        """Looked up without regard to case, or by names in lower case."""
        self.patience: float | None = None
        """Seconds without a byte after which ``chunks`` is to give b""; None for never."""
        self._body = body
        self._client = client

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
        except _SILENCE:
            raise ApiError("timeout", "the upstream fell silent") from None
        except _TRANSPORT_ERRORS:
            raise ApiError(
                "upstream_invalid", "the upstream closed the connection before its reply was whole"
            ) from None

    def _next(self) -> bytes | None:
        return self._body.next(self.patience)

    def drain(self) -> None:
        self._body.drain()

    def close(self) -> None:
        self._client.close()
        self._body.close()


class UpstreamClient:
    """One per process: a pool per host, no cookies, no redirects, no proxies or netrc of the environment.

    ``transport`` is "fast" (transport.py), or "urllib3": requests' own adapter.
    """

    def __init__(
        self, read_timeout: float | None, pool_size: int = 1000, transport: str = "fast"
    ) -> None:
        self._timeout: tuple[float, float] | tuple[float, None] = (_CONNECT_TIMEOUT, read_timeout)  # type: ignore[assignment]
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.clear()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._is_fast = transport == "fast"
        adapter = (
            Transport(pool_size)
            if self._is_fast
            else HTTPAdapter(pool_connections=100, pool_maxsize=pool_size)
        )
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def post(
        self, url: str, headers: Mapping[str, str], body: bytes, client: ClientWatch | NoWatch
    ) -> UpstreamReply:
        """Send a request and wait for the status. Raises ApiError (unreachable, timeout) and ClientGone."""
        send = partial(self._send_fast if self._is_fast else self._send, url, headers, body)
        try:
            response = client.wait(send)
        except requests.ConnectTimeout:
            raise ApiError("unreachable", "connecting to the upstream took too long") from None
        except requests.Timeout:
            raise ApiError("timeout", "the upstream did not answer in time") from None
        except _TRANSPORT_ERRORS:
            raise ApiError("unreachable", "the upstream could not be reached") from None
        if self._is_fast:
            reply_body = cast(Body, response.raw)
            return UpstreamReply(response.status_code, reply_body.headers, reply_body, client)
        return UpstreamReply(response.status_code, response.headers, Urllib3Body(response), client)

    def _send_fast(self, url: str, headers: Mapping[str, str], body: bytes) -> requests.Response:
        """Straight to the adapter: what the session would add costs more than the exchange itself."""
        request = requests.PreparedRequest()
        request.method, request.url, request.body = "POST", url, body
        request.headers = headers  # type: ignore[assignment]  # any mapping does
        return self._session.get_adapter(url).send(request, stream=True, timeout=self._timeout)

    def _send(self, url: str, headers: Mapping[str, str], body: bytes) -> requests.Response:
        return self._session.post(
            url,
            data=body,
            headers=dict(headers),
            stream=True,
            allow_redirects=False,
            timeout=self._timeout,
        )
