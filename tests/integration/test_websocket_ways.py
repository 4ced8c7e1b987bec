"""Who may open a WebSocket, and through what: without the fast lane, in somebody else's application and server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from flask import Flask
from support import planted
from support.agents import find_agent, run_codex
from support.gateway import GatewayProcess, config, free_port, is_healthy, provider
from support.pairs import UPSTREAMS, model_of, reply_to
from support.served import Served
from support.sockets import PATIENCE, ask, create, error_of, events_of, opened, text_of
from support.streams import STREAMED, Answer, Api, ToolCall, frames_of
from support.upstream import Upstream, sse_reply
from websockets.exceptions import InvalidStatus
from werkzeug.serving import make_server

from wsgi_gateway import create_blueprint, load_config

MODEL = "messages-model"
APPLICATION = """
from flask import Flask
from wsgi_gateway import create_blueprint
app = Flask("foreign")
app.register_blueprint(create_blueprint("config.yaml"), url_prefix="/llm")
"""


@pytest.fixture(autouse=True)
def _answers(upstream: Upstream) -> None:
    upstream.script(lambda request: reply_to(request, "messages", Answer("Hi.")))


def refusal(base_url: str, **options: object) -> tuple[int, str]:
    """The HTTP status with which a WebSocket is refused, and the message."""
    with pytest.raises(InvalidStatus) as refused, opened(base_url, **options):
        pass
    response = refused.value.response
    assert response.headers["content-type"] == "application/json"
    return response.status_code, json.loads(response.body)["error"]["message"]


@contextmanager
def flask_server(upstream: Upstream, *, threaded: bool) -> Iterator[str]:
    """Werkzeug's own server with the gateway under /llm."""
    app = Flask("foreign")
    loaded = load_config(config(provider(upstream.base_url, "messages")))
    app.register_blueprint(create_blueprint(loaded), url_prefix="/llm")
    with Served(make_server("127.0.0.1", 0, app, threaded=threaded)) as server:
        yield f"http://127.0.0.1:{server.port}/llm"


@contextmanager
def gunicorn(folder: Path, upstream: Upstream, *options: str) -> Iterator[str]:
    """gunicorn as others start it, with an application of their own."""
    (folder / "foreign.py").write_text(APPLICATION)
    written = json.dumps(config(provider(upstream.base_url, "messages")))
    (folder / "config.yaml").write_text(written)
    port = free_port()
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-m", "gunicorn", "-b", f"127.0.0.1:{port}", *options]
    with (folder / "output.txt").open("wb") as output:
        server = subprocess.Popen(
            [*command, "foreign:app"],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": root},
            stdout=output,
            stderr=output,
        )
    base_url = f"http://127.0.0.1:{port}/llm"
    try:
        while not is_healthy(base_url):
            with pytest.raises(subprocess.TimeoutExpired):
                server.wait(0.05)  # it must not end
        yield base_url
        server.terminate()
        assert server.wait(PATIENCE) == 0
        assert "Traceback" not in (folder / "output.txt").read_text()
    finally:
        server.kill()
        server.wait()
        planted.search("gunicorn's output", (folder / "output.txt").read_bytes())


def two_turns(base_url: str, upstream: Upstream) -> None:
    with opened(base_url) as socket:
        first = ask(socket, create(MODEL, "alpha", store=False))
        id_ = first["response"]["id"]
        second = ask(socket, create(MODEL, "beta", store=False, previous_response_id=id_))
        assert (text_of(first), text_of(second)) == ("Hi.", "Hi.")
        assert b"alpha" in upstream.last.body
        assert error_of(ask(socket, "{"))["code"] == "invalid_json"


@pytest.mark.parametrize("lane", ["on", "off"])
def test_the_gateways_own_server(upstream: Upstream, lane: str) -> None:
    environ = {"WSGI_GATEWAY_FAST_LANE": lane}
    given = config(provider(upstream.base_url, "messages"))
    with GatewayProcess(given, environ=environ) as process:
        two_turns(process.base_url, upstream)
        # Other requests on a connection of its own, before and after.
        assert httpx2.get(f"{process.base_url}/healthz").status_code == 200
        process.drain()
        assert process.wait(PATIENCE) == 0
        assert "Traceback" not in process.output


@pytest.mark.parametrize("options", [("-k", "gevent"), ("-k", "gthread", "--threads", "4")])
def test_gunicorn_with_another_application(
    upstream: Upstream, tmp_path: Path, options: tuple[str, ...]
) -> None:
    with gunicorn(tmp_path, upstream, *options) as base_url:
        two_turns(base_url, upstream)
        two_turns(base_url, upstream)


def test_gunicorn_that_serves_one_request_at_a_time(upstream: Upstream, tmp_path: Path) -> None:
    with gunicorn(tmp_path, upstream, "-k", "sync") as base_url:
        status, message = refusal(base_url)
        assert (status, "gevent" in message) == (501, True)


def test_werkzeugs_server(upstream: Upstream) -> None:
    with flask_server(upstream, threaded=True) as base_url:
        two_turns(base_url, upstream)
        frames = frames_of(STREAMED["messages"](Answer("one two")))
        go_on = threading.Event()
        upstream.script(sse_reply([frames[0], go_on, *frames[1:]]))
        with opened(base_url) as socket:
            socket.send(create(MODEL))
            events = events_of(socket)
            assert next(events)["type"] == "response.created"
            assert socket.ping().wait(PATIENCE), "nobody reads while a turn runs"
            go_on.set()
            assert text_of(list(events)[-1]) == "one two"
    with flask_server(upstream, threaded=False) as base_url:
        assert refusal(base_url)[0] == 501


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://evil.example", 403),
        ("null", 403),
        ("http://127.0.0.1:1", 403),
        ("http://[", 403),
    ],
)
def test_pages_of_other_sites(gateway: GatewayProcess, origin: str, status: int) -> None:
    """A browser would let them open a WebSocket to a gateway on this machine, and read its answers."""
    assert refusal(gateway.base_url, origin=origin)[0] == status


def test_a_page_of_the_same_site(gateway: GatewayProcess) -> None:
    with opened(gateway.base_url, origin=gateway.base_url) as socket:
        assert text_of(ask(socket, create(MODEL))) == "Hi."


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_requests_that_ask_for_no_websocket(gateway: GatewayProcess, method: str) -> None:
    answer = httpx2.request(method, f"{gateway.base_url}/v1/responses")
    assert answer.status_code == 426
    assert answer.headers["upgrade"] == "websocket"
    if method == "GET":
        assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-websocket-version": "12"}, 400),
        ({"sec-websocket-key": "short"}, 400),
        ({"sec-websocket-key": ""}, 400),
    ],
)
def test_handshakes_that_are_wrong(
    gateway: GatewayProcess, headers: dict[str, str], status: int
) -> None:
    right = {
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    answer = httpx2.get(f"{gateway.base_url}/v1/responses", headers=right | headers)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_no_websocket_at_all(upstream: Upstream) -> None:
    given = config(provider(upstream.base_url, "messages"))
    with GatewayProcess(given, environ={"WSGI_GATEWAY_WEBSOCKETS": "0"}) as process:
        assert refusal(process.base_url)[0] == 501


@pytest.mark.clients
@UPSTREAMS
def test_codex(
    gateway: GatewayProcess, upstream: Upstream, upstream_api: Api, tmp_path: Path
) -> None:
    """It prepares its first turn without output, and goes on from each turn by its id alone."""
    program = find_agent("codex")
    if program is None:
        pytest.skip("codex is not installed: make clients")
    command = json.dumps({"cmd": "echo written > out.txt"})
    answers = [
        Answer("I write.", tool_calls=(ToolCall("call_1", "exec_command", command),), id="1"),
        Answer("Done.", id="2"),
    ]
    upstream.script(lambda request: reply_to(request, upstream_api, answers.pop(0)))

    run = run_codex(
        program, tmp_path, gateway.base_url, model_of(upstream_api), "Write.", websocket=True
    )

    assert (run.code, run.out.strip()) == (0, "Done."), run.err
    assert 'transport="responses_websocket"' in run.err
    assert (tmp_path / "out.txt").read_text() == "written\n"
    assert not answers
    asked = upstream.last.body
    assert b"Write." in asked and b"I write." in asked and b"call_1" in asked
