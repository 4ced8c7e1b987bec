"""Fixtures of the integration tests: gateways with scripted providers, and clients of them.

Here: what several integration tests share. Not here: what the unit tests use too (../conftest.py).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import yaml
from conftest import MOCK_CONFIG, GatewayFactory
from flask import Flask
from support.dialects import Clients
from support.gateway import GatewayProcess, config, provider
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


@pytest.fixture(scope="session")
def clients(gateway: GatewayProcess) -> Clients:
    """The official SDKs, pointed at that gateway."""
    return Clients(gateway.base_url)


@pytest.fixture(scope="session")
def foreign_app() -> Iterator[str]:
    """Base URL of somebody else's Flask application that has the gateway mounted under /llm."""
    from wsgi_gateway import create_blueprint, load_config

    environ = {"OPENAI_API_KEY": "sk-mock-openai", "ANTHROPIC_API_KEY": "sk-mock-anthropic"}
    app = Flask("foreign")
    app.add_url_rule("/", view_func=lambda: "the host's own page", endpoint="home")
    mock_config = load_config(yaml.safe_load(MOCK_CONFIG.read_text()), environ)
    app.register_blueprint(create_blueprint(mock_config), url_prefix="/llm")
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session", params=["process", "blueprint"])
def mock_clients(request: pytest.FixtureRequest) -> Clients:
    """The SDKs before a gateway with the mock config: run as a process, or mounted in an app."""
    if request.param == "process":
        return Clients(request.getfixturevalue("running_gateway"))
    return Clients(request.getfixturevalue("foreign_app") + "/llm")
