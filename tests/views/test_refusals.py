"""Refusals where Flask runs alone."""

from __future__ import annotations

import pytest
from flask import Flask

from wsgi_gateway import create_app, create_blueprint
from wsgi_gateway.exchange import gateway

CONFIG = {
    "model_providers": [{"model": "openai/gpt-4o", "access_key": "k"}],
    "overload": {"max_body_size": 10},
}


def test_a_mounted_gateway_refuses_as_ever() -> None:
    """And leaves its host's pages alone."""
    app = Flask("foreign")
    app.register_blueprint(create_blueprint(CONFIG), url_prefix="/llm")
    client = app.test_client()
    told = client.post("/llm/v1/messages", data=b"x" * 11)
    assert told.status_code == 413
    assert told.json is not None
    assert told.json["error"]["type"] == "request_too_large"
    assert told.headers["request-id"].startswith("req_")
    assert client.get("/llm/v1/models").headers["x-request-id"].startswith("req_")
    assert "x-request-id" not in client.get("/llm/v1/nothing").headers


def test_where_nobody_observes_there_are_no_records(monkeypatch: pytest.MonkeyPatch) -> None:
    def record(*_: object) -> None:
        raise AssertionError("a record was made")

    monkeypatch.setattr(gateway, "Recording", record)
    client = create_app({**CONFIG, "metrics": {"enabled": False}}).test_client()
    assert client.get("/v1/nothing").status_code == 404
    assert client.put("/v1/messages").status_code == 405
    assert client.post("/v1/messages", data=b"x" * 11).status_code == 413
