"""What is seen of a mounted gateway without a key."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from wsgi_gateway import create_blueprint

KEY = "sk-0123456789abcdef"
PROVIDERS = [{"model": "openai/gpt-4o", "access_key": "k"}]


@pytest.fixture
def client() -> FlaskClient:
    app = Flask("foreign")
    app.add_url_rule("/", view_func=lambda: "the host's own", endpoint="home")
    access = {"keys": [{"id": "a", "key": KEY}]}
    blueprint = create_blueprint({"model_providers": PROVIDERS, "access": access})
    app.register_blueprint(blueprint, url_prefix="/llm")
    return app.test_client()


def test_only_that_it_is_there(client: FlaskClient) -> None:
    for path in ("/", "/llm/healthz", "/llm/readyz", "/llm/"):
        assert client.get(path).status_code == 200, path
    for path in ("/llm/v1/models", "/llm/v1/models/gpt-4o"):
        told = client.get(path)
        assert told.status_code == 401
        assert told.json is not None
        assert told.json["error"]["code"] == "invalid_api_key"
        assert client.get(path, headers={"x-gateway-key": KEY}).status_code == 200


@pytest.mark.parametrize("path", ["messages", "messages/count_tokens", "responses"])
def test_in_the_client_s_dialect(client: FlaskClient, path: str) -> None:
    told = client.post(f"/llm/v1/{path}", json={})
    assert told.status_code == 401
    assert told.json is not None
    assert ("type" in told.json) == path.startswith("messages")


def test_a_blueprint_without_keys_is_its_application_s_to_guard() -> None:
    app = Flask("foreign")
    app.register_blueprint(create_blueprint({"model_providers": PROVIDERS}))
    assert app.test_client().get("/v1/models").status_code == 200
