"""What /metrics counts of real requests, with two workers, by the fast lane and by Flask.

Not here: requests in flight (test_metrics.py), what of a record is counted where (tests/telemetry).
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.asks import WRITERS, Ask, user
from support.dialects import CLIENT_KEY, PATHS, Clients
from support.gateway import GatewayProcess, config, provider
from support.pairs import APIS, asks_usage, model_of, reply_to
from support.streams import STREAMED, Answer, Api, Usage, frames_of
from support.until import until
from support.upstream import Reply, Request, Upstream, closed_port, json_reply, sse_reply

ASK = Ask((user("Hi"),))
ANSWER = Answer("Hello you there", usage=Usage(40, 0, 0, 20, 0))
PRICED = "claude-sonnet-4-20250514"


@pytest.fixture(scope="module")
def nobody() -> Iterator[str]:
    with closed_port() as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module", params=["on", "off"])
def gateway(
    request: pytest.FixtureRequest, session_upstream: Upstream, nobody: str
) -> Iterator[GatewayProcess]:
    """Two workers, whose plainest requests pass Flask by or do not."""
    url = session_upstream.base_url
    source = config(
        *(provider(url, api) for api in APIS),
        provider(url, "messages", model=f"mine/{PRICED}", name="priced"),
        provider(nobody, "messages", model="mine/dead", name="dead"),
        model_aliases={
            "twice": {
                "deployments": [{"target": "dead"}, {"target": "only-messages", "priority": 2}]
            }
        },
        health={"consecutive_failures": 1, "ejection_time": "5m"},
        retries={"max_retries": 1},
        cost="asked",
    )
    environ = {"WSGI_GATEWAY_FAST_LANE": request.param}
    with GatewayProcess(source, environ=environ, workers=2) as process:
        until(lambda: len(process.children) == 2)
        yield process


class Meter:
    """What a gateway has counted since this was made."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self._gateway = gateway
        self._before = self._now()

    def _now(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        text = httpx2.get(f"{self._gateway.base_url}/metrics", verify=False).text
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def more(self, name: str, **labels: str) -> float:
        """How much all series of a metric that have these labels have grown."""
        now = self._now()
        assert all(now[key] >= value for key, value in self._before.items() if _only_grows(key[0]))
        wanted = labels.items()
        return sum(
            value - self._before.get(key, 0)
            for key, value in now.items()
            if key[0] == name and key[1] >= wanted
        )

    def requests(self, **labels: str) -> float:
        return self.more("wsgi_gateway_requests_total", **labels)


def _only_grows(name: str) -> bool:
    return name.endswith(("_total", "_count", "_sum", "_bucket"))


@pytest.fixture
def meter(gateway: GatewayProcess) -> Meter:
    return Meter(gateway)


def ask(gateway: GatewayProcess, api: Api, model: str, **more: object) -> httpx2.Response:
    """On a connection of its own: the worker that has another may be stopped."""
    return Clients(gateway.base_url).raw(api, model, ASK, **more)


def answer_all(request: Request) -> Reply:
    api: Api = {path: api for api, path in PATHS.items()}[request.path]
    return reply_to(request, api, ANSWER)


def test_any_worker_tells_what_all_have_counted(
    gateway: GatewayProcess, upstream: Upstream, meter: Meter
) -> None:
    upstream.script(answer_all)
    first, second = gateway.children
    for worker in (first, second):
        with gateway.only(worker):
            for api in APIS:
                for upstream_api in APIS:
                    assert ask(gateway, api, model_of(upstream_api)).status_code == 200
                usage = asks_usage(api)
                stream = ask(gateway, api, model_of("messages"), stream=True, **usage)
                assert "there" in stream.text
    # A worker that stands still might still have to count what its client has already.
    until(lambda: meter.requests() == 24)
    for worker in (first, second):
        with gateway.only(worker):
            for api in APIS:
                assert meter.requests(api=api, ending="finished") == 8
            assert meter.requests() == 24
            assert meter.requests(status="200", method="reply") == 24
            assert meter.more("gen_ai_client_operation_duration_seconds_count") == 24
            usage_sum = "gen_ai_client_token_usage_sum"
            assert meter.more(usage_sum, gen_ai_token_type="input") == 24 * 40
            assert meter.more(usage_sum, gen_ai_token_type="output") == 24 * 20
            model = {"gen_ai_request_model": "messages-model", "gen_ai_operation_name": "chat"}
            assert meter.more("gen_ai_client_operation_duration_seconds_count", **model) == 12
            assert meter.more("gen_ai_server_time_to_first_token_seconds_count", **model) == 6
            assert meter.more("gen_ai_server_time_per_output_token_seconds_count", **model) == 6
            assert meter.more("wsgi_gateway_overhead_seconds_count") == 24
            answered = {"outcome": "answered", "provider": "only-responses"}
            assert meter.more("wsgi_gateway_attempts_total", **answered) == 6


def test_nothing_is_lost_with_a_worker_that_is_killed(
    gateway: GatewayProcess, upstream: Upstream, meter: Meter
) -> None:
    upstream.script(answer_all)
    first, second = gateway.children
    for worker in (first, second):
        with gateway.only(worker):
            for _ in range(3):
                assert ask(gateway, "messages", model_of("messages")).status_code == 200
            until(lambda worker=worker: meter.requests() == (3 if worker == first else 6))  # type: ignore[misc]
    os.kill(first, signal.SIGKILL)
    assert meter.requests() == 6
    until(lambda: first not in gateway.children and len(gateway.children) == 2)
    (new,) = {*gateway.children} - {second}
    for worker in (new, second):
        with gateway.only(worker):
            assert meter.requests() == 6
    with gateway.only(new):
        assert ask(gateway, "messages", model_of("messages")).status_code == 200
        until(lambda: meter.requests() == 7)


@pytest.mark.parametrize("api", APIS)
def test_a_client_that_leaves(
    gateway: GatewayProcess, upstream: Upstream, meter: Meter, api: Api
) -> None:
    gate = threading.Event()
    frames = frames_of(STREAMED["messages"](ANSWER))
    upstream.script(sse_reply([*frames[:3], gate, *frames[3:]]))
    with Clients(gateway.base_url).open(api, model_of("messages"), ASK):
        pass
    until(lambda: meter.requests(api=api, ending="client_gone", status="200") == 1)
    gate.set()
    assert meter.requests() == 1


def test_a_client_that_does_not_wait_for_an_answer(
    gateway: GatewayProcess, upstream: Upstream, meter: Meter
) -> None:
    gate = threading.Event()
    upstream.script(Reply([gate, b"{}"], framing="chunked"))
    body = {"model": model_of("messages"), **WRITERS["messages"](ASK)}
    with pytest.raises(httpx2.ReadTimeout):
        httpx2.post(f"{gateway.base_url}/v1/messages", json=body, timeout=0.2, verify=False)
    until(lambda: meter.requests(ending="client_gone", status="499") == 1)
    gate.set()
    assert meter.more("wsgi_gateway_attempts_total", outcome="client_gone") == 1


@pytest.mark.parametrize("api", APIS)
def test_what_fails(gateway: GatewayProcess, upstream: Upstream, meter: Meter, api: Api) -> None:
    frames = frames_of(STREAMED["messages"](ANSWER))
    upstream.script(sse_reply(frames[:3], broken=True))
    ask(gateway, api, model_of("messages"), stream=True)
    upstream.script(json_reply({"error": {"message": "no", "type": "api_error"}}, 400))
    assert ask(gateway, api, model_of("messages")).status_code == 400
    assert ask(gateway, api, "no-such-model").status_code == 404
    until(lambda: meter.requests(api=api) == 3)
    assert meter.requests(ending="broke", status="200") == 1
    assert meter.requests(ending="failed", status="400") == 1
    assert meter.requests(ending="refused", status="404") == 1
    duration = "gen_ai_client_operation_duration_seconds_count"
    assert meter.more(duration, error_type="upstream_invalid") == 1
    assert meter.more(duration, error_type="invalid_request") == 1
    assert meter.more("wsgi_gateway_attempts_total", outcome="broken stream") == 1


def test_attempts_and_ejections(gateway: GatewayProcess, upstream: Upstream, meter: Meter) -> None:
    upstream.script(answer_all)
    for worker in gateway.children:
        with gateway.only(worker):
            for _ in range(2):
                assert ask(gateway, "messages", "twice").status_code == 200
    until(lambda: meter.requests() == 4)
    attempts = "wsgi_gateway_attempts_total"
    assert meter.more(attempts, provider="dead", outcome="unreachable") == 2, "once in each"
    assert meter.more(attempts, provider="only-messages", outcome="answered") == 4
    dead = {"provider": "dead", "model": "dead"}
    assert meter.more("wsgi_gateway_deployment_ejections_total", **dead) == 2
    assert meter.more("wsgi_gateway_deployment_ejected", **dead) == 2


def priced(gateway: GatewayProcess, api: Api, *, asks: bool, stream: bool) -> httpx2.Response:
    headers = {"authorization": f"Bearer {CLIENT_KEY}"}
    if asks:
        headers["x-gateway-cost"] = "true"
    body = {"model": "priced", **WRITERS[api](ASK), "stream": stream}
    return httpx2.post(gateway.base_url + PATHS[api], json=body, headers=headers, verify=False)


@pytest.mark.parametrize("api", APIS)
def test_what_it_costs(gateway: GatewayProcess, upstream: Upstream, meter: Meter, api: Api) -> None:
    upstream.script(answer_all)
    cost = "0.00042"  # 40 tokens at 3 dollars a million, 20 at 15
    assert priced(gateway, api, asks=True, stream=False).headers["x-gateway-cost"] == cost
    assert "x-gateway-cost" not in priced(gateway, api, asks=False, stream=False).headers
    stream = priced(gateway, api, asks=True, stream=True)
    assert "x-gateway-cost" not in stream.headers
    assert stream.text.endswith(f": x-gateway-cost: {cost}\n\n")
    assert "x-gateway-cost" not in priced(gateway, api, asks=False, stream=True).text
    until(lambda: meter.requests() == 4)
    spent = meter.more("wsgi_gateway_cost_dollars_total", provider="priced", model=PRICED)
    assert spent == pytest.approx(4 * 0.00042)
