"""Fixtures of the integration tests: gateways with scripted providers, and clients of them.

Here: what several integration tests share. Not here: what the unit tests use too (../conftest.py).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import openai
import pytest
import yaml
from conftest import MOCK_CONFIG, GatewayFactory
from flask import Flask
from support.dialects import Clients
from support.gateway import GatewayProcess, config, provider
from support.keyed import KEYS, gateway_config
from support.planted import CLIENT_KEY, MOCK_KEYS
from support.sdk import client_of
from support.served import Served
from support.streams import Json
from support.upstream import Upstream
from werkzeug.serving import make_server


@pytest.fixture(scope="session")
def gateway(gateway_factory: GatewayFactory, session_upstream: Upstream) -> GatewayProcess:
    """A gateway with three providers, one for each upstream API; see `support.gateway.provider`."""
    url = session_upstream.base_url
    return gateway_factory(
        config(
            provider(url, "chat_completions"),
            provider(url, "messages"),
            provider(url, "responses"),
        )
    )


@pytest.fixture
def keyed(upstream: Upstream, gateway_factory: GatewayFactory) -> GatewayProcess:
    """Such a gateway with the keys of `support.keyed`."""
    return gateway_factory(gateway_config(upstream, *KEYS))


@pytest.fixture(scope="session")
def clients(gateway: GatewayProcess) -> Clients:
    """The official SDKs, pointed at that gateway."""
    return Clients(gateway.base_url)


@pytest.fixture
def client(gateway: GatewayProcess) -> openai.OpenAI:
    """The SDK of OpenAI, pointed at that gateway, or at the one that a file has instead.

    Its key is this test's own: what other tests have stored there is another's, even with the same ids.
    """
    return client_of(gateway, f"{CLIENT_KEY}-{uuid.uuid4().hex}")


@pytest.fixture
def keeping(
    kind: str,
    upstream: Upstream,
    gateway_factory: GatewayFactory,
    tmp_path_factory: pytest.TempPathFactory,
) -> GatewayProcess:
    """A gateway with two providers that know nothing of state, which it keeps itself; many tests share it."""
    places: dict[str, Json] = {
        "memory": {},
        "sqlite": {"path": str(tmp_path_factory.getbasetemp() / "keeping.db")},
    }
    providers = (provider(upstream.base_url, api) for api in ("chat_completions", "messages"))
    return gateway_factory(config(*providers, state_storage={"type": kind, **places[kind]}))


@pytest.fixture(scope="session")
def foreign_app() -> Iterator[str]:
    """Base URL of somebody else's Flask application that has the gateway mounted under /llm."""
    from wsgi_gateway import create_blueprint, load_config

    app = Flask("foreign")
    app.add_url_rule("/", view_func=lambda: "the host's own page", endpoint="home")
    mock_config = load_config(yaml.safe_load(MOCK_CONFIG.read_text()), MOCK_KEYS)
    app.register_blueprint(create_blueprint(mock_config), url_prefix="/llm")
    with Served(make_server("127.0.0.1", 0, app, threaded=True)) as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture(scope="session", params=["process", "blueprint"])
def mock_clients(request: pytest.FixtureRequest) -> Clients:
    """The SDKs before a gateway with the mock config: run as a process, or mounted in an app."""
    if request.param == "process":
        return Clients(request.getfixturevalue("running_gateway"))
    return Clients(request.getfixturevalue("foreign_app") + "/llm")
