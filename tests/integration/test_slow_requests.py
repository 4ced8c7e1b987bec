"""Requests that come slowly, are too large, or whose client may not ask at all: none is waited for or held.

Not here: bodies that are read and then found wrong (test_errors.py).
"""

from __future__ import annotations

from contextlib import ExitStack, suppress

import pytest
from conftest import GatewayFactory
from support.answers import answering
from support.dialects import PATHS
from support.gateway import GatewayProcess
from support.keyed import ANSWER, KEY, gateway_config
from support.pairs import CLIENTS, check_error_body
from support.raw_http import answer_on, begun_on, chunked, connected, head, plain
from support.streams import Api
from support.upstream import Upstream

MOST = 100_000
"""Bytes of a body."""
OURS = f"x-api-key: {KEY}"
CHAT = PATHS["chat_completions"]


@pytest.fixture
def gateway(upstream: Upstream, gateway_factory: GatewayFactory) -> GatewayProcess:
    """It is in a hurry, and wants a key."""
    upstream.script(answering(ANSWER))
    times = {"header_timeout": "300ms", "body_timeout": "300ms"}
    given = gateway_config(upstream, {"id": "a", "key": KEY})
    return gateway_factory({**given, "overload": {**times, "max_body_size": MOST}})


def refused(gateway: GatewayProcess, api: Api, request: bytes) -> tuple[int, str]:
    """The status and the message of an error in the API's form, behind which the connection ends."""
    with connected(gateway.port) as connection:
        connection.sendall(request)
        told = answer_on(connection)
        message: str = check_error_body(api, told.body)["message"]
        assert connection.recv(1) == b""
        return told.status, message


@CLIENTS
def test_a_head_that_does_not_come(gateway: GatewayProcess, client_api: Api) -> None:
    begun = head(PATHS[client_api], OURS)[:-2]
    assert refused(gateway, client_api, begun) == (408, "the request's head did not come in time")


@CLIENTS
@pytest.mark.parametrize("framing", ["content-length: 1000", "transfer-encoding: chunked"])
def test_a_body_that_does_not_come(gateway: GatewayProcess, client_api: Api, framing: str) -> None:
    begun = head(PATHS[client_api], OURS, framing)
    begun += b"3e8\r\n{" if "chunked" in framing else b"{"
    assert refused(gateway, client_api, begun) == (408, "the request's body did not come in time")


def test_a_body_that_trickles(gateway: GatewayProcess) -> None:
    """A byte at a time is progress, but too little."""
    with connected(gateway.port) as connection:
        connection.settimeout(0.02)
        connection.sendall(head(CHAT, OURS, "content-length: 1000"))
        told = b""
        while not told:
            connection.sendall(b"{")
            with suppress(TimeoutError):
                told = connection.recv(4096)
        assert told.startswith(b"HTTP/1.1 408 ")


@CLIENTS
def test_a_body_that_is_announced_as_too_large(gateway: GatewayProcess, client_api: Api) -> None:
    request = head(PATHS[client_api], OURS, f"content-length: {MOST + 1}")
    status, message = refused(gateway, client_api, request)
    assert status == 413
    assert str(MOST) in message


@CLIENTS
def test_a_body_that_becomes_too_large(gateway: GatewayProcess, client_api: Api) -> None:
    """It has no end: what is beyond the bound is never waited for."""
    request = head(PATHS[client_api], OURS, "transfer-encoding: chunked")
    request += b"%x\r\n%b" % (MOST * 10, b" " * (MOST + 1))
    assert refused(gateway, client_api, request)[0] == 413


def test_a_body_as_large_as_it_may_be(gateway: GatewayProcess) -> None:
    body = b'{"model": "chat_completions-model", "messages": [{"role": "user", "content": "x"}]}'
    with connected(gateway.port) as connection:
        for framed in (plain, chunked):
            connection.sendall(framed(CHAT, body.ljust(MOST), OURS))
            assert answer_on(connection).status == 200


@CLIENTS
@pytest.mark.parametrize("framing", ["content-length: 90000", "transfer-encoding: chunked"])
@pytest.mark.parametrize("key", ["x-api-key: sk-nobody-s-0123456789", "accept: */*"])
def test_a_body_is_not_waited_for_without_a_key(
    gateway: GatewayProcess, client_api: Api, framing: str, key: str
) -> None:
    assert refused(gateway, client_api, head(PATHS[client_api], key, framing))[0] == 401


@CLIENTS
@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([f"x-{number}: 1" for number in range(10_000)], 431),
        ([f"x-{number}: 1" for number in range(101)], 431),
        (["x: " + "1" * 33_000], 431),
        (["x: " + "1" * 1_000_000], 431),
        (["x: a\x01"], 400),
        (["no header"], 400),
        (["transfer-encoding: magic"], 501),
        (["expect: magic"], 417),
    ],
    ids=["10000", "101", "33 KB", "1 MB", "control", "no header", "transfer coding", "expect"],
)
def test_heads_that_cannot_be(
    gateway: GatewayProcess, client_api: Api, lines: list[str], status: int
) -> None:
    with connected(gateway.port) as connection:
        with suppress(ConnectionError):
            connection.sendall(head(PATHS[client_api], OURS, *lines))
        told = answer_on(connection)
        assert told.status == status
        check_error_body(client_api, told.body)


def test_a_first_line_that_has_no_end(gateway: GatewayProcess) -> None:
    assert refused(gateway, "chat_completions", b"POST /" + b"x" * 9000)[0] == 414


def test_chunks_that_are_none(gateway: GatewayProcess) -> None:
    request = head(CHAT, OURS, "transfer-encoding: chunked") + b"magic\r\n"
    assert refused(gateway, "chat_completions", request)[0] == 400


def test_agents_long_heads_are_served(gateway: GatewayProcess) -> None:
    body = b'{"model": "chat_completions-model", "messages": [{"role": "user", "content": "x"}]}'
    long = "x-codex-turn-metadata: " + "1" * 30_000
    with connected(gateway.port) as connection:
        connection.sendall(plain(CHAT, body, OURS, long))
        assert answer_on(connection).status == 200


@pytest.mark.parametrize("size", [1_100, 100_000, 16_000_000])
@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_no_depth_ends_the_worker(
    upstream: Upstream, gateway_factory: GatewayFactory, size: int, opening: bytes
) -> None:
    given = gateway_config(upstream, {"id": "a", "key": KEY})
    gateway = gateway_factory(given)
    workers = gateway.children
    deep = opening * (size // len(opening))
    body = b'{"model": "chat_completions-model", "messages": ' + deep
    with connected(gateway.port) as connection:
        connection.sendall(plain(CHAT, body, OURS))
        told = answer_on(connection)
        assert told.status == 400
        check_error_body("chat_completions", told.body)
    assert gateway.children == workers


def test_a_client_gets_to_read_why_though_it_still_sends(gateway: GatewayProcess) -> None:
    """As libraries do that send all of a request before they read."""
    with connected(gateway.port) as connection:
        connection.sendall(head(CHAT, OURS, "content-length: 5000000"))
        with suppress(ConnectionError):
            for _ in range(50):
                connection.sendall(b" " * 100_000)
        assert begun_on(connection).status == 413


@pytest.mark.parametrize("path", [CHAT, "/v1/nowhere"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_so_does_one_whose_connection_ends_with_its_request(
    gateway: GatewayProcess, path: str, version: str
) -> None:
    """As nginx asks, unless it is told otherwise. A reset while it still sends would be a 502 there."""
    lines = OURS, "connection: close", "content-length: 5000000"
    with connected(gateway.port) as connection:
        connection.sendall(head(path, *lines).replace(b"HTTP/1.1", f"HTTP/{version}".encode()))
        for _ in range(50):
            connection.sendall(b" " * 100_000)
        assert answer_on(connection).status == (413 if path == CHAT else 404)
        assert connection.recv(1) == b""


def test_many_slow_clients_keep_nobody_waiting(gateway: GatewayProcess) -> None:
    body = b'{"model": "chat_completions-model", "messages": [{"role": "user", "content": "x"}]}'
    with ExitStack() as stack:
        for _ in range(100):
            slow = stack.enter_context(connected(gateway.port))
            slow.sendall(head(CHAT, OURS, "content-length: 1000")[:40])
        connection = stack.enter_context(connected(gateway.port))
        connection.sendall(plain(CHAT, body, OURS))
        assert answer_on(connection).status == 200
