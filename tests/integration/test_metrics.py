"""The streams in flight as the real server tells them, with two workers, by the fast lane and by Flask.

A stopped worker (SIGSTOP) takes no connections, so a test chooses which one answers.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from support.asks import WRITERS, Ask, user
from support.dialects import Clients
from support.gateway import GatewayProcess, children, config, free_port, is_healthy, provider
from support.gunicorn import ROOT, environment
from support.pairs import model_of
from support.raw_http import connected, plain
from support.streams import STREAMED, Answer, Api, frames_of
from support.until import until
from support.upstream import Piece, Upstream, sse_reply

from wsgi_gateway import create_blueprint
from wsgi_gateway.exchange import gateway as exchange
from wsgi_gateway.telemetry import metrics
from wsgi_gateway.telemetry.in_flight import InFlight

ASK = Ask((user("Hi"),))


@pytest.fixture(scope="module", params=["on", "off"])
def gateway(request: pytest.FixtureRequest, session_upstream: Upstream) -> Iterator[GatewayProcess]:
    """Two workers, whose plainest requests pass Flask by or do not."""
    source = config(provider(session_upstream.base_url, "messages"))
    environ = {"WSGI_GATEWAY_FAST_LANE": request.param}
    with GatewayProcess(source, environ=environ, workers=2) as process:
        until(lambda: len(process.children) == 2)
        yield process


def told(process: GatewayProcess, metric: str = "streams") -> dict[str, float]:
    """By API, those that are not 0."""
    answer = httpx2.get(f"{process.base_url}/metrics", verify=False)
    assert answer.status_code == 200
    return samples(answer.text, metric)


def samples(text: str, metric: str) -> dict[str, float]:
    (family,) = (
        family
        for family in text_string_to_metric_families(text)
        if family.name == f"wsgi_gateway_{metric}_in_flight"
    )
    return {one.labels["api"]: one.value for one in family.samples if one.value}


def stalls(gate: threading.Event, before: int = 1) -> list[Piece]:
    """A stream that stands still before its second event, until it is told to go on."""
    frames = frames_of(STREAMED["messages"](Answer("Slow.")))
    return [*frames[:before], gate, *frames[before:]]


def open_stream(stack: ExitStack, clients: Clients, api: Api) -> httpx2.Response:
    """A stream whose head has come, and so its first event."""
    return stack.enter_context(clients.open(api, model_of("messages"), ASK))


def test_any_worker_tells_the_streams_of_all(gateway: GatewayProcess, upstream: Upstream) -> None:
    gate = threading.Event()
    upstream.script(sse_reply(stalls(gate)))
    clients = Clients(gateway.base_url)
    first, second = gateway.children
    with ExitStack() as stack:
        with gateway.only(first):
            streams = [open_stream(stack, clients, "messages") for _ in range(2)]
        with gateway.only(second):
            streams += [open_stream(stack, clients, "responses") for _ in range(3)]
        for worker in (first, second):
            with gateway.only(worker):
                assert told(gateway) == {"messages": 2, "responses": 3}
                assert told(gateway, "requests") == {"messages": 2, "responses": 3}
        gate.set()
        for stream in streams:
            assert b"Slow." in stream.read()
    until(lambda: told(gateway) == {})


def test_streams_of_a_killed_worker_vanish(gateway: GatewayProcess, upstream: Upstream) -> None:
    gate = threading.Event()
    upstream.script(sse_reply(stalls(gate)))
    clients = Clients(gateway.base_url)
    first, second = gateway.children
    with ExitStack() as stack:
        with gateway.only(first):
            open_stream(stack, clients, "messages")
        with gateway.only(second):
            stream = open_stream(stack, clients, "messages")
        assert told(gateway) == {"messages": 2}
        os.kill(first, signal.SIGKILL)
        until(lambda: told(gateway) == {"messages": 1})
        until(lambda: first not in gateway.children and len(gateway.children) == 2)
        with gateway.only(*{*gateway.children} - {second}):
            assert told(gateway) == {"messages": 1}, "a worker that came later sees the others too"
        gate.set()
        assert b"Slow." in stream.read()
    until(lambda: told(gateway) == {})


def test_requests_count_before_their_upstream_answers(
    gateway: GatewayProcess, upstream: Upstream
) -> None:
    """A plain request and one for a stream while the upstream thinks, until their clients leave."""
    gate = threading.Event()
    upstream.script(sse_reply(stalls(gate, before=0)))
    with ExitStack() as stack:
        stack.callback(gate.set)
        for stream in (False, True):
            asked = {"model": model_of("messages"), **WRITERS["messages"](ASK), "stream": stream}
            body = json.dumps(asked).encode()
            client = stack.enter_context(connected(gateway.port))
            client.sendall(plain("/v1/messages", body))
        until(lambda: told(gateway, "requests") == {"messages": 2})
        assert told(gateway) == {"messages": 1}
    until(lambda: told(gateway, "requests") == {})
    assert told(gateway) == {}


def test_streams_of_a_worker_that_is_replaced_are_still_told(upstream: Upstream) -> None:
    gate = threading.Event()
    upstream.script(sse_reply(stalls(gate)))
    with GatewayProcess(config(provider(upstream.base_url, "messages"))) as process:
        (old,) = process.children
        with ExitStack() as stack:
            stream = open_stream(stack, Clients(process.base_url), "messages")
            process.replace_worker()
            with process.only(*{*process.children} - {old}):
                assert told(process) == {"messages": 1}
            gate.set()
            assert b"Slow." in stream.read()
        until(lambda: process.children.count(old) == 0)
        assert told(process) == {}


def test_a_blueprint_tells_what_its_process_has(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = InFlight()  # other tests leave bodies of answers that they do not close
    for module in (exchange, metrics):
        monkeypatch.setattr(module, "IN_FLIGHT", own)
    gate = threading.Event()
    upstream.script(sse_reply(stalls(gate)))
    host = Flask("host")
    mounted = create_blueprint(config(provider(upstream.base_url, "messages")))
    host.register_blueprint(mounted, url_prefix="/llm")
    client = host.test_client()
    asked = {"model": model_of("messages"), **WRITERS["messages"](ASK), "stream": True}

    with client.post("/llm/v1/messages", json=asked) as answer:
        assert samples(client.get("/llm/metrics").text, "streams") == {"messages": 1}
        gate.set()
        assert b"Slow." in answer.data
    assert samples(client.get("/llm/metrics").text, "requests") == {}


HOST = """
from gevent import monkey

monkey.patch_all()

import os

from flask import Flask
from wsgi_gateway import create_blueprint

app = Flask("host")
app.register_blueprint(create_blueprint(os.environ["GATEWAY_CONFIG"]), url_prefix="/llm")
"""
SETTINGS = """
from wsgi_gateway.gunicorn_conf import child_exit, pre_fork

wsgi_app = "host:app"
worker_class = "gevent"
workers = 2
"""


def test_the_workers_of_ones_own_gunicorn_count_together(
    upstream: Upstream, tmp_path: Path
) -> None:
    """docs/scaling.md: with two lines of ours in its settings."""
    gate = threading.Event()
    upstream.script(sse_reply(stalls(gate)))
    (tmp_path / "config.json").write_text(
        json.dumps(config(provider(upstream.base_url, "messages")))
    )
    (tmp_path / "host.py").write_text(HOST)
    (tmp_path / "settings.py").write_text(SETTINGS)
    port = free_port()
    environ = environment(
        tmp_path, GATEWAY_CONFIG=str(tmp_path / "config.json"), PYTHONPATH=str(ROOT)
    )
    command = [sys.executable, "-m", "gunicorn", "-c", "settings.py", "-b", f"127.0.0.1:{port}"]
    base_url = f"http://127.0.0.1:{port}/llm"
    with subprocess.Popen(command, cwd=tmp_path, env=environ, stderr=subprocess.DEVNULL) as server:
        try:
            until(lambda: is_healthy(base_url) and len(children(server.pid)) == 2)
            with ExitStack() as stack:
                stack.callback(gate.set)
                for worker in children(server.pid):
                    os.kill(worker, signal.SIGSTOP)
                    try:
                        open_stream(stack, Clients(base_url), "messages")
                    finally:
                        os.kill(worker, signal.SIGCONT)
                figures = samples(httpx2.get(f"{base_url}/metrics").text, "streams")
                assert figures == {"messages": 2}
        finally:
            server.kill()
