"""SIGTERM: readiness turns red, what comes is served for a while, what has begun may end, and what cannot is told so.

Here: the gateway as a process. Not here: several of them behind nginx (test_rolling_restart.py), WebSockets between
turns (test_websocket_endings.py), idle connections (tests/test_gunicorn_conf.py).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from support.answers import api_of
from support.asks import WRITERS, Ask, user
from support.dialects import Clients
from support.gateway import GatewayProcess, config, provider
from support.pairs import APIS, check_error_body, model_of, reply_to
from support.raw_http import answer_on, begun_on, connected, head, plain
from support.sdk import client_of
from support.sockets import create, events_of, opened
from support.streams import STREAMED, Answer, Api, Json, frames_of
from support.until import until
from support.upstream import Reply, Request, Upstream, sse_reply
from support.validators import check

from wsgi_gateway import create_app, load_config

ASK = Ask((user("Hi"),))
ANSWER = Answer("Still here, whatever comes.")
PAIRS: list[tuple[Api, Api]] = [(ours, theirs) for ours in APIS for theirs in APIS]
PATIENCE = 60.0


def source(upstream: Upstream, tmp_path: Path) -> Json:
    storage = {"type": "sqlite", "path": str(tmp_path / "state.db")}
    return config(*(provider(upstream.base_url, api) for api in APIS), state_storage=storage)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def held(gate: threading.Event, before: int = 1) -> Any:
    """A script: any API's stream that stands still before its second event until the gate opens.

    With nothing ``before`` that, plain requests stand still, too.
    """

    def reply(request: Request) -> Reply:
        if before and not request.json.get("stream"):
            return reply_to(request, api_of(request), ANSWER)
        frames = frames_of(STREAMED[api_of(request)](ANSWER))
        return sse_reply([*frames[:before], gate, *frames[before:]])

    return reply


def in_background(gateway: GatewayProcess) -> str:
    """The id of a response that an upstream works on."""
    made = client_of(gateway, "any").responses.create(
        model=model_of("messages"), input="Hi", background=True
    )
    return str(made.id)


def stored(given: Json, id_: str) -> Json:
    """The response as a gateway with the same storage finds it."""
    client = create_app(load_config(given, {})).test_client()
    told = client.get(f"/v1/responses/{id_}", headers={"authorization": "Bearer any"})
    body: Json = told.json
    return body


def status(gateway: GatewayProcess, path: str) -> int:
    """By a connection of its own."""
    return httpx2.get(gateway.base_url + path, verify=False, timeout=PATIENCE).status_code


def test_the_balancer_gets_time_to_notice(
    upstream: Upstream, tmp_path: Path, gate: threading.Event
) -> None:
    upstream.script(held(gate))
    environ = {"WSGI_GATEWAY_SHUTDOWN_DELAY": "600", "WSGI_GATEWAY_KEEPALIVE": "1"}
    given = source(upstream, tmp_path)
    with ExitStack() as stack, GatewayProcess(given, environ=environ, workers=2) as gateway:
        until(lambda: len(gateway.children) == 2)
        assert status(gateway, "/readyz") == 200
        clients = Clients(gateway.base_url)
        before = stack.enter_context(clients.open("messages", model_of("messages"), ASK))
        gateway.drain()
        until(lambda: status(gateway, "/readyz") == 503)
        for worker in gateway.children:
            with gateway.only(worker):
                assert (status(gateway, "/readyz"), status(gateway, "/healthz")) == (503, 200)
        until(lambda: says_close(clients))
        id_ = in_background(gateway)
        after = stack.enter_context(clients.open("responses", model_of("chat_completions"), ASK))
        assert after.status_code == 200
        gateway.drain()
        until(lambda: not _accepts(gateway))
        gate.set()
        assert check("messages", before.read()) == "finished"
        assert check("responses", after.read()) == "finished"
        assert gateway.wait(PATIENCE) == 0
        assert "Traceback" not in gateway.output
    made = stored(given, id_)
    assert made["status"] == "completed"
    assert made["output"][0]["content"][0]["text"] == ANSWER.text


def test_what_comes_on_a_connection_of_before_is_served(
    upstream: Upstream, tmp_path: Path, gate: threading.Event
) -> None:
    """Also when nobody listens any more: the client had been told that the connection stays."""
    upstream.script(held(gate))
    asked = {**WRITERS["messages"](ASK), "model": model_of("messages"), "stream": True}
    with ExitStack() as stack, GatewayProcess(source(upstream, tmp_path)) as gateway:
        connection = stack.enter_context(connected(gateway.port))
        connection.sendall(plain("/v1/messages", json.dumps(asked).encode()))
        stream = begun_on(connection)
        assert stream.headers["connection"] == "keep-alive"
        gateway.drain()
        until(lambda: not _accepts(gateway))
        connection.sendall(head("/v1/models", method="GET"))
        gate.set()
        assert check("messages", stream.read()) == "finished"
        models = answer_on(connection)
        assert (models.status, models.headers["connection"]) == (200, "close")


def says_close(clients: Clients) -> bool:
    """Whether a connection ends with its answer."""
    told = clients.raw("messages", model_of("messages"), ASK)
    assert told.status_code == 200
    return told.headers["connection"] == "close"


def _accepts(gateway: GatewayProcess) -> bool:
    try:
        status(gateway, "/healthz")
    except httpx2.TransportError:
        return False
    return True


def test_at_the_bound_clients_are_told_the_truth(
    upstream: Upstream, tmp_path: Path, gate: threading.Event
) -> None:
    """Streams of all pairs, requests without a reply yet, a WebSocket's turn, a response in the background."""
    upstream.script(held(gate))
    environ = {"GUNICORN_CMD_ARGS": "--graceful-timeout 4", "WSGI_GATEWAY_KEEPALIVE": "1"}
    given = source(upstream, tmp_path)
    with ExitStack() as stack, GatewayProcess(given, environ=environ) as gateway:
        clients = Clients(gateway.base_url)
        streams = [
            (ours, stack.enter_context(clients.open(ours, model_of(theirs), ASK)))
            for ours, theirs in PAIRS
        ]
        socket = stack.enter_context(opened(gateway.base_url))
        socket.send(create(model_of("messages")))
        events = events_of(socket)
        assert next(events)["type"] == "response.created"
        id_ = in_background(gateway)
        begun = len(PAIRS) + 2
        until(lambda: len(upstream.requests) == begun)
        upstream.answer = held(gate, before=0)
        pool = stack.enter_context(ThreadPoolExecutor(len(APIS)))
        waiting = [
            (api, pool.submit(Clients(gateway.base_url).raw, api, model_of("messages"), ASK))
            for api in APIS
        ]
        until(lambda: len(upstream.requests) == begun + len(APIS))
        gateway.drain()
        for api, stream in streams:
            assert check(api, stream.read()) == "failed"
        for api, plain in waiting:
            answer = plain.result()
            assert answer.status_code == (529 if api == "messages" else 503)
            assert answer.headers["retry-after"] == "1"
            assert "is stopping" in check_error_body(api, answer.content)["message"]
        assert list(events)[-1]["type"] in ("error", "response.failed")
        assert gateway.wait(PATIENCE) == 0
        assert "Traceback" not in gateway.output
    failed = stored(given, id_)
    assert failed["status"] == "failed"
    assert "is stopping" in failed["error"]["message"]
