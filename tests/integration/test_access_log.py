"""The access log as an operator has it: files and standard output of the real server.

Here: what is in a line, and that each request has one. Not here: how lines are written (tests/telemetry).
"""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from support.asks import WRITERS, Ask, user
from support.gateway import PROVIDER_KEY, GatewayProcess, config, provider
from support.keyed import KEY, client_key, key_of
from support.pairs import APIS, PLAIN_AND_STREAM, asks_usage, model_of, reply_to
from support.raw_http import answer_bytes, plain
from support.sockets import ask, create, opened
from support.streams import STREAMED, Answer, Api, Json, Usage, frames_of
from support.until import until
from support.upstream import Reply, Request, Upstream, json_reply, sse_reply

from wsgi_gateway import create_app

PROMPT = "Tell me of the purple giraffe"
ASK = Ask((user(PROMPT),))
ANSWER = Answer("It is 40 feet tall", model="served-1", usage=Usage(40, 10, 0, 20, 0))
PATHS: dict[Api, str] = {
    "chat_completions": "/v1/chat/completions",
    "messages": "/v1/messages",
    "responses": "/v1/responses",
}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Log:
    """A gateway's log, which is read line by line."""

    def __init__(self, gateway: GatewayProcess, file: Path) -> None:
        self.gateway = gateway
        self.file = file
        self._at = 0

    def next(self) -> Json:
        """Waits for it."""
        until(lambda: self.file.read_bytes()[self._at :].count(b"\n") >= 1)
        line = self.file.read_bytes()[self._at :].split(b"\n")[0]
        self._at += len(line) + 1
        read: Json = json.loads(line)
        return read

    def post(
        self, api: Api, model: str, headers: dict[str, str] | None = None, **more: object
    ) -> httpx2.Response:
        body = {"model": model, **WRITERS[api](ASK), **more}
        headers = {"authorization": f"Bearer {key_of('logged')}", **(headers or {})}
        url = self.gateway.base_url + PATHS[api]
        return httpx2.post(url, json=body, headers=headers, timeout=30, verify=False)


@pytest.fixture(scope="module")
def _log(session_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    file = tmp_path_factory.mktemp("log") / "access.log"
    url = session_upstream.base_url
    entries = [provider(url, api) for api in APIS]
    entries.append(provider(url + "/down", "messages", name="down", model="scripted-down/spare"))
    group = [{"target": "down", "priority": 1}, {"target": "only-messages", "priority": 2}]
    source = config(
        *entries,
        model_aliases={"steady": {"deployments": group}},
        access={"keys": [client_key("logged"), client_key("limited", requests="1/h")]},
        access_log={"path": str(file)},
    )
    source["retries"] = {"max_retries": 1}
    with GatewayProcess(source) as gateway:
        yield Log(gateway, file)


@pytest.fixture
def log(_log: Log, upstream: Upstream) -> Log:
    assert upstream.requests == []
    return _log


@pytest.mark.parametrize("client_api", APIS)
@PLAIN_AND_STREAM
def test_a_line_says_who_asked_whom_and_what_came_of_it(
    log: Log, upstream: Upstream, client_api: Api, stream: bool
) -> None:
    upstream.script(lambda request: reply_to(request, "messages", ANSWER))
    more = {"stream": True, **asks_usage(client_api)} if stream else {}
    parent = f"00-{TRACE}-00f067aa0ba902b7-01"
    headers = {"traceparent": parent, "x-forwarded-for": "192.0.2.7"}
    answer = log.post(client_api, model_of("messages"), headers, **more)
    assert answer.status_code == 200
    line = log.next()
    assert re.fullmatch(r"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", line.pop("time"))
    assert line.pop("request_id") == answer.headers["x-gateway-request-id"]
    total, first = line.pop("duration_ms"), line.pop("first_event_ms")
    theirs, own = line.pop("upstream_ms"), line.pop("gateway_ms")
    assert total >= first > theirs > 0
    assert first == pytest.approx(theirs + own, abs=0.01)
    if client_api != "messages":
        assert line.pop("upstream_api") == "messages"
    line.pop("losses", None)
    assert line == {
        "api": client_api,
        "operation": "reply",
        "status": 200,
        "ending": "finished",
        "stream": stream,
        "model_asked": "messages-model",
        "provider": "only-messages",
        "model": "messages-model",
        "attempts": 1,
        "response_model": "served-1",
        "client_id": "logged",
        "client_address": "127.0.0.1",
        "forwarded_for": "192.0.2.7",
        "tokens": {"input": 40, "output": 20, "cache_read": 10, "reasoning": 0},
        "trace_id": TRACE,
    }


def test_attempts_that_failed_are_told_where_there_was_more_than_one(
    log: Log, upstream: Upstream
) -> None:
    def answer(request: Request) -> Reply:
        if request.path.startswith("/down"):
            return json_reply({"type": "error", "error": {"type": "api_error"}}, 500)
        return reply_to(request, "messages", ANSWER)

    upstream.script(answer)
    assert log.post("messages", "steady").status_code == 200
    line = log.next()
    assert (line["model_asked"], line["provider"], line["attempts"]) == (
        "steady",
        "only-messages",
        2,
    )
    first, second = line["tried"]
    assert first.pop("ms") > 0
    assert first == {
        "provider": "down",
        "model": "spare",
        "api": "messages",
        "status": 500,
        "failure": "server_error",
    }
    assert (second["provider"], second["status"], "failure" in second) == (
        "only-messages",
        200,
        False,
    )


def test_a_refusal_is_told_with_its_reason(log: Log, upstream: Upstream) -> None:
    upstream.script(lambda request: reply_to(request, "messages", ANSWER))
    bad = {"authorization": "Bearer sk-nobody-knows-this-key"}
    assert log.post("messages", model_of("messages"), bad).status_code == 401
    line = log.next()
    assert (line["status"], line["ending"], line["error"]) == (401, "refused", "authentication")
    assert "sk-nobody-knows" not in json.dumps(line)
    url = f"{log.gateway.base_url}/v1/responses/resp_1"
    assert httpx2.get(url, headers=bad, verify=False).status_code == 401
    line = log.next()
    assert (line["api"], line["operation"], line["status"]) == (
        "responses",
        "stored_response",
        401,
    )
    known = {"authorization": f"Bearer {key_of('logged')}"}
    for path, api in (("/v1/responses/resp_1", "responses"), ("/v1/none", "chat_completions")):
        answer = httpx2.get(log.gateway.base_url + path, headers=known, verify=False)
        line = log.next()
        assert (line["api"], line["status"], answer.status_code) == (api, 404, 404)
        assert line["client_id"] == "logged"
    limited = {"authorization": f"Bearer {key_of('limited')}"}
    for status in (200, 429):
        assert log.post("messages", model_of("messages"), limited).status_code == status
        line = log.next()
        assert (line["client_id"], line["status"]) == ("limited", status)
    assert (line["error"], line["limit"]) == ("rate_limit", "requests")


def test_what_an_upstream_refused(log: Log, upstream: Upstream) -> None:
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": PROVIDER_KEY}}
    upstream.script(json_reply(error, 400, {"request-id": "req_upstream"}))
    assert log.post("messages", model_of("messages")).status_code == 400
    line = log.next()
    assert (line["status"], line["ending"], line["error"]) == (400, "failed", "invalid_request")
    assert line["upstream_request_id"] == "req_upstream"
    assert PROVIDER_KEY not in json.dumps(line)


def test_no_value_ends_a_line_or_begins_another(log: Log, upstream: Upstream) -> None:
    upstream.script(lambda request: reply_to(request, "messages", ANSWER))
    name = 'x"}\r\n{"status": 200}\u2028\x1b[31m' + "y" * 5000
    headers = {"traceparent": 'x", "y', "x-forwarded-for": 'a"\\b' + "z" * 5000}
    assert log.post("messages", name, headers).status_code == 404
    line = log.next()
    assert line["model_asked"] == name[:199] + "…"
    assert line["forwarded_for"].startswith('a"\\bz')
    assert len(line["forwarded_for"]) == 200
    assert "trace_id" not in line
    assert log.post("messages", model_of("messages")).status_code == 200
    assert log.next()["status"] == 200


def test_a_client_that_leaves_a_stream(log: Log, upstream: Upstream) -> None:
    begun = sse_reply(frames_of(STREAMED["messages"](ANSWER))[:4])
    upstream.script(replace(begun, wait_for_peer_to_leave=True))
    body = {"model": model_of("messages"), **WRITERS["messages"](ASK), "stream": True}
    headers = {"authorization": f"Bearer {key_of('logged')}"}
    url = log.gateway.base_url + PATHS["messages"]
    with httpx2.stream("POST", url, json=body, headers=headers, verify=False) as answer:
        next(answer.iter_raw())
    upstream.last.abandoned.wait(20)
    line = log.next()
    assert (line["status"], line["stream"], line["ending"]) == (200, True, "client_gone")


def test_each_turn_on_a_web_socket_has_a_line(log: Log, upstream: Upstream) -> None:
    upstream.script(lambda request: reply_to(request, "messages", ANSWER))
    headers = {"authorization": f"Bearer {key_of('logged')}"}
    with opened(log.gateway.base_url, headers=headers) as connection:
        for _ in range(2):
            ask(connection, create(model_of("messages")))
    for _ in range(2):
        line = log.next()
        assert (line["websocket"], line["api"], line["ending"]) == (True, "responses", "finished")
        assert line["client_address"] == "127.0.0.1"


@pytest.mark.skipif(
    os.environ.get("WSGI_GATEWAY_FAST_LANE") == "off", reason="there is no lane to leave"
)
def test_the_fast_lane_stays_on(log: Log) -> None:
    """gunicorn writes names of headers with capitals, the lane without."""
    lines = f"authorization: {key_of('logged')}", "connection: close"
    told = answer_bytes(log.gateway.port, plain("/v1/messages", b"{}", *lines))
    assert told.startswith(b"HTTP/1.1 400 Bad Request\r\nserver: gunicorn\r\n")
    assert log.next()["status"] == 400


def test_nothing_of_what_was_said_and_no_key_is_in_it(log: Log, upstream: Upstream) -> None:
    upstream.script(lambda request: reply_to(request, "messages", ANSWER))
    log.post("messages", model_of("messages"), {"x-api-key": PROVIDER_KEY})
    log.next()
    told = log.file.read_text() + log.gateway.output
    for secret in (PROMPT, ANSWER.text, PROVIDER_KEY, key_of("logged"), key_of("limited"), KEY):
        assert secret not in told


def test_a_rotated_file_is_left_and_the_last_lines_are_written(
    session_upstream: Upstream, upstream: Upstream, tmp_path: Path
) -> None:
    upstream.script(lambda request: reply_to(request, "messages", ANSWER))
    file = tmp_path / "access.log"
    keys = {"keys": [client_key("logged")]}
    entry = provider(session_upstream.base_url, "messages")
    source = config(entry, access=keys, access_log={"path": str(file)})
    with GatewayProcess(source, workers=2) as gateway:
        until(lambda: len(gateway.children) == 2)
        log = Log(gateway, file)
        log.post("messages", model_of("messages"))
        until(lambda: file.read_text().count("\n") == 1)
        old = file.rename(tmp_path / "access.log.1")
        for worker in gateway.children:
            os.kill(worker, signal.SIGUSR1)  # As logrotate's scripts for gunicorn do.
        for _ in range(20):
            log.post("messages", model_of("messages"))
        gateway.drain()
        assert gateway.wait(20) == 0
    assert old.read_text().count("\n") == 1
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert len({line["request_id"] for line in lines}) == 20


def test_bodies_are_told_where_they_are_wanted_without_their_keys(
    session_upstream: Upstream, upstream: Upstream
) -> None:
    upstream.script(lambda request: reply_to(request, "chat_completions", ANSWER))
    entry = provider(session_upstream.base_url, "chat_completions")
    keys = {"keys": [client_key("logged")]}
    source = config(entry, access=keys, access_log={"bodies": True, "max_body": 2000})
    with GatewayProcess(source) as gateway:
        log = Log(gateway, gateway._output)
        model = model_of("chat_completions")
        told = f"{PROVIDER_KEY} and {key_of('logged')} and sk-live-0123456789abcdef"
        log.post("chat_completions", model, user=told)
        streamed = log.post("chat_completions", model, stream=True)
        log.post("messages", model, system="x" * 5000)
        until(lambda: gateway.output.count('"request_id"') == 3)
        assert PROVIDER_KEY not in gateway.output
        assert key_of("logged") not in gateway.output
        lines = [json.loads(each) for each in gateway.output.splitlines() if each[0] == "{"]
    asked, answered = json.loads(lines[0]["request_body"]), json.loads(lines[0]["response_body"])
    assert PROMPT in json.dumps(asked["messages"])
    assert asked["user"] == "**** and **** and ****"
    assert answered["choices"][0]["message"]["content"] == ANSWER.text
    assert lines[1]["response_body"] == streamed.text
    assert lines[1]["response_bytes"] == len(streamed.content)
    assert len(lines[2]["request_body"]) == 2000
    assert lines[2]["request_bytes"] > 5000


def test_a_host_application_s_server_logs_too(upstream: Upstream, tmp_path: Path) -> None:
    upstream.script(lambda request: reply_to(request, "messages", ANSWER))
    file = tmp_path / "access.log"
    entry = provider(upstream.base_url, "messages")
    client = create_app(config(entry, access_log={"path": str(file)})).test_client()
    body = {"model": model_of("messages"), **WRITERS["messages"](ASK)}
    answer = client.post("/v1/messages", json=body)
    answer.close()
    until(lambda: file.read_text().endswith("\n"))
    line = json.loads(file.read_text())
    assert line["request_id"] == answer.headers["x-gateway-request-id"]
    assert line["client_address"] == "127.0.0.1"
