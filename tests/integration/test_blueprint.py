"""The gateway as a blueprint of a foreign Flask application, mounted under /llm.

That the SDKs work with it is tested with everything else: test_streaming.py runs all its tests on
both. Here is what concerns the neighbourhood: the host's own routes, the prefix, the timing.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import openai
import pytest
from conftest import setup_openai_chat_mock
from flask import Flask
from pytest_httpserver import HTTPServer
from support.asks import Ask, user
from support.dialects import Clients
from support.gateway import config, provider
from support.served import Served
from support.streams import Answer, Api, chat_completion
from support.upstream import Upstream, json_reply
from werkzeug.serving import make_server


@pytest.fixture
def two_mounts(upstream: Upstream) -> Iterator[str]:
    """Base URL of an application with two gateways: one before Chat, one before Messages."""
    from wsgi_gateway import create_blueprint, load_config

    app = Flask("two")
    mounts: tuple[tuple[str, Api], ...] = (("first", "chat_completions"), ("second", "messages"))
    for prefix, api in mounts:
        blueprint = create_blueprint(load_config(config(provider(upstream.base_url, api))))
        app.register_blueprint(blueprint, name=prefix, url_prefix=f"/{prefix}")
    with Served(make_server("127.0.0.1", 0, app, threaded=True)) as server:
        yield f"http://127.0.0.1:{server.port}"


def test_host_keeps_its_own_routes(foreign_app: str) -> None:
    assert httpx2.get(f"{foreign_app}/").text == "the host's own page"
    missing = httpx2.get(f"{foreign_app}/nowhere")
    assert missing.status_code == 404
    assert missing.headers["content-type"].startswith("text/html")


def test_gateway_answers_under_its_prefix_only(foreign_app: str) -> None:
    assert httpx2.get(f"{foreign_app}/llm/healthz").status_code == 200
    assert httpx2.get(f"{foreign_app}/llm/v1/models").json()["object"] == "list"
    assert httpx2.get(f"{foreign_app}/healthz").status_code == 404
    assert httpx2.post(f"{foreign_app}/v1/messages", json={}).status_code == 404


def test_streams_word_by_word(httpserver: HTTPServer, foreign_app: str) -> None:
    setup_openai_chat_mock(httpserver, content="one by one")
    clients = Clients(f"{foreign_app}/llm")

    with clients.open("messages", "gpt-4o-mini", Ask((user("Count"),))) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-accel-buffering"] == "no"
        assert answer.read().count(b"text_delta") == 3


def test_two_gateways_in_one_application_are_apart(two_mounts: str, upstream: Upstream) -> None:
    upstream.script(json_reply(chat_completion(Answer("Hello"))))
    first, second = Clients(f"{two_mounts}/first"), Clients(f"{two_mounts}/second")
    ask = Ask((user("Hi"),))

    assert first.ask("messages", "chat_completions-model", ask, stream=False).text == "Hello"
    with pytest.raises(openai.NotFoundError):
        second.ask("chat_completions", "chat_completions-model", ask, stream=False)
    assert [request.path for request in upstream.requests] == ["/v1/chat/completions"]
