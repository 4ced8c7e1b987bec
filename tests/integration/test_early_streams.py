"""Streams that begin with keepalives while their upstream says nothing, where the config wants that.

Here: what clients of the three APIs get then, and that nothing changes for an upstream that is quick. Not here:
keepalives between events (tests/test_relay.py).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import httpx2
import pytest
from conftest import GatewayFactory
from support.asks import Ask, user
from support.dialects import FAILURES, Clients
from support.gateway import config, provider
from support.pairs import APIS, CLIENTS, PAIRS, error_body, model_of, reply_to
from support.streams import Answer, Api
from support.upstream import Reply, Request, Upstream, json_reply, sse_reply
from support.validators import check

ASK = Ask((user("Hello"),))
ANSWER = Answer("Good things take time")
SIGNS: dict[Api, bytes] = {
    "chat_completions": b": keepalive\n\n",
    "messages": b'event: ping\ndata: {"type": "ping"}\n\n',
    "responses": b": keepalive\n\n",
}


@pytest.fixture(scope="module")
def clients(gateway_factory: GatewayFactory, session_upstream: Upstream) -> Clients:
    keepalive = {"interval": "20ms", "before_first_event": True}
    entries = [provider(session_upstream.base_url, api) for api in APIS]
    return Clients(gateway_factory(config(*entries, keepalive=keepalive)).base_url)


@pytest.fixture
def release() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def raw_stream(response: httpx2.Response, release: threading.Event) -> bytes:
    """All of a stream whose upstream is let go when the first bytes are there."""
    pieces = []
    for piece in response.iter_raw():
        pieces.append(piece)
        release.set()
    return b"".join(pieces)


@PAIRS
def test_silence_is_bridged_and_the_rest_is_as_always(
    upstream: Upstream,
    clients: Clients,
    release: threading.Event,
    client_api: Api,
    upstream_api: Api,
) -> None:
    def reply(request: Request) -> Reply:
        release.wait(20)
        return reply_to(request, upstream_api, ANSWER)

    upstream.script(reply)
    with clients.open(client_api, model_of(upstream_api), ASK) as response:
        got = raw_stream(response, release)

    assert got.startswith(SIGNS[client_api])
    assert check(client_api, got) == "finished"
    assert f": x-gateway-provider: only-{upstream_api}\n\n".encode() in got
    assert b": x-gateway-attempts: 1\n\n" in got
    assert "x-gateway-provider" not in response.headers


@PAIRS
def test_a_failure_is_told_in_the_stream(
    upstream: Upstream,
    clients: Clients,
    release: threading.Event,
    client_api: Api,
    upstream_api: Api,
) -> None:
    def reply(_: Request) -> Reply:
        release.wait(20)
        return json_reply(error_body(upstream_api, "No room", "overloaded_error"), 503)

    upstream.script(reply)
    with clients.open(client_api, model_of(upstream_api), ASK) as response:
        assert response.status_code == 200
        got = raw_stream(response, release)

    assert b"No room" in got
    assert check(client_api, got) == "failed"


@CLIENTS
@pytest.mark.parametrize("fails", [False, True], ids=["answer", "failure"])
def test_sdks_understand_it(
    upstream: Upstream,
    clients: Clients,
    release: threading.Event,
    client_api: Api,
    fails: bool,
) -> None:
    def reply(request: Request) -> Reply:
        release.wait(20)
        error = error_body(client_api, "No room", "overloaded_error")
        return json_reply(error, 503) if fails else reply_to(request, client_api, ANSWER)

    upstream.script(reply)
    threading.Timer(0.1, release.set).start()
    if fails:
        with pytest.raises(FAILURES):
            clients.ask(client_api, model_of(client_api), ASK, stream=True)
    else:
        got = clients.ask(client_api, model_of(client_api), ASK, stream=True)
        assert got.text == ANSWER.text


def test_a_client_that_leaves_ends_its_attempts(
    upstream: Upstream, clients: Clients, release: threading.Event
) -> None:
    def reply(_: Request) -> Reply:
        release.wait(20)
        return replace(sse_reply(b": working\n\n"), wait_for_peer_to_leave=True)

    upstream.script(reply)
    with clients.open("messages", model_of("messages"), ASK) as response:
        assert next(response.iter_raw()).startswith(SIGNS["messages"])
    release.set()
    assert upstream.last.abandoned.wait(10)


@CLIENTS
def test_a_plain_reply_is_as_always(upstream: Upstream, clients: Clients, client_api: Api) -> None:
    upstream.script(json_reply(error_body(client_api, "Wrong", "invalid_request_error"), 400))
    answer = clients.raw(client_api, model_of(client_api), ASK)
    assert answer.status_code == 400
    assert answer.headers["x-gateway-attempts"] == "1"
