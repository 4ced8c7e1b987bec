"""Upstreams that take too long: 504 before the first event, an error in the stream after it, in the client's dialect.

Here: each timeout that the config knows but that for connecting, for all pairs. Not here: how they add up
(tests/upstream/test_waits.py), and what is tried after one (test_attempts.py).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from conftest import GatewayFactory
from support.asks import Ask, user
from support.dialects import Clients
from support.gateway import config, provider
from support.pairs import APIS, PAIRS, PLAIN_AND_STREAM, check_error_body
from support.streams import STREAMED, Answer, Api, Json
from support.upstream import Piece, Reply, Request, Upstream, sse_reply
from support.validators import check

ASK = Ask((user("Hello"),))
ANSWER = Answer("As slow as can be")
LIMITS = {
    "first": {"first_event": "150ms"},
    "idle": {"idle": "150ms"},
    "total": {"total": "250ms"},
}


@pytest.fixture(scope="module")
def clients(gateway_factory: GatewayFactory, session_upstream: Upstream) -> Clients:
    def entry(api: Api, name: str, limits: Json) -> Json:
        own = {"name": f"{name}-{api}", "model": f"{name}-{api}/m"}
        return provider(session_upstream.base_url, api, **own, timeouts=limits)

    entries = [entry(api, name, limits) for api in APIS for name, limits in LIMITS.items()]
    return Clients(gateway_factory(config(*entries, timeouts={"connect": "5s"})).base_url)


@pytest.fixture
def release() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def dripping(release: threading.Event, start: bytes = b"") -> Iterator[Piece]:
    """Comments that never end."""
    yield start
    while not release.wait(0.01):
        yield b": working\n\n"


def silent_head(release: threading.Event) -> Callable[[Request], Reply]:
    def reply(_: Request) -> Reply:
        release.wait(20)
        return Reply(broken=True)

    return reply


def begun(api: Api) -> bytes:
    """A stream up to the middle of its text."""
    stream = STREAMED[api](ANSWER).encode()
    end: int = stream.index(b"\n\n", stream.index(b"slow")) + 2
    return stream[:end]


def check_timeout(clients: Clients, client_api: Api, model: str, *, stream: bool) -> None:
    answer = clients.raw(client_api, model, ASK, stream=stream)
    assert answer.status_code == 504
    error = check_error_body(client_api, answer.content)
    assert error["type"] == ("timeout_error" if client_api == "messages" else "server_error")


@PAIRS
def test_a_stream_that_does_not_begin(
    upstream: Upstream,
    clients: Clients,
    release: threading.Event,
    client_api: Api,
    upstream_api: Api,
) -> None:
    upstream.script(silent_head(release))
    check_timeout(clients, client_api, f"first-{upstream_api}", stream=True)


@PAIRS
def test_comments_are_no_events(
    upstream: Upstream,
    clients: Clients,
    release: threading.Event,
    client_api: Api,
    upstream_api: Api,
) -> None:
    upstream.script(lambda _: sse_reply(dripping(release)))
    check_timeout(clients, client_api, f"first-{upstream_api}", stream=True)


@PAIRS
@PLAIN_AND_STREAM
def test_a_whole_exchange(
    upstream: Upstream,
    clients: Clients,
    release: threading.Event,
    client_api: Api,
    upstream_api: Api,
    stream: bool,
) -> None:
    upstream.script(silent_head(release))
    check_timeout(clients, client_api, f"total-{upstream_api}", stream=stream)


@PAIRS
def test_a_stream_that_falls_silent(
    upstream: Upstream,
    clients: Clients,
    release: threading.Event,
    client_api: Api,
    upstream_api: Api,
) -> None:
    upstream.script(lambda _: sse_reply([begun(upstream_api), release], broken=True))
    answer = clients.raw(client_api, f"idle-{upstream_api}", ASK, stream=True)
    assert answer.status_code == 200
    assert check(client_api, answer.content) == "failed"
    assert b"fell silent" in answer.content


@PAIRS
def test_a_stream_that_does_not_end(
    upstream: Upstream,
    clients: Clients,
    release: threading.Event,
    client_api: Api,
    upstream_api: Api,
) -> None:
    upstream.script(lambda _: sse_reply(dripping(release, begun(upstream_api))))
    answer = clients.raw(client_api, f"total-{upstream_api}", ASK, stream=True)
    assert answer.status_code == 200
    assert check(client_api, answer.content) == "failed"
    assert b"took too long" in answer.content


@PAIRS
def test_a_plain_reply_that_does_not_end(
    upstream: Upstream,
    clients: Clients,
    release: threading.Event,
    client_api: Api,
    upstream_api: Api,
) -> None:
    headers = {"content-type": "application/json"}
    upstream.script(lambda _: Reply(dripping(release), 200, headers, "chunked"))
    check_timeout(clients, client_api, f"total-{upstream_api}", stream=False)
