"""The two ways in which requests leave: through the gateway's own transport, or a session of requests with its own.

Here: what a session must not add (cookies, redirects, proxies or netrc of the environment). Not here: what failures
mean.
"""

from collections.abc import Callable, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from wsgi_gateway.config import Tls
from wsgi_gateway.upstream.transport import Transport

Timeout = tuple[float | None, float | None]
"""Seconds: to connect, and between bytes."""
Send = Callable[[str, str, Mapping[str, str], bytes, Timeout], requests.Response]
"""Method, URL, headers, body and timeout; raises requests' exceptions. The response's body is not read."""


def fast_sender(pool_size: int, tls: Tls) -> Send:
    """Straight to the adapter: what a session would add costs more than the exchange itself."""
    transport = Transport(pool_size, tls)

    def send(
        method: str, url: str, headers: Mapping[str, str], body: bytes, timeout: Timeout
    ) -> requests.Response:
        request = requests.PreparedRequest()
        request.method, request.url, request.body = method, url, body
        request.headers = headers  # type: ignore[assignment]  # any mapping does
        return transport.send(request, stream=True, timeout=timeout)

    return send


def session_sender(pool_size: int, tls: Tls) -> Send:
    """requests as it is."""
    session = requests.Session()
    session.trust_env = False
    session.headers.clear()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.verify = tls.ca_file or True
    if tls.cert_file is not None:
        session.cert = (tls.cert_file, tls.key_file) if tls.key_file else tls.cert_file
    adapter = _Adapter(pool_size, tls.server_name)
    session.mount("https://", adapter)
    session.mount("http://", adapter)

    def send(
        method: str, url: str, headers: Mapping[str, str], body: bytes, timeout: Timeout
    ) -> requests.Response:
        return session.request(
            method,
            url,
            data=body,
            headers=dict(headers),
            stream=True,
            allow_redirects=False,
            timeout=timeout,
        )

    return send


class _Adapter(HTTPAdapter):
    def __init__(self, pool_size: int, server_name: str | None) -> None:
        self._server_name = server_name
        super().__init__(pool_connections=100, pool_maxsize=pool_size)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **options: Any
    ) -> None:
        if self._server_name is not None:
            options["server_hostname"] = self._server_name
        super().init_poolmanager(connections, maxsize, block, **options)
