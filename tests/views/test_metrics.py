"""GET /metrics, as Prometheus asks for it."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from wsgi_gateway import create_app
from wsgi_gateway.protocols.events import Usage
from wsgi_gateway.telemetry import metrics
from wsgi_gateway.telemetry.counting import Counting
from wsgi_gateway.telemetry.families import FAMILIES
from wsgi_gateway.telemetry.in_flight import InFlight
from wsgi_gateway.telemetry.record import Attempt, Record
from wsgi_gateway.telemetry.series import Series

KEY = "sk-secret-0123456789"
CONFIG = {"version": "v0.4.0", "model_providers": [{"model": "openai/m", "access_key": KEY}]}
NAMES = ["wsgi_gateway_requests_in_flight", "wsgi_gateway_streams_in_flight"]


@pytest.fixture(autouse=True)
def in_flight(monkeypatch: pytest.MonkeyPatch) -> InFlight:
    """Of this test alone: other tests leave bodies of answers that they do not close."""
    fresh = InFlight()
    monkeypatch.setattr(metrics, "IN_FLIGHT", fresh)
    return fresh


@pytest.fixture(autouse=True)
def series(monkeypatch: pytest.MonkeyPatch) -> Series:
    """Of this test alone, as are all that count."""
    fresh = Series(FAMILIES)
    monkeypatch.setattr(metrics, "SERIES", fresh)
    return fresh


@pytest.fixture
def client() -> FlaskClient:
    return create_app(CONFIG).test_client()


def figures(client: FlaskClient) -> dict[tuple[str, str], float]:
    """By metric and API."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {
        (sample.name, sample.labels["api"]): sample.value
        for family in families
        for sample in family.samples
    }


def test_tells_both_gauges_for_every_api(client: FlaskClient, in_flight: InFlight) -> None:
    apis = ("chat_completions", "messages", "responses")
    assert figures(client) == {(name, api): 0 for name in NAMES for api in apis}
    with in_flight.enter("messages") as flight:
        flight.mark_stream()
        with in_flight.enter("messages"):
            told = figures(client)
    assert told[NAMES[0], "messages"] == 2
    assert told[NAMES[1], "messages"] == 1
    assert sum(told.values()) == 3


def test_speaks_the_form_that_is_asked_for(client: FlaskClient) -> None:
    plain = client.get("/metrics")
    assert plain.content_type.startswith("text/plain; version=0.0.4")
    for name in NAMES:
        assert f"# TYPE {name} gauge" in plain.text
    accept = {"accept": "application/openmetrics-text; version=1.0.0, text/plain; q=0.5"}
    newer = client.get("/metrics", headers=accept)
    assert newer.content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert newer.text.endswith("# EOF\n")


def test_tells_no_secret_and_is_for_nobody_to_change(client: FlaskClient) -> None:
    assert KEY not in client.get("/metrics").text
    assert client.post("/metrics").status_code == 405


def test_counters_and_histograms_in_prometheus_form(client: FlaskClient, series: Series) -> None:
    counting = Counting(series, frozenset({"m"}))
    attempt = Attempt(
        provider="main", kind="openai", model="m", api="messages", began=0.0, sent=0.0, begun=0.5
    )
    record = Record(
        api="messages",
        method="reply",
        time=0.0,
        started=0.0,
        provider="main",
        kind="openai",
        model="m",
        status=200,
        attempts=[attempt],
        usage=Usage(input=40, output=20),
        ended=1.0,
    )
    counting(record)
    counting(record)
    told = {
        (sample.name, sample.labels.get("le") or sample.labels.get("status")): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
        if sample.labels.get("gen_ai_token_type") in (None, "input")
    }
    assert told["wsgi_gateway_requests_total", "200"] == 2
    assert told["gen_ai_client_token_usage_sum", None] == 80
    assert told["gen_ai_client_token_usage_count", None] == 2
    assert told["gen_ai_client_token_usage_bucket", "16.0"] == 0
    assert told["gen_ai_client_token_usage_bucket", "64.0"] == 2
    assert told["gen_ai_client_token_usage_bucket", "+Inf"] == 2
    openmetrics = client.get("/metrics", headers={"accept": "application/openmetrics-text"})
    assert 'wsgi_gateway_attempts_total{outcome="answered",provider="main"} 2.0' in openmetrics.text


METRICS_KEY = "sk-metrics-0123456789"
CLIENT_KEY = "sk-client-0123456789"


def app_with(metrics: object) -> FlaskClient:
    access = {"keys": [{"id": "a", "key": CLIENT_KEY}]}
    return create_app({**CONFIG, "access": access, "metrics": metrics}).test_client()


def test_a_key_of_their_own() -> None:
    client = app_with({"key": METRICS_KEY})
    for sent in (None, f"Bearer {CLIENT_KEY}", METRICS_KEY, f"Basic {METRICS_KEY}", "Bearer \xff"):
        answer = client.get("/metrics", headers={"authorization": sent} if sent else {})
        assert answer.status_code == 401, sent
        assert METRICS_KEY not in answer.text
    told = client.get("/metrics", headers={"authorization": f"Bearer {METRICS_KEY}"})
    assert told.status_code == 200
    models = client.get("/v1/models", headers={"authorization": f"Bearer {METRICS_KEY}"})
    assert models.status_code == 401, "it opens nothing else"


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("127.0.0.1", 200),
        ("::1", 200),
        ("::ffff:127.0.0.1", 200),
        ("", 200),
        ("10.0.0.1", 403),
        ("nonsense", 403),
    ],
)
def test_on_this_machine_only(address: str, status: int) -> None:
    client = app_with({"access": "loopback"})
    answer = client.get("/metrics", environ_base={"REMOTE_ADDR": address})
    assert answer.status_code == status


def test_switched_off() -> None:
    authorized = {"authorization": f"Bearer {CLIENT_KEY}"}
    assert app_with({"enabled": False}).get("/metrics", headers=authorized).status_code == 404
    assert app_with({}).get("/metrics").status_code == 200, "open to all if nothing is said"
