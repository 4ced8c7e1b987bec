"""A gateway within the test's own process, before an upstream that answers at once: for thousands of requests.

Here: the pipeline from a request's bytes to an answer's. Not here: HTTP, on either side (gateway.py, upstream.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from support.dialects import PATHS
from support.gateway import config, provider
from support.pairs import APIS
from support.streams import PLAIN, STREAMED, Answer

from wsgi_gateway.config import load_config
from wsgi_gateway.exchange.call import Answer as Told
from wsgi_gateway.exchange.call import Request
from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.upstream import UpstreamReply


class _Body:
    def __init__(self, data: bytes) -> None:
        self._pieces = [data]

    def next(self, _patience: float | None = None) -> bytes | None:
        return self._pieces.pop() if self._pieces else None

    def set_timeout(self, seconds: float | None) -> None:
        """Nothing is waited for."""

    def drain(self) -> None:
        """Nothing is left."""

    def close(self) -> None:
        """Nothing is open."""


class ReadyUpstream:
    """Stands in for the client of all upstreams. `sent` is the newest request's body, if there was one."""

    def __init__(self) -> None:
        self.sent: bytes | None = None

    def send(
        self, method: str, url: str, _headers: Mapping[str, str], body: bytes, *rest: Any
    ) -> UpstreamReply:
        self.sent = body
        api = next((api for api in APIS if url.endswith(PATHS[api].removeprefix("/v1"))), None)
        if method != "POST" or api is None:
            return UpstreamReply(404, {}, _Body(b""), *rest[:2])
        if json.loads(body).get("stream") is True:
            stream = STREAMED[api](Answer("Hi.")).encode()
            return UpstreamReply(
                200, {"content-type": "text/event-stream"}, _Body(stream), *rest[:2]
            )
        full = json.dumps(PLAIN[api](Answer("Hi."))).encode()
        return UpstreamReply(200, {"content-type": "application/json"}, _Body(full), *rest[:2])


def ready_gateway() -> tuple[Gateway, ReadyUpstream]:
    """A gateway with a provider for each API, as `support.gateway.provider` has them."""
    gateway = Gateway(load_config(config(*(provider("http://ready", api) for api in APIS)), {}))
    upstream = ReadyUpstream()
    gateway._upstreams = upstream  # type: ignore[assignment]
    return gateway, upstream


def asked(body: bytes, **query: str) -> Request:
    """A client's request."""
    return Request(body=body, headers={}, query=query)


def whole(answer: Told) -> bytes:
    """All bytes of an answer."""
    return answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)
