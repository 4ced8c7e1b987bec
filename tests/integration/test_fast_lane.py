"""Requests of every form on one connection: those that the fast lane takes, and those that gunicorn and Flask read.

The client is a raw socket, as no HTTP library would send all of this.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator

import pytest
from support.asks import WRITERS, Ask, user
from support.gateway import GatewayProcess
from support.pairs import reply_to
from support.streams import Answer
from support.upstream import Upstream

PATH = "/v1/chat/completions"
BODY = json.dumps(
    {"model": "chat_completions-model", **WRITERS["chat_completions"](Ask((user("Hi"),)))}
).encode()
PLAIN = b"POST %b HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n" % PATH.encode()
LENGTH = b"content-length: %d\r\n" % len(BODY)


@pytest.fixture
def connection(gateway: GatewayProcess, upstream: Upstream) -> Iterator[socket.socket]:
    upstream.script(lambda request: reply_to(request, "chat_completions", Answer("Hi.")))
    with socket.create_connection(("127.0.0.1", gateway.port), 30) as connection:
        yield connection


def answer_on(connection: socket.socket) -> tuple[http.client.HTTPResponse, bytes]:
    """The next answer. Reads no byte of the one behind it."""
    response = http.client.HTTPResponse(connection)
    response.fp = connection.makefile("rb", buffering=0)  # type: ignore[assignment]
    response.begin()
    return response, response.read()


def test_all_forms_on_one_connection(connection: socket.socket) -> None:
    chunked = b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
    forms = {
        "plain": PLAIN + LENGTH + b"\r\n" + BODY,
        "chunked": PLAIN + chunked,
        "another path": b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n",
        "a query": PLAIN.replace(b" HTTP", b"?a=1&a=2 HTTP") + LENGTH + b"\r\n" + BODY,
        "expect": PLAIN + LENGTH + b"expect: 100-continue\r\n\r\n" + BODY,
        "plain again": PLAIN + LENGTH + b"\r\n" + BODY,
    }
    for form, request in forms.items():
        connection.sendall(request)
        response, body = answer_on(connection)
        assert response.status == 200, form
        assert form == "another path" or b"Hi." in body, form


def test_requests_that_come_together_are_answered_in_order(connection: socket.socket) -> None:
    request = PLAIN + LENGTH + b"\r\n" + BODY
    health = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
    connection.sendall(request + health + request)
    bodies = [answer_on(connection)[1] for _ in range(3)]
    assert [b"Hi." in body for body in bodies] == [True, False, True]


def test_a_request_that_comes_byte_by_byte(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in PLAIN + LENGTH + b"\r\n" + BODY:
        connection.sendall(bytes([byte]))
    assert answer_on(connection)[0].status == 200


def test_a_connection_is_closed_when_the_client_asks_for_it(connection: socket.socket) -> None:
    connection.sendall(PLAIN + LENGTH + b"connection: close\r\n\r\n" + BODY)
    response, _ = answer_on(connection)
    assert response.headers["connection"] == "close"
    assert connection.recv(1) == b""


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"content-length: 99999999999\r\n", 413),
        (b"content-length: x\r\n", 400),
        (b"content-length: 2\r\ncontent-length: 3\r\n", 400),
        (b"content-length: 2\r\ntransfer-encoding: chunked\r\n", 400),
        (b"no header\r\n", 400),
    ],
)
def test_flawed_requests_are_refused(connection: socket.socket, head: bytes, status: int) -> None:
    connection.sendall(PLAIN + head + b"\r\n{}")
    assert answer_on(connection)[0].status == status


def test_both_ways_say_the_same(connection: socket.socket) -> None:
    """The lane's answer and Flask's, but for what differs by request."""
    told = []
    for request in (
        PLAIN + LENGTH + b"\r\n" + BODY,
        PLAIN + b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY),
    ):
        connection.sendall(request)
        response, body = answer_on(connection)
        names = sorted(name.lower() for name in response.headers)
        told.append((response.status, names, response.headers["content-type"], body))
    assert told[0] == told[1]
