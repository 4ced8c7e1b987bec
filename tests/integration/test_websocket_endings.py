"""What ends a WebSocket: the client, its limits, a message that is too large, the end of the gateway itself."""

from __future__ import annotations

import json
import socket as sockets
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import openai
import pytest
from support.gateway import GatewayProcess, config, provider
from support.pairs import UPSTREAMS, model_of, reply_to
from support.sdk import client_of
from support.sockets import PATIENCE, ask, create, error_of, events_of, opened, text_of
from support.streams import STREAMED, Answer, Api, frames_of
from support.until import until
from support.upstream import Upstream, sse_reply
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

MODEL = "messages-model"
FRAMES = frames_of(STREAMED["messages"](Answer("one two")))


@contextmanager
def gateway_with(upstream: Upstream, **environ: str) -> Iterator[GatewayProcess]:
    given = config(provider(upstream.base_url, "messages"))
    with GatewayProcess(given, environ=environ) as process:
        yield process


@pytest.fixture(scope="module")
def impatient(session_upstream: Upstream) -> Iterator[GatewayProcess]:
    """It soon ends a connection on which nothing is asked."""
    with gateway_with(session_upstream, WSGI_GATEWAY_WEBSOCKET_IDLE="0.3") as process:
        yield process


@pytest.fixture(scope="module")
def lively(session_upstream: Upstream) -> Iterator[GatewayProcess]:
    """It takes two connections, and often asks whether their clients are there."""
    environ = {"WSGI_GATEWAY_WEBSOCKETS": "2", "WSGI_GATEWAY_KEEPALIVE": "0.1"}
    with gateway_with(session_upstream, **environ) as process:
        yield process


def close_of(socket: ClientConnection) -> tuple[int, str]:
    """Why the gateway ended the connection, once it has."""
    with pytest.raises(ConnectionClosed) as closed:
        socket.recv(PATIENCE)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason


@UPSTREAMS
@pytest.mark.parametrize("begun", [False, True], ids=["before", "within"])
@pytest.mark.parametrize("way", ["close", "break"])
def test_a_client_that_leaves_ends_the_upstreams_work(
    gateway: GatewayProcess, upstream: Upstream, upstream_api: Api, begun: bool, way: str
) -> None:
    frames = frames_of(STREAMED[upstream_api](Answer("one two")))
    reply = sse_reply(frames[: 2 if begun else 0])
    upstream.script(replace(reply, wait_for_peer_to_leave=True))
    with opened(gateway.base_url) as socket:
        socket.send(create(model_of(upstream_api)))
        if begun:
            assert next(events_of(socket))["type"] == "response.created"
        until(lambda: bool(upstream.requests))
        if way == "close":
            socket.close()
        else:
            socket.socket.shutdown(sockets.SHUT_RDWR)
        assert upstream.last.abandoned.wait(PATIENCE)


def test_a_message_that_is_too_large(gateway: GatewayProcess) -> None:
    with opened(gateway.base_url) as socket:
        head = b"\x81\xff" + struct.pack("!Q", 32 * 1024 * 1024 + 1) + b"mask"
        socket.socket.sendall(head)
        event = json.loads(socket.recv(PATIENCE))
        assert event["status"] == 413
        assert error_of(event)["code"] == "request_too_large"
        assert close_of(socket)[0] == 1009


def test_a_client_that_breaks_the_protocol(gateway: GatewayProcess) -> None:
    with opened(gateway.base_url) as socket:
        socket.socket.sendall(b"\x81\x01a")  # not masked
        assert close_of(socket)[0] == 1002


def test_too_many_messages_at_once(gateway: GatewayProcess, upstream: Upstream) -> None:
    upstream.script(sse_reply([FRAMES[0], threading.Event()]))
    with opened(gateway.base_url) as socket:
        socket.send(create(MODEL))
        assert next(events_of(socket))["type"] == "response.created"
        with pytest.raises(ConnectionClosed) as closed:
            for _ in range(100):
                socket.send(create(MODEL))
            while True:
                socket.recv(PATIENCE)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008


def test_a_connection_on_which_nothing_is_asked(
    impatient: GatewayProcess, upstream: Upstream
) -> None:
    """A turn may take longer than that."""
    go_on = threading.Event()
    upstream.script(sse_reply([FRAMES[0], go_on, *FRAMES[1:]]))
    with opened(impatient.base_url) as busy, opened(impatient.base_url) as idle:
        busy.send(create(MODEL))
        events = events_of(busy)
        assert next(events)["type"] == "response.created"
        assert close_of(idle) == (1001, "nothing was asked for too long")
        go_on.set()
        assert text_of(list(events)[-1]) == "one two"
        assert close_of(busy)[0] == 1001


def test_more_sockets_than_there_may_be(lively: GatewayProcess, upstream: Upstream) -> None:
    upstream.script(lambda request: reply_to(request, "messages", Answer("Hi.")))
    with opened(lively.base_url) as first, opened(lively.base_url):
        with pytest.raises(InvalidStatus) as refused:
            opened(lively.base_url).__enter__()
        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["retry-after"] == "1"
        assert json.loads(refused.value.response.body)["error"]["message"]
        assert text_of(ask(first, create(MODEL))) == "Hi."

    def is_open_again() -> bool:
        try:
            with opened(lively.base_url) as socket:
                return text_of(ask(socket, create(MODEL))) == "Hi."
        except InvalidStatus:
            return False

    until(is_open_again)


def test_a_silent_upstream_does_not_make_a_silent_socket(
    lively: GatewayProcess, upstream: Upstream
) -> None:
    go_on = threading.Event()
    upstream.script(sse_reply([FRAMES[0], go_on, *FRAMES[1:]]))
    pinged = threading.Event()

    class Watching(ClientConnection):
        def recv_events(self) -> None:
            received = self.protocol.receive_data

            def receive_data(data: bytes) -> None:
                if b"\x89\x00" in data:
                    pinged.set()
                received(data)

            self.protocol.receive_data = receive_data  # type: ignore[method-assign]
            super().recv_events()

    with opened(lively.base_url, create_connection=Watching) as socket:
        assert pinged.wait(PATIENCE), "between turns"
        socket.send(create(MODEL))
        events = events_of(socket)
        assert next(events)["type"] == "response.created"
        pinged.clear()
        assert pinged.wait(PATIENCE), "while a turn waits"
        go_on.set()
        assert text_of(list(events)[-1]) == "one two"


def test_the_end_of_the_gateway(upstream: Upstream) -> None:
    """A running turn comes to its end; then, and where none runs, the client is told to go elsewhere."""
    go_on = threading.Event()
    upstream.script(sse_reply([FRAMES[0], go_on, *FRAMES[1:]]))
    with gateway_with(upstream) as process:
        with opened(process.base_url) as busy, opened(process.base_url) as idle:
            busy.send(create(MODEL))
            events = events_of(busy)
            assert next(events)["type"] == "response.created"
            process.drain()
            assert close_of(idle) == (1001, "the gateway is stopping")
            go_on.set()
            assert text_of(list(events)[-1]) == "one two"
            assert close_of(busy) == (1001, "the gateway is stopping")
        assert process.wait(PATIENCE) == 0
        assert "Traceback" not in process.output


def test_the_sdk_connects_again(impatient: GatewayProcess, upstream: Upstream) -> None:
    """After a close that is nobody's fault, and what it was given to send meanwhile is sent then."""
    upstream.script(lambda request: reply_to(request, "messages", Answer("Hi.")))
    codes: list[int] = []

    def again(event: openai.types.websocket_reconnection.ReconnectingEvent) -> None:
        codes.append(event.close_code)
        connection.response.create(model=MODEL, input="Again")

    sdk = client_of(impatient).responses
    with sdk.connect(on_reconnecting=again, initial_delay=0.01) as connection:
        connection.response.create(model=MODEL, input="Hello")
        ends = (event for event in connection if event.type == "response.completed")
        for _ in range(2):
            assert next(ends).response.output_text == "Hi."
    assert codes == [1001]
