"""An upstream that says nothing, faster than it is read: comments without a pause.

Here: that it holds up nobody but its own client, and that one no longer than it may. Not here: comments now and then
(test_timeouts.py), and how many of them are kept (tests/exchange/test_relay.py).
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from itertools import repeat
from typing import Any

import pytest
from conftest import GatewayFactory
from support.asks import Ask, user
from support.dialects import Clients
from support.gateway import GatewayProcess, config, provider
from support.pairs import check_error_body, model_of
from support.raw_http import PATIENCE, connected, plain
from support.raw_upstream import Asked, RawUpstream, Step
from support.streams import Api
from support.until import until

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
MANY_COMMENTS = b": working\n\n" * 5000
UPSTREAM_APIS = pytest.mark.parametrize("upstream_api", ["chat_completions", "messages"])


def flood(_: Asked) -> Iterator[Step]:
    yield HEAD
    yield from repeat(MANY_COMMENTS)


@pytest.fixture
def upstream() -> Iterator[RawUpstream]:
    with RawUpstream(flood) as upstream:
        yield upstream


def gateway_before(
    upstream: RawUpstream, factory: GatewayFactory, api: Api, **more: Any
) -> GatewayProcess:
    return factory(config(provider(upstream.base_url, api, **more)))


@UPSTREAM_APIS
def test_its_client_waits_no_longer_than_it_may(
    upstream: RawUpstream, gateway_factory: GatewayFactory, upstream_api: Api
) -> None:
    limits = {"first_event": "150ms"}
    gateway = gateway_before(upstream, gateway_factory, upstream_api, timeouts=limits)
    model = model_of(upstream_api)
    answer = Clients(gateway.base_url).raw(
        "chat_completions", model, Ask((user("Hi"),)), stream=True
    )
    assert answer.status_code == 504
    check_error_body("chat_completions", answer.content)


@UPSTREAM_APIS
def test_others_are_served_meanwhile_and_its_client_may_leave(
    upstream: RawUpstream, gateway_factory: GatewayFactory, upstream_api: Api
) -> None:
    gateway = gateway_before(upstream, gateway_factory, upstream_api)
    messages = [{"role": "user", "content": "Hi"}]
    body = {"model": model_of(upstream_api), "stream": True, "messages": messages}
    with connected(gateway.port) as client:
        client.sendall(plain("/v1/chat/completions", json.dumps(body).encode()))
        until(lambda: bool(upstream.asked))
        for _ in range(3):
            url = f"{gateway.base_url}/healthz"
            with urllib.request.urlopen(url, timeout=PATIENCE) as health:
                assert health.status == 200
        assert upstream.ended == 0
    until(lambda: upstream.ended == 1)
