"""nginx with etc/nginx.conf before the gateway: what it passes on, and when.

Here: nginx from Debian as a real process. Not here: the gateway's answers themselves.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from support.asks import Ask, user
from support.dialects import Clients
from support.gateway import GatewayProcess, is_healthy
from support.nginx import NEEDS_NGINX, nginx_before
from support.pairs import PAIRS, model_of, reply_to, word_by_word
from support.sockets import create, events_of, opened, text_of
from support.streams import STREAMED, Answer, Api, frames_of
from support.until import until
from support.upstream import Upstream, sse_reply

WORDS = ("alpha", "bravo", "charlie")

pytestmark = NEEDS_NGINX


@pytest.fixture(scope="module")
def clients(gateway: GatewayProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    """The SDKs, pointed at nginx."""
    with nginx_before([gateway.port], tmp_path_factory.mktemp("nginx")) as base_url:
        until(lambda: is_healthy(base_url))
        yield Clients(base_url)


@PAIRS
def test_each_event_arrives_before_the_next_is_sent(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api
) -> None:
    """The upstream sends a word only after the client has told that it has the word before."""
    spelled, seen = word_by_word(upstream_api, WORDS)
    upstream.script(spelled)

    expected = list(WORDS)
    with clients.open(client_api, model_of(upstream_api), Ask((user("Spell."),))) as reply:
        assert reply.status_code == 200
        for line in reply.iter_lines():
            if expected and expected[0] in line:
                assert all(word not in line for word in expected[1:])
                seen[expected.pop(0)].set()

    assert not expected


def test_large_requests(upstream: Upstream, clients: Clients) -> None:
    """Images travel in the request: megabytes of them fit."""
    upstream.script(lambda request: reply_to(request, "messages", Answer("Seen.")))
    ask = Ask((user("x" * 20_000_000),))

    replies = [clients.raw("messages", "messages-model", ask) for _ in range(2)]

    assert [reply.status_code for reply in replies] == [200, 200]
    assert len(upstream.last.body) > 20_000_000


def test_upstreams_error_comes_through(upstream: Upstream, clients: Clients) -> None:
    reply = clients.raw("messages", "no-such-model", Ask((user("Hello"),)))

    assert reply.status_code == 404
    assert reply.json()["type"] == "error"
    assert not upstream.requests


def test_a_websocket(upstream: Upstream, clients: Clients) -> None:
    """Each event passes before the next is sent, on a connection that stays open for the next turn."""
    go_on = threading.Event()
    first, *rest = frames_of(STREAMED["messages"](Answer("one")))
    upstream.script(sse_reply([first, go_on, *rest]))
    with opened(clients.base_url) as socket:
        for _ in range(2):
            go_on.clear()
            socket.send(create("messages-model", "x" * 2_000_000, store=False))
            events = events_of(socket)
            assert next(events)["type"] == "response.created"
            go_on.set()
            assert text_of(list(events)[-1]) == "one"
    assert len(upstream.requests) == 2
