"""TLS that ends in the gateway itself: gunicorn's ``certfile``.

Here: that it serves, and what handshakes do that come to nothing. Not here: TLS to upstreams (test_tls.py).
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
import trustme
from support.gateway import GatewayProcess, config, provider
from support.pairs import model_of, reply_to
from support.raw_http import PATIENCE, connected
from support.streams import Answer
from support.upstream import Upstream


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trust(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def gateway(
    authority: trustme.CA, trust: ssl.SSLContext, upstream: Upstream, tmp_path: Path
) -> Iterator[GatewayProcess]:
    pem = tmp_path / "gateway.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(pem))
    environ = {"GUNICORN_CMD_ARGS": f"--certfile {pem} --keyfile {pem}"}
    source = config(provider(upstream.base_url, "chat_completions"))
    with GatewayProcess(source, environ=environ, tls=trust) as gateway:
        yield gateway


def test_it_serves_and_ends_whatever_becomes_of_handshakes(
    gateway: GatewayProcess, trust: ssl.SSLContext, upstream: Upstream
) -> None:
    upstream.script(lambda request: reply_to(request, "chat_completions", Answer("Safe.")))
    with connected(gateway.port):
        pass  # as a balancer looks whether the port is open
    with connected(gateway.port) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert not _rest(plain).startswith(b"HTTP/")
    http_client = openai.DefaultHttpxClient(verify=trust)
    client = openai.OpenAI(
        base_url=f"{gateway.base_url}/v1", api_key="any", max_retries=0, http_client=http_client
    )
    told = client.chat.completions.create(
        model=model_of("chat_completions"), messages=[{"role": "user", "content": "Hi"}]
    )
    assert told.choices[0].message.content == "Safe."

    with connected(gateway.port) as silent:
        gateway.drain()
        assert gateway.wait(PATIENCE) == 0
        assert _rest(silent) == b""
    assert "Traceback" not in gateway.output


def _rest(connection: socket.socket) -> bytes:
    """What comes until the end of a connection, which may be a reset."""
    try:
        return connection.recv(1024)
    except ConnectionResetError:
        return b""
