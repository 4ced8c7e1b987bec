"""What every test may use: mock upstreams, canned replies, the gateway under test.

Here: mocks on pytest-httpserver that tests import by name (`from conftest import ...`) and the
fixtures of the whole run. Not here: the wire forms themselves (support/streams.py) and the scripted
upstream for harder cases (support/upstream.py).
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import trustme
from hypothesis import settings
from pytest_httpserver import HTTPServer
from pytest_httpserver.httpserver import HandlerType
from support.databases import Database, Postgres, RedisServer, fresh_postgres, program
from support.gateway import GatewayProcess, is_healthy
from support.planted import MOCK_KEYS, pytest_runtest_makereport, watch_clients  # noqa: F401 - a hook
from support.properties import USUAL
from support.streams import (
    Answer,
    Json,
    ToolCall,
    chat_completion,
    chat_stream,
    message,
    message_stream,
    response,
    response_stream,
)
from support.upstream import NO_SCRIPT, Upstream
from werkzeug.wrappers import Request, Response
from xdist.scheduler import LoadScopeScheduling

watch_clients()
settings.load_profile(USUAL)

MOCK_UPSTREAM_PORT = 51001
GATEWAY_PORT = 12000
MOCK_CONFIG = Path(__file__).parents[1] / "etc" / "config_mock_llm.yaml"

CHAT_MODEL = "gpt-5-mini-2025-08-07"
CLAUDE_MODEL = "claude-sonnet-4-20250514"


# --- canned replies


def make_openai_chat_response(
    content: str | None = "Hello from mock!",
    model: str = CHAT_MODEL,
    tool_calls: list[Json] | None = None,
) -> Json:
    """A chat completion; `tool_calls` in Chat's own form."""
    completion = chat_completion(Answer(content or "", model=model))
    if tool_calls:
        (choice,) = completion["choices"]
        choice["message"]["tool_calls"] = tool_calls
        choice["finish_reason"] = "tool_calls"
    return completion


def make_openai_chat_stream(
    content: str = "Hello from mock!", model: str = CHAT_MODEL, usage: bool = False
) -> str:
    """A streamed chat completion, one chunk per word; `usage` adds the chunk that include_usage
    asks for.
    """
    return chat_stream(Answer(content, model=model), usage=usage)


def make_openai_tool_call_stream(
    model: str = CHAT_MODEL,
    tool_name: str = "echo_tool",
    tool_args: str = '{"text":"hello"}',
) -> str:
    """A streamed chat completion that calls one tool, with id call_mock_123."""
    call = ToolCall("call_mock_123", tool_name, tool_args)
    return chat_stream(Answer(tool_calls=(call,), model=model), usage=False)


def make_anthropic_response(content: str = "Hello from mock!", model: str = CLAUDE_MODEL) -> Json:
    """A message."""
    return message(Answer(content, model=model))


def make_anthropic_stream(content: str = "Hello from mock!", model: str = CLAUDE_MODEL) -> str:
    """A streamed message, one delta per word."""
    return message_stream(Answer(content, model=model))


def make_anthropic_thinking_stream(
    content: str = "The answer is 4.",
    thinking: str = "Two and two make four.",
    model: str = CLAUDE_MODEL,
) -> str:
    """A streamed message with a thinking block before its text."""
    return message_stream(Answer(content, thinking, model=model))


def make_responses_api_response(
    content: str = "Hello from mock!", model: str = CHAT_MODEL, response_id: str = "resp_mock_1"
) -> Json:
    """A response."""
    return response(_response_answer(content, model, response_id))


def make_responses_api_stream(
    content: str = "Hello from mock!", model: str = CHAT_MODEL, response_id: str = "resp_mock_1"
) -> str:
    """A streamed response, one text delta per word."""
    return response_stream(_response_answer(content, model, response_id))


def _response_answer(content: str, model: str, response_id: str) -> Answer:
    return Answer(content, model=model, id=response_id.removeprefix("resp_"))


# --- mock endpoints


def _serve(
    httpserver: HTTPServer,
    path: str,
    plain: Callable[[Json], Json],
    streamed: Callable[[Json], str],
) -> list[Json]:
    """Answers POSTs to a path as their body's `stream` says; returns the list their bodies are put
    into.
    """
    captured: list[Json] = []

    def handler(request: Request) -> Response:
        body: Json = json.loads(request.data)
        captured.append(body)
        if body.get("stream"):
            return Response(streamed(body), content_type="text/event-stream")
        return Response(json.dumps(plain(body)), content_type="application/json")

    expected = httpserver.expect_request(path, method="POST", handler_type=HandlerType.PERMANENT)
    expected.respond_with_handler(handler)
    return captured


def setup_openai_chat_mock(
    httpserver: HTTPServer,
    content: str = "Hello from mock!",
    tool_calls: list[Json] | None = None,
) -> list[Json]:
    """A Chat Completions upstream; returns the list of captured request bodies."""

    def plain(body: Json) -> Json:
        return make_openai_chat_response(content, body.get("model", CHAT_MODEL), tool_calls)

    def streamed(body: Json) -> str:
        calls = tuple(
            ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])
            for call in tool_calls or []
        )
        answer = Answer(content or "", tool_calls=calls, model=body.get("model", CHAT_MODEL))
        usage = (body.get("stream_options") or {}).get("include_usage", False)
        return chat_stream(answer, usage=usage)

    return _serve(httpserver, "/v1/chat/completions", plain, streamed)


def setup_anthropic_mock(
    httpserver: HTTPServer, content: str = "Hello from mock!", thinking: bool = False
) -> list[Json]:
    """A Messages upstream; returns the list of captured request bodies."""
    thought = "Let me think about it first." if thinking else ""

    def answer(body: Json) -> Answer:
        return Answer(content, thought, model=body.get("model", CLAUDE_MODEL))

    return _serve(
        httpserver,
        "/v1/messages",
        lambda body: message(answer(body)),
        lambda body: message_stream(answer(body)),
    )


def setup_responses_api_mock(
    httpserver: HTTPServer, content: str = "Hello from mock!"
) -> list[Json]:
    """A Responses upstream; returns the list of captured request bodies."""
    return _serve(
        httpserver,
        "/v1/responses",
        lambda body: make_responses_api_response(content, body.get("model", CHAT_MODEL)),
        lambda body: make_responses_api_stream(content, body.get("model", CHAT_MODEL)),
    )


def setup_error_mock(
    httpserver: HTTPServer,
    path: str = "/v1/chat/completions",
    status: int = 400,
    body: Any = None,
) -> None:
    """An upstream that answers a path with an error."""
    if body is None:
        details = {"message": "Mock error", "type": "invalid_request_error"}
        body = {"error": {**details, "param": None, "code": None}}
    expected = httpserver.expect_request(path, method="POST", handler_type=HandlerType.PERMANENT)
    expected.respond_with_json(body, status=status)


# --- two processes

# The two fixed ports are for one test at a time.
_WITH_FIXED_PORTS = (
    "tests/integration/test_blueprint.py",
    "tests/integration/test_streaming.py",
    "tests/upstream/test_transport.py",
)


class _ByFile(LoadScopeScheduling):
    """A file's tests share its fixtures, so they stay together; so do those with the fixed ports."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "fixed ports" if file in _WITH_FIXED_PORTS else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return _ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fixed ports first: later some connection might have one of them for its own end."""
    items.sort(key=lambda item: not item.nodeid.startswith(_WITH_FIXED_PORTS))


# --- fixtures


@pytest.fixture(scope="session", autouse=True)
def _clients_trust_nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """All that clients ask is on this machine, and to load the usual authorities takes each of thousands 20 ms."""
    if "LLM_GATEWAY_BASE" in os.environ:
        yield  # a gateway that is somewhere else
        return
    nobody = tmp_path_factory.mktemp("authorities") / "nobody.pem"
    trustme.CA().cert_pem.write_to_path(str(nobody))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(nobody))
        yield


@pytest.fixture(scope="session")
def httpserver_listen_address() -> tuple[str, int]:
    """Where pytest-httpserver listens: on all interfaces, so that a gateway in a container reaches
    it.
    """
    return "0.0.0.0", MOCK_UPSTREAM_PORT


@pytest.fixture(scope="session")
def running_gateway() -> Iterator[str]:
    """Base URL of a gateway with the mock config: the one LLM_GATEWAY_BASE names, the one already
    there, or ours.
    """
    named = os.environ.get("LLM_GATEWAY_BASE")
    local = f"http://localhost:{GATEWAY_PORT}"
    if named or is_healthy(local):
        yield named or local
        return
    with GatewayProcess(MOCK_CONFIG, port=GATEWAY_PORT, environ=MOCK_KEYS):
        yield local


@pytest.fixture(autouse=True)
def _gateway_behind_mock_upstreams(request: pytest.FixtureRequest) -> None:
    """Starts that gateway for the tests that set up mock upstreams, and only for them."""
    if "httpserver" in request.fixturenames:
        assert request.node.nodeid.startswith(_WITH_FIXED_PORTS), "name its file there"
        request.getfixturevalue("running_gateway")


GatewayFactory = Callable[[Json], GatewayProcess]


@pytest.fixture(scope="session")
def gateway_factory() -> Iterator[GatewayFactory]:
    """Starts a gateway for a config, or returns the one that already runs with the same config."""
    running: dict[str, GatewayProcess] = {}

    def start(config: Json) -> GatewayProcess:
        key = json.dumps(config, sort_keys=True)
        if key not in running:
            running[key] = GatewayProcess(config)
        return running[key]

    yield start
    for process in running.values():
        process.ask_to_stop()
    for process in running.values():
        process.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server; whoever kills it starts it again."""
    if program("initdb") is None:
        pytest.skip("postgresql is not installed")
    server = Postgres()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis server; whoever kills it starts it again."""
    if program("redis-server") is None:
        pytest.skip("redis-server is not installed")
    server = RedisServer()
    yield server
    server.stop()


@pytest.fixture
def server(kind: str, request: pytest.FixtureRequest) -> Iterator[Database]:
    """The server of that ``kind``, which the test may kill."""
    name = {"postgres": "postgres", "redis": "redis_server"}[kind]
    running: Database = request.getfixturevalue(name)
    yield running
    running.start()


@pytest.fixture
def storage(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Json]:
    """``state_storage`` of a config, for the ``kind`` that a test names."""
    match kind:
        case "sqlite":
            yield {"type": "sqlite", "path": str(tmp_path / "state.db")}
        case "postgres":
            server: Postgres = request.getfixturevalue("postgres")
            with fresh_postgres(server, f"test_{uuid.uuid4().hex}") as address:
                yield {"type": "postgres", "connection_string": address}
        case "redis":
            redis_server: RedisServer = request.getfixturevalue("redis_server")
            with redis.Redis.from_url(redis_server.url) as client:
                client.flushall()
            yield {"type": "redis", "url": redis_server.url}
        case _:
            yield {"type": "memory"}


@pytest.fixture(scope="session")
def session_upstream() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture
def upstream(session_upstream: Upstream) -> Iterator[Upstream]:
    """A scripted upstream without a script and without memories."""
    session_upstream.script(NO_SCRIPT)
    yield session_upstream
    assert not session_upstream.mistakes
