"""TLS that ends in the gateway itself: gunicorn's ``certfile``.

Here: that it serves, what handshakes do that come to nothing, and certificates that are renewed. Not here: TLS to
upstreams (test_tls.py).
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
from support.raw_http import PATIENCE, answer_on, connected, head
from support.streams import Answer
from support.until import until
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
def pem(tmp_path: Path) -> Path:
    """The file that has the certificate, and its key."""
    return tmp_path / "gateway.pem"


def renew(authority: trustme.CA, pem: Path) -> str:
    """The new certificate, as a client is shown it."""
    made = authority.issue_cert("127.0.0.1")
    made.private_key_and_cert_chain_pem.write_to_path(str(pem))
    return made.cert_chain_pems[0].bytes().decode()


@pytest.fixture
def gateway(
    authority: trustme.CA, trust: ssl.SSLContext, upstream: Upstream, pem: Path
) -> Iterator[GatewayProcess]:
    made = renew(authority, pem)
    environ = {"GUNICORN_CMD_ARGS": f"--certfile {pem} --keyfile {pem}"}
    source = config(provider(upstream.base_url, "chat_completions"))
    with GatewayProcess(source, environ=environ, workers=2, tls=trust) as gateway:
        until(lambda: len(gateway.children) == 2)
        until_shown(gateway, made)
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


def test_a_renewed_certificate_is_shown_once_the_config_is_read_again(
    gateway: GatewayProcess, authority: trustme.CA, trust: ssl.SSLContext, pem: Path
) -> None:
    with connected(gateway.port) as plain:
        older = trust.wrap_socket(plain, server_hostname="127.0.0.1")
        renewed = renew(authority, pem)
        gateway.reload()
        until_shown(gateway, renewed)
        older.sendall(head("/healthz", method="GET"))
        assert answer_on(older).status == 200
    assert "Traceback" not in gateway.output


@pytest.mark.parametrize("kind", ["garbage", "missing", "the key of another"])
def test_a_broken_certificate_is_kept_out(
    gateway: GatewayProcess, authority: trustme.CA, pem: Path, kind: str
) -> None:
    good = shown(gateway)
    if kind == "missing":
        pem.unlink()
    else:
        key = authority.issue_cert("127.0.0.1").private_key_pem.bytes().decode()
        pem.write_text("garbage" if kind == "garbage" else key + good)
    gateway.reload()
    until(lambda: gateway.output.count("The certificate of before stays") == 2)
    until_shown(gateway, good)
    assert "Traceback" not in gateway.output
    renewed = renew(authority, pem)
    gateway.reload()
    until_shown(gateway, renewed)


def test_who_watches_the_config_watches_the_certificate(
    authority: trustme.CA, trust: ssl.SSLContext, upstream: Upstream, pem: Path
) -> None:
    renew(authority, pem)
    environ = {"GUNICORN_CMD_ARGS": f"--certfile {pem}"}
    source = config(provider(upstream.base_url, "chat_completions"))
    with GatewayProcess(source, environ=environ, options=["--watch"], tls=trust) as gateway:
        renewed = renew(authority, pem)
        until(lambda: shown(gateway) == renewed)


def shown(gateway: GatewayProcess) -> str:
    """The certificate that a new connection gets to see."""
    return ssl.get_server_certificate(("127.0.0.1", gateway.port), timeout=PATIENCE)


def until_shown(gateway: GatewayProcess, certificate: str) -> None:
    """By each worker."""
    for worker in gateway.children:
        with gateway.only(worker):
            until(lambda: shown(gateway) == certificate)


def _rest(connection: socket.socket) -> bytes:
    """What comes until the end of a connection, which may be a reset."""
    try:
        return connection.recv(1024)
    except ConnectionResetError:
        return b""
