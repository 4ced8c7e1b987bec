"""Requests of every form on one connection: those that the fast lane takes, and those that gunicorn and Flask read.

The client is a raw socket, as no HTTP library would send all of this.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator

import pytest
from support.asks import WRITERS, Ask, user
from support.gateway import GatewayProcess
from support.pairs import reply_to
from support.raw_http import answer_on, chunked, connected, head, plain
from support.streams import Answer
from support.upstream import Upstream

PATH = "/v1/chat/completions"
BODY = json.dumps(
    {"model": "chat_completions-model", **WRITERS["chat_completions"](Ask((user("Hi"),)))}
).encode()
PLAIN = plain(PATH, BODY, "content-type: application/json")
HEALTH = head("/healthz", method="GET")


@pytest.fixture
def connection(gateway: GatewayProcess, upstream: Upstream) -> Iterator[socket.socket]:
    upstream.script(lambda request: reply_to(request, "chat_completions", Answer("Hi.")))
    with connected(gateway.port) as connection:
        yield connection


def test_all_forms_on_one_connection(connection: socket.socket) -> None:
    forms = {
        "plain": PLAIN,
        "chunked": chunked(PATH, BODY),
        "another path": HEALTH,
        "a query": plain(f"{PATH}?a=1&a=2", BODY),
        "expect": plain(PATH, BODY, "expect: 100-continue"),
        "plain again": PLAIN,
    }
    for form, request in forms.items():
        connection.sendall(request)
        told = answer_on(connection)
        assert told.status == 200, form
        assert form == "another path" or b"Hi." in told.body, form


def test_requests_that_come_together_are_answered_in_order(connection: socket.socket) -> None:
    connection.sendall(PLAIN + HEALTH + PLAIN)
    bodies = [answer_on(connection).body for _ in range(3)]
    assert [b"Hi." in body for body in bodies] == [True, False, True]


def test_a_request_that_comes_byte_by_byte(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in PLAIN:
        connection.sendall(bytes([byte]))
    assert answer_on(connection).status == 200


def test_a_connection_is_closed_when_the_client_asks_for_it(connection: socket.socket) -> None:
    connection.sendall(plain(PATH, BODY, "connection: close"))
    assert answer_on(connection).headers["connection"] == "close"
    assert connection.recv(1) == b""


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["content-length: 99999999999"], 413),
        (["content-length: x"], 400),
        (["content-length: 2", "content-length: 3"], 400),
        (["content-length: 2", "transfer-encoding: chunked"], 400),
        (["no header"], 400),
    ],
)
def test_flawed_requests_are_refused(
    connection: socket.socket, lines: list[str], status: int
) -> None:
    connection.sendall(head(PATH, *lines) + b"{}")
    assert answer_on(connection).status == status


@pytest.mark.parametrize("line", ["host: x", "Host: y", "content-type: text/plain"])
@pytest.mark.parametrize("form", [plain, chunked])
def test_what_may_stand_once_is_refused_where_it_stands_twice(
    connection: socket.socket, upstream: Upstream, form: Callable[..., bytes], line: str
) -> None:
    """RFC 9112, 3.2, for the host. Whoever stands before the gateway may have read the other one."""
    connection.sendall(form(PATH, BODY, "content-type: application/json", line))
    assert answer_on(connection).status == 400
    assert upstream.requests == []


def test_both_ways_say_the_same(connection: socket.socket) -> None:
    """The lane's answer and Flask's, but for what differs by request."""
    told = []
    for request in (PLAIN, chunked(PATH, BODY)):
        connection.sendall(request)
        answer = answer_on(connection)
        names = sorted(name.lower() for name in answer.headers)
        told.append((answer.status, names, answer.headers["content-type"], answer.body))
    assert told[0] == told[1]
