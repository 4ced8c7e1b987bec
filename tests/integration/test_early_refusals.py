"""Upstreams that refuse a large request before they have read it, then read no more of it, and stay.

Here: that the client is told why. Not here: those that close (tests/upstream/test_connection.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from conftest import GatewayFactory
from support.asks import Ask, user
from support.certificates import Certificates
from support.chaos import IS_URLLIB3
from support.dialects import Clients
from support.gateway import config, provider
from support.pairs import check_error_body, error_body, model_of
from support.raw_upstream import Asked, RawUpstream, Step

pytestmark = pytest.mark.skipif(IS_URLLIB3, reason="urllib3 reads nothing before it has sent all")

LARGE = Ask((user("x" * 16_000_000),))
"""More than all buffers between take."""


@pytest.mark.parametrize("status", [413, 429])
@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_the_client_is_told_why(
    gateway_factory: GatewayFactory, certificates: Certificates, kind: str, status: int
) -> None:
    body = json.dumps(error_body("chat_completions", "Too much", "invalid_request_error")).encode()
    head = f"HTTP/1.1 {status} No\r\ncontent-length: {len(body)}\r\n\r\n".encode()

    def refused(_: Asked) -> Iterable[Step]:
        return [head + body, "stall"]

    tls = certificates.server() if kind == "tls" else None
    with RawUpstream(refused, answers_at="head", tls=tls) as upstream:
        trust = {"ca_file": certificates.ca_file, "server_name": "localhost"}
        entry = provider(
            upstream.base_url, "chat_completions", tls=trust if kind == "tls" else None
        )
        clients = Clients(gateway_factory(config(entry)).base_url)
        answer = clients.raw("chat_completions", model_of("chat_completions"), LARGE)
        assert answer.status_code == status
        assert "Too much" in check_error_body("chat_completions", answer.content)["message"]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))
