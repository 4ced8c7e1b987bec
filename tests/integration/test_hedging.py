"""A request that is late at one deployment and asked at another too: the first good event wins, the other is closed.

Here: upstreams that are silent until the test lets them go, through the real server. Not here: what is late
(tests/routing/test_hedging.py), and in which order attempts end (tests/exchange/test_race.py).
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from conftest import GatewayFactory
from support.answers import answering, api_of
from support.asks import WRITERS, Ask, user
from support.dialects import PATHS, Clients
from support.gateway import GatewayProcess, config, provider
from support.keyed import ANSWER as COUNTED
from support.keyed import USED, client_key, key_of
from support.pairs import APIS, CLIENTS, PLAIN_AND_STREAM, error_body, reply_to
from support.raw_http import connected, plain
from support.streams import Answer, Api, Json
from support.until import until
from support.upstream import Reply, Request, Script, Upstream, json_reply, sse_reply

ASK = Ask((user("Hello"),))
ANSWER = Answer("Here it is")
LATE = "30ms"


@pytest.fixture(scope="module")
def session_first() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture
def first(session_first: Upstream) -> Iterator[Upstream]:
    """The upstream that is asked first."""
    session_first.script(json_reply({}))
    yield session_first
    assert not session_first.mistakes


@pytest.fixture
def second(upstream: Upstream) -> Iterator[Upstream]:
    """The one that is asked when the first is late."""
    upstream.script(answering(ANSWER))
    yield upstream
    assert not upstream.mistakes


@pytest.fixture
def release() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture(scope="module")
def gateway_config(session_first: Upstream, session_upstream: Upstream) -> Json:
    def entry(url: str, api: Api, name: str) -> Json:
        return provider(url, api, name=f"{name}-{api}", model=f"{name}-{api}/{name}-{api}-model")

    def alias(one: Api, other: Api) -> Json:
        deployments = [{"target": f"first-{one}"}, {"target": f"second-{other}", "priority": 2}]
        return {"deployments": deployments, "hedge": {"after": LATE}}

    common = {
        "retries": {"max_retries": 0, "budget": 1},
        "health": {"consecutive_failures": 1_000_000, "min_requests": 1_000_000},
    }
    made = config(
        *(entry(session_first.base_url, api, "first") for api in APIS),
        *(entry(session_upstream.base_url, api, "second") for api in APIS),
        model_aliases={f"{one}-or-{other}": alias(one, other) for one in APIS for other in APIS},
    )
    return {**made, **common}


@pytest.fixture(scope="module")
def gateway(gateway_factory: GatewayFactory, gateway_config: Json) -> GatewayProcess:
    return gateway_factory(gateway_config)


@pytest.fixture(scope="module")
def clients(gateway: GatewayProcess) -> Clients:
    return Clients(gateway.base_url)


def silent(request: Request) -> Reply:
    """A reply that says nothing until its reader leaves."""
    if request.json.get("stream"):
        return replace(sse_reply(b": working\n\n"), wait_for_peer_to_leave=True)
    head = {"content-type": "application/json"}
    return Reply([], headers=head, framing="chunked", wait_for_peer_to_leave=True)


def silent_before_its_head(release: threading.Event) -> Callable[[Request], Reply]:
    def reply(request: Request) -> Reply:
        release.wait(20)
        return silent(request)

    return reply


def once_asked(other: Upstream, script: Script) -> Callable[[Request], Reply]:
    """``script``, as soon as the other one is asked too."""

    def reply(request: Request) -> Reply:
        until(lambda: bool(other.requests))
        return script if isinstance(script, Reply) else script(request)

    return reply


def until_left(upstream: Upstream) -> None:
    """Until the gateway has left it. Its own thread notes the request, and may do so late."""
    until(lambda: bool(upstream.requests))
    assert upstream.last.abandoned.wait(30)


@CLIENTS
@PLAIN_AND_STREAM
def test_the_second_answers_and_the_first_is_closed(
    first: Upstream, second: Upstream, clients: Clients, client_api: Api, stream: bool
) -> None:
    first.script(silent)

    got = clients.ask(client_api, f"{client_api}-or-{client_api}", ASK, stream=stream)

    assert got.text == ANSWER.text
    headers = clients.recorder.headers
    assert headers["x-gateway-provider"] == f"second-{client_api}"
    assert headers["x-gateway-model"] == f"second-{client_api}-model"
    assert headers["x-gateway-attempts"] == "2"
    until_left(first)
    assert [len(first.requests), len(second.requests)] == [1, 1]


@PLAIN_AND_STREAM
def test_a_first_one_without_a_head_is_closed_too(
    first: Upstream, second: Upstream, clients: Clients, release: threading.Event, stream: bool
) -> None:
    first.script(silent_before_its_head(release))

    got = clients.ask("messages", "messages-or-messages", ASK, stream=stream)

    assert got.text == ANSWER.text
    release.set()
    until_left(first)
    assert len(second.requests) == 1


@CLIENTS
@PLAIN_AND_STREAM
def test_the_first_answers_and_the_second_is_closed(
    first: Upstream, second: Upstream, clients: Clients, client_api: Api, stream: bool
) -> None:
    first.script(once_asked(second, answering(ANSWER)))
    second.script(silent)

    got = clients.ask(client_api, f"{client_api}-or-{client_api}", ASK, stream=stream)

    assert got.text == ANSWER.text
    assert clients.recorder.headers["x-gateway-provider"] == f"first-{client_api}"
    assert clients.recorder.headers["x-gateway-attempts"] == "2"
    until_left(second)


@PLAIN_AND_STREAM
def test_each_attempt_is_made_in_its_own_api(
    first: Upstream, second: Upstream, clients: Clients, stream: bool
) -> None:
    """What the loser could not say is not told of the winner's."""
    first.script(silent)
    asked = {"temperature": 1.7, "seed": 7, "stream": stream}

    to_responses = clients.raw("chat_completions", "messages-or-responses", ASK, **asked)
    to_its_own = clients.raw("chat_completions", "messages-or-chat_completions", ASK, **asked)

    assert to_responses.headers["x-gateway-provider"] == "second-responses"
    assert "seed" in to_responses.headers["x-gateway-warning"]
    assert "temperature" not in to_responses.headers["x-gateway-warning"]
    assert to_its_own.headers["x-gateway-provider"] == "second-chat_completions"
    assert "x-gateway-warning" not in to_its_own.headers
    assert len(second.requests) == 2


def test_who_answers_in_time_is_asked_alone(
    first: Upstream, second: Upstream, gateway_factory: GatewayFactory, gateway_config: Json
) -> None:
    alias = gateway_config["model_aliases"]["messages-or-messages"] | {"hedge": {"after": "1h"}}
    patient = gateway_factory({**gateway_config, "model_aliases": {"patient": alias}})
    first.script(answering(ANSWER))
    for stream in (False, True):
        answer = Clients(patient.base_url).raw("messages", "patient", ASK, stream=stream)
        assert answer.headers["x-gateway-attempts"] == "1"
        assert answer.headers["x-gateway-provider"] == "first-messages"
    assert second.requests == []


@contextmanager
def waiting(gateway: GatewayProcess, model: str, **more: Any) -> Iterator[socket.socket]:
    """A client that has sent a Messages request, and reads nothing."""
    body = {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    data = json.dumps({**body, **more}).encode()
    with connected(gateway.port) as client:
        client.sendall(plain(PATHS["messages"], data))
        yield client


@PLAIN_AND_STREAM
def test_a_client_that_leaves_ends_both(
    first: Upstream, second: Upstream, gateway: GatewayProcess, stream: bool
) -> None:
    first.script(silent)
    second.script(silent)
    with waiting(gateway, "messages-or-responses", stream=stream):
        until(lambda: bool(first.requests and second.requests))
    until_left(first)
    until_left(second)


def test_a_client_that_leaves_ends_the_winner(
    first: Upstream, second: Upstream, gateway: GatewayProcess
) -> None:
    first.script(silent)
    begun = reply_to(Request("POST", "/", {}, b'{"stream": true}'), "messages", ANSWER)
    (data,) = begun.pieces
    assert isinstance(data, bytes)
    half = data[: data.index(b"\n\n") + 2]
    second.script(replace(sse_reply(half), wait_for_peer_to_leave=True))
    with waiting(gateway, "messages-or-messages", stream=True) as client:
        got = b""
        while b"message_start" not in got:
            got += client.recv(65_536)
    until_left(second)


@CLIENTS
@PLAIN_AND_STREAM
def test_a_first_one_that_fails_leaves_it_to_the_second(
    first: Upstream,
    second: Upstream,
    clients: Clients,
    release: threading.Event,
    client_api: Api,
    stream: bool,
) -> None:
    def fail(_: Request) -> Reply:
        release.set()
        return json_reply(error_body(client_api, "Not now", "api_error"), 503)

    def answer(request: Request) -> Reply:
        release.wait(20)
        return reply_to(request, api_of(request), ANSWER)

    first.script(once_asked(second, fail))
    second.script(answer)

    got = clients.ask(client_api, f"{client_api}-or-{client_api}", ASK, stream=stream)

    assert got.text == ANSWER.text
    assert clients.recorder.headers["x-gateway-provider"] == f"second-{client_api}"
    assert clients.recorder.headers["x-gateway-attempts"] == "2"


@PLAIN_AND_STREAM
def test_where_both_fail_an_error_of_theirs_is_told(
    first: Upstream, second: Upstream, clients: Clients, stream: bool
) -> None:
    def failing(message: str) -> Reply:
        return json_reply(error_body("messages", message, "overloaded_error"), 529)

    first.script(once_asked(second, failing("First")))
    second.script(once_asked(first, failing("Second")))

    answer = clients.raw("messages", "messages-or-messages", ASK, stream=stream)

    assert answer.status_code == 529
    name = answer.json()["error"]["message"].lower()
    assert answer.headers["x-gateway-provider"] == f"{name}-messages"
    assert answer.headers["x-gateway-attempts"] == "2"


@pytest.mark.parametrize("model", ["responses-or-responses", "messages-or-messages"])
def test_what_would_be_there_twice_is_asked_once(
    first: Upstream,
    second: Upstream,
    clients: Clients,
    release: threading.Event,
    model: str,
) -> None:
    conversation = clients.openai.conversations.create().id

    def reply(request: Request) -> Reply:
        if "Add this" not in request.body.decode():
            return silent(request)
        release.wait(20)
        return reply_to(request, api_of(request), ANSWER)

    first.script(reply)
    body = {"model": model, "input": "Add this", "conversation": conversation}
    told: list[str] = []

    def add() -> None:
        answer = Clients(clients.base_url).post(PATHS["responses"], json.dumps(body))
        told.append(answer.headers["x-gateway-attempts"])

    adding = threading.Thread(target=add)
    adding.start()
    until(lambda: bool(first.requests))
    other = clients.raw("responses", model, ASK)
    assert other.headers["x-gateway-attempts"] == "2", "by then the one before was late too"
    release.set()
    adding.join(20)
    assert told == ["1"]
    assert len(second.requests) == 1


def test_it_goes_with_streams_that_begin_early(
    first: Upstream,
    second: Upstream,
    gateway_factory: GatewayFactory,
    gateway_config: Json,
    release: threading.Event,
) -> None:
    def reply(request: Request) -> Reply:
        release.wait(20)
        return reply_to(request, "messages", ANSWER)

    first.script(silent)
    second.script(reply)
    keepalive = {"interval": "20ms", "before_first_event": True}
    clients = Clients(gateway_factory({**gateway_config, "keepalive": keepalive}).base_url)
    with clients.open("messages", "messages-or-messages", ASK) as response:
        pieces = []
        for piece in response.iter_raw():
            pieces.append(piece)
            if second.requests:
                release.set()
    assert b": x-gateway-attempts: 2\n\n" in b"".join(pieces)
    assert b": x-gateway-provider: second-messages\n\n" in b"".join(pieces)
    until_left(first)

    second.script(silent)
    with clients.open("messages", "messages-or-messages", ASK) as response:
        signs = response.iter_raw()
        assert next(signs).startswith(b"event: ping")
        until(lambda: len(first.requests) == 2 and len(second.requests) == 1)
    until_left(first)
    until_left(second)


def test_only_the_winner_s_tokens_count(
    first: Upstream, second: Upstream, gateway_factory: GatewayFactory, gateway_config: Json
) -> None:
    """Though the loser's reply has begun too."""
    ways = [(stream, other) for stream in (False, True) for other in ("messages", "responses")]
    keys = [client_key(f"{stream}-{other}", tokens="1000/h") for stream, other in ways]
    gateway = gateway_factory({**gateway_config, "access": {"keys": keys}})
    first.script(silent)
    second.script(answering(COUNTED))
    http, url = Clients(gateway.base_url).http, gateway.base_url + PATHS["messages"]
    for stream, other in ways:
        body = {"model": f"messages-or-{other}", **WRITERS["messages"](ASK), "stream": stream}
        headers = {"x-api-key": key_of(f"{stream}-{other}")}
        for used in (0, USED, 2 * USED):
            told = http.post(url, json=body, headers=headers)
            assert told.headers["x-gateway-provider"] == f"second-{other}"
            assert told.headers["anthropic-ratelimit-tokens-remaining"] == str(1000 - used)
