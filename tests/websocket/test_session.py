"""The turns of one WebSocket, without a server: what is answered, in which order, and when it ends."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.socket_pairs import pair
from support.sockets import PATIENCE, ask, create, events_of
from support.until import until
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from wsgi_gateway.exchange.call import Answer, Request
from wsgi_gateway.protocols import sse
from wsgi_gateway.state import ConnectionState, Store, Turn, told
from wsgi_gateway.state.connection import SharedBound
from wsgi_gateway.state.memory import MemoryBackend
from wsgi_gateway.websocket import session as session_module
from wsgi_gateway.websocket.connection import Connection
from wsgi_gateway.websocket.limits import SocketLimits
from wsgi_gateway.websocket.session import Session, headers_of

COMPLETED = sse.encode(b'{"type":"response.completed","response":{}}', "response.completed")


def completed(_request: Request) -> Answer:
    return Answer(200, {"x-gateway-provider": "p"}, [COMPLETED])


@contextmanager
def session(
    generate: Callable[[Request], Answer] = completed,
    limits: SocketLimits = SocketLimits(),  # noqa: B008 - it is frozen
    clock: Callable[[], float] | None = None,
) -> Iterator[tuple[ClientConnection, list[Session]]]:
    """The client of a session, and the session once it is there."""
    made: list[Session] = []

    def serve(connection: Connection) -> None:
        request = Request(body=b"", headers={"authorization": "Bearer k"})
        more = {} if clock is None else {"clock": clock}
        made.append(Session(connection, request, generate, generate, limits, **more))
        made[0].run()

    with pair(serve, message_size=1_000_000) as client:
        yield client, made


def close_of(client: ClientConnection) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as closed:
        client.recv(PATIENCE)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.text(max_size=20)
        | st.binary(max_size=20)
        | st.sampled_from(["[]", "{}", '{"type":"response.create","stream_id":[]}', "[" * 50_000]),
        max_size=8,
    )
)
def test_each_garbage_message_gets_an_error(messages: list[str | bytes]) -> None:
    with session() as (client, _):
        for message in messages:
            client.send(message)
        client.send(create("m", stream_id="last"))
        for _ in messages:
            event = json.loads(client.recv(PATIENCE))
            assert (event["type"], event["status"]) == ("error", 400)
        (event,) = events_of(client)
        assert (event["type"], event["stream_id"]) == ("response.completed", "last")


def test_a_turn_is_asked_as_over_http() -> None:
    asked: list[Request] = []

    def generate(request: Request) -> Answer:
        asked.append(request)
        return completed(request)

    with session(generate) as (client, _):
        ask(client, create("m", "one"))
        ask(client, create("m", "two"))
    assert [json.loads(request.body) for request in asked] == [
        {"model": "m", "input": "one", "stream": True},
        {"model": "m", "input": "two", "stream": True},
    ]
    assert asked[0].headers == {"authorization": "Bearer k"}
    assert asked[0].connection is asked[1].connection is not None


def test_one_turn_at_a_time() -> None:
    running = threading.Semaphore(1)

    def generate(_request: Request) -> Answer:
        assert running.acquire(blocking=False), "another one runs"

        def stream() -> Iterator[bytes]:
            yield COMPLETED
            running.release()

        return Answer(200, {}, stream())

    with session(generate) as (client, _):
        for number in range(10):
            client.send(create("m", stream_id=str(number)))
        told = [json.loads(client.recv(PATIENCE))["stream_id"] for _ in range(10)]
    assert told == [str(number) for number in range(10)]


@pytest.mark.parametrize("error", [RuntimeError("a bug"), RecursionError()])
def test_a_stream_that_fails_inside(error: Exception) -> None:
    closed = threading.Event()

    class Stream:
        def __iter__(self) -> Iterator[bytes]:
            raise error

        def close(self) -> None:
            closed.set()

    with session(lambda _: Answer(200, {}, Stream())) as (client, _):
        event = ask(client, create("m"))
        assert (event["type"], event["status"]) == ("error", 500)
        assert "bug" not in json.dumps(event)
        assert closed.is_set()
        assert ask(client, create("m"))["type"] == "error"


def test_a_client_that_leaves_closes_the_stream() -> None:
    closed, begun = threading.Event(), threading.Event()

    class Stream:
        def __iter__(self) -> Iterator[bytes]:
            while True:
                begun.set()
                yield sse.encode(b'{"type":"response.in_progress"}')

        def close(self) -> None:
            closed.set()

    with session(lambda _: Answer(200, {}, Stream())) as (client, _):
        client.send(create("m"))
        assert begun.wait(PATIENCE)
        client.socket.close()
    assert closed.is_set()


def test_draining() -> None:
    """The running turn ends; what waits behind it is not begun."""
    begun, finish = threading.Event(), threading.Event()

    def generate(_request: Request) -> Answer:
        def stream() -> Iterator[bytes]:
            begun.set()
            assert finish.wait(PATIENCE)
            yield COMPLETED

        return Answer(200, {}, stream())

    with session(generate) as (client, made):
        client.send(create("m"))
        client.send(create("m"))
        assert begun.wait(PATIENCE)
        made[0].drain()
        made[0].drain()
        finish.set()
        assert json.loads(client.recv(PATIENCE))["type"] == "response.completed"
        assert close_of(client) == (1001, "the gateway is stopping")


def test_the_connections_longest_life() -> None:
    now = [0.0]

    def generate(request: Request) -> Answer:
        now[0] = 3601.0
        return completed(request)

    with session(generate, clock=lambda: now[0]) as (client, _):
        client.send(create("m"))
        with suppress(ConnectionClosed):  # it may be over already
            client.send(create("m"))
        assert json.loads(client.recv(PATIENCE))["type"] == "response.completed"
        event = json.loads(client.recv(PATIENCE))
        assert event["error"]["code"] == "websocket_connection_limit_reached"
        assert (event["type"], event["status"]) == ("error", 400)
        assert "60 minutes" in event["error"]["message"]
        assert close_of(client)[0] == 1001


def test_more_messages_than_may_wait() -> None:
    finish = threading.Event()

    def generate(request: Request) -> Answer:
        assert finish.wait(PATIENCE)
        return completed(request)

    with session(generate, SocketLimits(waiting=2)) as (client, _):
        for _ in range(4):
            client.send(create("m"))
        code, reason = close_of(client)
        finish.set()
    assert (code, reason) == (1008, "too many messages at once")


def test_what_is_true_of_one_request_only_is_not_true_of_all() -> None:
    given_headers: dict[str, Any] = {"idempotency-key": "a", "authorization": "b"}
    assert headers_of(given_headers) == {"authorization": "b"}


def test_what_a_connection_remembers_is_gone_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = SharedBound()
    monkeypatch.setattr(session_module, "ConnectionState", lambda: ConnectionState(shared=shared))
    store = Store(MemoryBackend(60, 100), "memory").within("")

    def keep(request: Request) -> Answer:
        assert request.connection is not None
        turn = Turn({"input": "Hi", "store": False}, request.connection.over(store))
        turn.keep(told({"id": "resp_1", "status": "completed", "output": []}))
        return completed(request)

    with session(keep) as (client, _):
        ask(client, create("m"))
        assert shared.size > 0
    until(lambda: shared.size == 0)
