"""nginx with etc/nginx.conf before several gateways: which of them gets a request, and how often.

Scripted servers stand where the gateways would: what matters is what reaches them.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from select import select
from urllib.parse import urlsplit

import httpx2
import pytest
from support.nginx import NEEDS_NGINX, nginx_before
from support.upstream import Upstream, closed_port, json_reply, sse_reply

pytestmark = NEEDS_NGINX
PATH = "/v1/messages"


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port
    return port


@contextmanager
def listening() -> Iterator[socket.socket]:
    """A server whose connections the test takes by itself."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        yield server


def head_from(connection: socket.socket) -> dict[str, str]:
    """The header fields of a request, names in lower case; its body is behind them."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65_536)
    lines = data.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }


def test_the_gateway_with_the_fewest_streams_gets_the_next(tmp_path: Path) -> None:
    """Turn by turn, the last two streams would be one for each."""
    with ExitStack() as stack:
        gates = [threading.Event() for _ in range(3)]
        replies = [sse_reply([b"data: %d\n\n" % n, gate]) for n, gate in enumerate(gates)]
        gateways = [stack.enter_context(Upstream(reply)) for reply in replies[:2]]
        ports = [port_of(gateway.base_url) for gateway in gateways]
        url = stack.enter_context(nginx_before(ports, tmp_path)) + PATH
        http = stack.enter_context(httpx2.Client(verify=False, timeout=60))

        def begin() -> tuple[bytes, Iterator[bytes]]:
            """The first event of a stream, and what follows."""
            pieces = stack.enter_context(http.stream("POST", url, json={})).iter_raw()
            return next(pieces), pieces

        streams = [begin() for _ in range(4)]
        assert [len(gateway.requests) for gateway in gateways] == [2, 2]
        gates[0].set()
        gateways[0].answer = replies[2]
        assert [list(rest) for first, rest in streams if first == b"data: 0\n\n"] == [[], []]
        begin(), begin()
        assert [len(gateway.requests) for gateway in gateways] == [4, 2]
        for gate in gates:
            gate.set()


def test_a_gateway_that_is_not_there_costs_no_request(tmp_path: Path) -> None:
    with closed_port() as dead, Upstream(json_reply({})) as alive:
        with nginx_before([dead, port_of(alive.base_url)], tmp_path) as base_url:
            answers = [httpx2.post(base_url + PATH, json={}, verify=False) for _ in range(10)]
        assert [answer.status_code for answer in answers] == [200] * 10
        assert len(alive.requests) == 10


def test_a_request_that_a_gateway_got_is_not_sent_again(tmp_path: Path) -> None:
    """The model may be at work on it, and two would be paid for."""
    with listening() as first, listening() as second, ThreadPoolExecutor() as pool:
        servers = [first, second]
        with nginx_before([one.getsockname()[1] for one in servers], tmp_path) as base_url:
            answer = pool.submit(httpx2.post, base_url + PATH, json={}, verify=False, timeout=60)
            (asked,), _, _ = select(servers, [], [], 20)
            with asked.accept()[0] as connection:
                head_from(connection)
            assert answer.result().status_code == 502
        assert select(servers, [], [], 0)[0] == []


def test_metrics_stay_inside(tmp_path: Path) -> None:
    with Upstream(json_reply({})) as gateway:
        with nginx_before([port_of(gateway.base_url)], tmp_path) as base_url:
            assert httpx2.get(f"{base_url}/metrics", verify=False).status_code == 404
        assert not gateway.requests


@pytest.mark.parametrize(
    ("path", "asked", "told"),
    [
        ("/v1/responses", "WebSocket", "websocket"),
        ("/v1/messages", "websocket", None),
        ("/v1/responses", "h2c", None),
    ],
)
def test_only_a_web_socket_for_responses_is_upgraded(
    tmp_path: Path, path: str, asked: str, told: str | None
) -> None:
    with listening() as gateway:
        port = gateway.getsockname()[1]
        with nginx_before([port], tmp_path) as base_url, socket.socket() as client:
            client.settimeout(20)
            client.connect(("127.0.0.1", port_of(base_url)))
            client.sendall(
                f"GET {path} HTTP/1.1\r\nhost: x\r\nupgrade: {asked}\r\nconnection: Upgrade\r\n\r\n".encode()
            )
            connection, _ = gateway.accept()
            with connection:
                connection.settimeout(20)
                head = head_from(connection)
                assert head.get("upgrade") == told
                assert head.get("connection") == ("upgrade" if told else None)
                if told:
                    connection.sendall(
                        b"HTTP/1.1 101 Switching Protocols\r\n"
                        b"upgrade: websocket\r\nconnection: upgrade\r\n\r\n"
                    )
                    assert client.recv(65_536).startswith(b"HTTP/1.1 101 ")
                    client.sendall(b"a frame")
                    assert connection.recv(100) == b"a frame"
                    connection.sendall(b"its answer")
                    assert client.recv(100) == b"its answer"
