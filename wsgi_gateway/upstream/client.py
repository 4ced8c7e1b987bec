"""Sends requests to providers over pooled connections and hands over their bytes as they arrive."""

import time
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from time import monotonic
from typing import Protocol as Interface
from typing import cast

import requests
import urllib3

from wsgi_gateway.client_watch import ClientWatch, NoWatch
from wsgi_gateway.config import Overload, Tls
from wsgi_gateway.protocols.errors import ApiError, Kind
from wsgi_gateway.upstream.connection import BadReplyError
from wsgi_gateway.upstream.senders import Send, fast_sender, session_sender
from wsgi_gateway.upstream.tls_errors import what_is_wrong
from wsgi_gateway.upstream.transport import Body
from wsgi_gateway.upstream.urllib3_body import Urllib3Body
from wsgi_gateway.upstream.waits import Waits

_SILENCE = (TimeoutError, requests.Timeout, urllib3.exceptions.ReadTimeoutError)
_TRANSPORT_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
_WAS_REACHED = (
    BadReplyError,
    BrokenPipeError,
    ConnectionResetError,
    urllib3.exceptions.ProtocolError,
)
_LARGEST = Overload().max_reply_size


class ReplyBody(Interface):
    """What each transport offers of a reply's body."""

    def next(self, patience: float | None = None) -> bytes | None:
        """What has arrived; b"" where nothing came for ``patience`` seconds; None at the end. Raises as it pleases."""

    def set_timeout(self, seconds: float | None) -> None:
        """How long all waits in a row may be from now on."""

    def drain(self) -> None:
        """Read the few bytes behind a stream's last event. An upstream that leaves the body open is not waited for."""

    def close(self) -> None:
        """Give the connection back if the body was read to its end, else cut it: the upstream stops work."""


class UpstreamReply:
    """An upstream's answer, its body not yet read. Must be closed.

    ``largest``: bytes that may be held of it: of a plain one all, of a stream an event that has not ended.
    """

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        body: ReplyBody,
        client: ClientWatch | NoWatch,
        waits: Waits,
        largest: int = _LARGEST,
    ) -> None:
        self.status = status
        self.headers = headers
        """Looked up without regard to case, or by names in lower case."""
        self.patience: float | None = None
        """Seconds without a byte after which ``chunks`` is to give b""; None for never."""
        self.broke: Kind | None = None
        """The kind of error that it ended with, if it had another end than it should: set by whoever reads it."""
        self.begun_at: float | None = None
        """When the first good event, or the whole body, was there, as ``monotonic`` has it."""
        self.client = client
        self.largest = largest
        self._body = body
        self._waits = waits
        self._deadline = waits.begun_by

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_event_stream(self) -> bool:
        """Whether the body is server-sent events; hosts that name no type at all mean them."""
        media_type = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return media_type in ("text/event-stream", "")

    def read(self) -> bytes:
        """The whole body. Raises ApiError where it breaks off, or is too large."""
        pieces, size = [], 0
        for piece in self.chunks():
            size = self.bounded(size + len(piece))
            pieces.append(piece)
        self.begun_at = monotonic()
        return b"".join(pieces)

    def bounded(self, size: int) -> int:
        """``size``, if so many bytes of the body may be held. Raises ApiError (upstream_invalid)."""
        if size > self.largest:
            raise ApiError(
                "upstream_invalid",
                f"the upstream's reply, or one event of it, is larger than {self.largest} bytes",
            )
        return size

    def chunks(self) -> Iterator[bytes]:
        """The body in pieces as they arrive, none held back to fill a buffer. b"" after ``patience``.

        Raises ApiError (upstream_invalid, timeout) where the body breaks off or falls silent, and ClientGone.
        """
        try:
            while (chunk := self.client.wait(self._next)) is not None:
                yield chunk
        except _SILENCE:
            raise ApiError("timeout", "the upstream fell silent") from None
        except _TRANSPORT_ERRORS:
            raise ApiError(
                "upstream_invalid", "the upstream closed the connection before its reply was whole"
            ) from None

    def give_way(self) -> None:
        """Let others run, for whoever reads on without having told anything: of an upstream that sends faster than it
        is read, no wait would. Raises ClientGone.
        """
        self.client.wait(lambda: time.sleep(0))

    def begin(self) -> None:
        """The first good event came: other waits hold from here on."""
        self.begun_at = self.begun_at or monotonic()
        waits = self._waits
        self._deadline = waits.done_by
        if waits.idle != waits.begin:
            self._body.set_timeout(waits.idle)

    def _next(self) -> bytes | None:
        if self._deadline is None:
            return self._body.next(self.patience)
        while (left := self._deadline - monotonic()) > 0:
            patience = self.patience
            data = self._body.next(left if patience is None or left < patience else patience)
            if data != b"" or patience is not None:
                return data
        raise ApiError("timeout", "the upstream took too long")

    def drain(self) -> None:
        self._body.drain()

    def close(self) -> None:
        self._body.close()


class UpstreamClient:
    """One per process: a pool per host and ``tls``, no cookies, no redirects, no proxies or netrc of the environment.

    ``transport`` is "fast" (transport.py), or "urllib3": requests' own adapter.
    """

    def __init__(self, pool_size: int = 1000, transport: str = "fast") -> None:
        self._pool_size = pool_size
        self._is_fast = transport == "fast"
        self._senders: dict[Tls, Send] = {}

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        client: ClientWatch | NoWatch,
        waits: Waits,
        tls: Tls = Tls(),  # noqa: B008 - it is frozen
        largest: int = _LARGEST,
    ) -> UpstreamReply:
        """Send a request and wait for the status. Raises ApiError (unreachable, timeout) and ClientGone.

        ``largest`` is UpstreamReply's.
        """
        timeout = waits.connect, waits.begin
        send = self._senders.get(tls) or self._sender(tls)
        try:
            response = client.wait(partial(send, method, url, headers, body, timeout))
        except requests.ConnectTimeout:
            raise ApiError("unreachable", "connecting to the upstream took too long") from None
        except requests.Timeout:
            raise ApiError("timeout", "the upstream did not answer in time") from None
        except requests.exceptions.SSLError as error:
            raise ApiError("unreachable", what_is_wrong(error)) from None
        except _TRANSPORT_ERRORS as error:
            raise ApiError("unreachable", _what_happened(error)) from None
        if self._is_fast:
            reply_body = cast(Body, response.raw)
            return UpstreamReply(
                response.status_code, reply_body.headers, reply_body, client, waits, largest
            )
        return UpstreamReply(
            response.status_code, response.headers, Urllib3Body(response), client, waits, largest
        )

    def forget_others(self, known: Collection[Tls]) -> None:
        """Connections that no entry of the config uses any more are let go, once their requests are over."""
        for tls in [each for each in self._senders if each not in known]:
            del self._senders[tls]

    def _sender(self, tls: Tls) -> Send:
        """Made when it is needed first. There are as many as the config has kinds of ``tls``."""
        make = fast_sender if self._is_fast else session_sender
        return self._senders.setdefault(tls, make(self._pool_size, tls))


def _what_happened(error: Exception) -> str:
    """In words for whoever looks for the fault: a host that was reached has another than one that was not."""
    cause = error.args[0] if error.args else None
    if isinstance(cause, _WAS_REACHED):
        return "the upstream closed the connection, or answered with what is no valid HTTP"
    return "the upstream could not be reached"
