"""`wsgi_gateway.views.health`: what load balancers are told."""

from __future__ import annotations

import pytest
from flask import Blueprint, Flask

from wsgi_gateway.readiness import Readiness
from wsgi_gateway.views import health


def test_a_gateway_that_is_about_to_end_is_alive_but_not_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    readiness = Readiness()
    monkeypatch.setattr(health, "READINESS", readiness)
    app, blueprint = Flask("host"), Blueprint("gateway", __name__)
    health.register(blueprint)
    app.register_blueprint(blueprint)
    client = app.test_client()

    def statuses() -> list[int]:
        return [client.get(path).status_code for path in ("/", "/healthz", "/readyz")]

    assert statuses() == [200, 200, 200]
    readiness.end()
    assert statuses() == [200, 200, 503]
