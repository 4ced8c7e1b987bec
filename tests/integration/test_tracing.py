"""Traces as a collector gets them from the real server, and what upstreams are told of them.

Not here: which headers name a trace (tests/telemetry/test_trace_context.py).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx2
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from support.asks import WRITERS, Ask, user
from support.collector import Collector, attributes
from support.gateway import PROVIDER_KEY, GatewayProcess, config, provider
from support.keyed import client_key, key_of
from support.pairs import APIS, PLAIN_AND_STREAM, asks_usage, model_of, reply_to
from support.streams import Answer, Api, Usage
from support.until import until
from support.upstream import Reply, Request, Upstream, closed_port, json_reply

from wsgi_gateway.telemetry.trace_context import new_span_id, new_trace_id, read_parent

PROMPT = "Tell me of the purple giraffe"
ASK = Ask((user(PROMPT),))
ANSWER = Answer("It is 40 feet tall", model="served-1", usage=Usage(40, 10, 0, 20, 0))
COLLECTOR_KEY = "key-of-the-collector"
PATHS: dict[Api, str] = {
    "chat_completions": "/v1/chat/completions",
    "messages": "/v1/messages",
    "responses": "/v1/responses",
}


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def gateway(session_upstream: Upstream, collector: Collector) -> Iterator[GatewayProcess]:
    url = session_upstream.base_url
    entries = [provider(url, api) for api in APIS]
    entries.append(provider(url + "/down", "messages", name="down", model="scripted-down/spare"))
    group = [{"target": "down", "priority": 1}, {"target": "only-messages", "priority": 2}]
    source = config(
        *entries,
        model_aliases={"steady": {"deployments": group}},
        access={"keys": [client_key("traced")]},
        tracing={"endpoint": collector.base_url, "headers": {"x-key": COLLECTOR_KEY}},
    )
    source["retries"] = {"max_retries": 1}
    environ = {
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_SERVICE_NAME": "the-gateway",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
    }
    with GatewayProcess(source, environ=environ) as process:
        yield process


def post(
    gateway: GatewayProcess,
    api: Api,
    model: str,
    headers: dict[str, str] | None = None,
    **more: object,
) -> httpx2.Response:
    body = {"model": model, **WRITERS[api](ASK), **more}
    headers = {"authorization": f"Bearer {key_of('traced')}", **(headers or {})}
    url = gateway.base_url + PATHS[api]
    return httpx2.post(url, json=body, headers=headers, timeout=30, verify=False)


def parent(*, sampled: bool = True) -> tuple[str, dict[str, str]]:
    """The id of a client's trace, and its headers."""
    trace_id = new_trace_id()
    traceparent = f"00-{trace_id}-{new_span_id()}-{'01' if sampled else '00'}"
    return trace_id, {"traceparent": traceparent, "tracestate": "vendor=1"}


@pytest.mark.parametrize("client_api", APIS)
@PLAIN_AND_STREAM
def test_a_request_is_a_span_and_so_is_its_attempt(
    gateway: GatewayProcess,
    collector: Collector,
    upstream: Upstream,
    client_api: Api,
    stream: bool,
) -> None:
    upstream.script(lambda request: reply_to(request, "messages", ANSWER))
    trace_id, headers = parent()
    more = {"stream": True, **asks_usage(client_api)} if stream else {}
    answer = post(gateway, client_api, model_of("messages"), headers, **more)
    server, client = collector.of(trace_id, 2)

    assert (server.name, server.kind) == (f"POST {PATHS[client_api]}", Span.SPAN_KIND_SERVER)
    assert f"-{server.parent_span_id.hex()}-" in headers["traceparent"]
    assert (client.name, client.kind) == ("chat messages-model", Span.SPAN_KIND_CLIENT)
    assert client.parent_span_id == server.span_id
    times = [server.start_time_unix_nano, client.start_time_unix_nano]
    times += [client.end_time_unix_nano, server.end_time_unix_nano]
    assert times == sorted(times)

    told = attributes(server)
    assert told.pop("wsgi_gateway.request_id") == answer.headers["x-gateway-request-id"]
    told.pop("wsgi_gateway.losses", None)
    assert told == {
        "http.request.method": "POST",
        "http.route": PATHS[client_api],
        "http.response.status_code": 200,
        "client.address": "127.0.0.1",
        "wsgi_gateway.api": client_api,
        "wsgi_gateway.operation": "reply",
        "wsgi_gateway.ending": "finished",
        "wsgi_gateway.model_asked": "messages-model",
        "wsgi_gateway.client_id": "traced",
        "wsgi_gateway.attempts": 1,
    }
    told = attributes(client)
    if stream:
        assert told.pop("gen_ai.request.stream") is True
        assert told.pop("gen_ai.response.time_to_first_chunk") > 0
    assert told == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "scripted-messages",
        "gen_ai.request.model": "messages-model",
        "gen_ai.response.model": "served-1",
        "gen_ai.usage.input_tokens": 40,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 10,
        "gen_ai.usage.reasoning.output_tokens": 0,
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "server.port": int(upstream.base_url.rpartition(":")[2]),
        "wsgi_gateway.provider": "only-messages",
    }


@pytest.mark.parametrize("upstream_api", APIS)
def test_the_upstream_s_span_is_a_child_of_its_attempt(
    gateway: GatewayProcess, collector: Collector, upstream: Upstream, upstream_api: Api
) -> None:
    upstream.script(lambda request: reply_to(request, upstream_api, ANSWER))
    trace_id, headers = parent()
    post(gateway, "messages", model_of(upstream_api), headers)
    _, client = collector.of(trace_id, 2)
    sent = upstream.last.headers
    assert sent["traceparent"] == f"00-{trace_id}-{client.span_id.hex()}-01"
    assert sent["tracestate"] == "vendor=1"


def test_each_attempt_has_a_span_and_is_told_its_own(
    gateway: GatewayProcess, collector: Collector, upstream: Upstream
) -> None:
    def answer(request: Request) -> Reply:
        if request.path.startswith("/down"):
            return json_reply({"type": "error", "error": {"type": "api_error"}}, 500)
        return reply_to(request, "messages", ANSWER)

    upstream.script(answer)
    trace_id, headers = parent()
    post(gateway, "messages", "steady", headers)
    server, first, second = collector.of(trace_id, 3)
    assert server.status.code == Status.STATUS_CODE_UNSET
    assert (first.status.code, first.status.message) == (Status.STATUS_CODE_ERROR, "server_error")
    assert attributes(first)["error.type"] == "server_error"
    assert attributes(first)["http.response.status_code"] == 500
    assert "gen_ai.usage.input_tokens" not in attributes(first)
    assert attributes(second)["gen_ai.usage.input_tokens"] == 40
    told = [request.headers["traceparent"].split("-")[2] for request in upstream.requests]
    assert told == [first.span_id.hex(), second.span_id.hex()]


def test_a_request_that_failed(
    gateway: GatewayProcess, collector: Collector, upstream: Upstream
) -> None:
    upstream.script(json_reply({"type": "error", "error": {"type": "api_error"}}, 500))
    trace_id, headers = parent()
    assert post(gateway, "messages", model_of("messages"), headers).status_code == 500
    server = collector.of(trace_id, 3)[0]
    assert server.status.code == Status.STATUS_CODE_ERROR
    assert attributes(server)["error.type"] == "server"
    trace_id, headers = parent()
    assert post(gateway, "messages", "no-such-model", headers).status_code == 404
    (server,) = collector.of(trace_id, 1)
    assert server.status.code == Status.STATUS_CODE_UNSET, "a client's mistake is no error here"
    assert attributes(server)["wsgi_gateway.model_asked"] == "no-such-model"


def test_what_the_client_does_not_sample_is_not_recorded_but_passed_on(
    gateway: GatewayProcess, collector: Collector, upstream: Upstream
) -> None:
    upstream.script(lambda request: reply_to(request, "messages", ANSWER))
    trace_id, headers = parent(sampled=False)
    post(gateway, "messages", model_of("messages"), headers)
    passed = read_parent(upstream.last.headers["traceparent"])
    assert passed is not None
    assert (passed.trace_id, passed.is_sampled) == (trace_id, False)
    other, headers = parent()
    post(gateway, "messages", model_of("messages"), headers)
    collector.of(other, 2)
    assert all(span.trace_id.hex() != trace_id for span in list(collector.spans))


def test_without_a_parent_that_makes_sense_a_trace_begins(
    gateway: GatewayProcess, collector: Collector, upstream: Upstream
) -> None:
    upstream.script(lambda request: reply_to(request, "messages", ANSWER))
    for headers in ({}, {"traceparent": "00-0-0-01", "tracestate": "vendor=1"}):
        post(gateway, "messages", model_of("messages"), headers)
        sent = upstream.last.headers
        passed = read_parent(sent["traceparent"])
        assert passed is not None
        assert "tracestate" not in sent
        server, _ = collector.of(passed.trace_id, 2)
        assert server.parent_span_id == b""


def test_the_collector_is_told_who_sends_and_nobody_what_was_said(
    gateway: GatewayProcess, collector: Collector, upstream: Upstream
) -> None:
    upstream.script(lambda request: reply_to(request, "messages", ANSWER))
    trace_id, headers = parent()
    post(gateway, "messages", model_of("messages"), headers)
    spans = collector.of(trace_id, 2)
    resource = collector.resources[-1]
    assert resource["service.name"] == "the-gateway"
    assert resource["deployment.environment.name"] == "test"
    sent = collector.requests[-1]
    assert (sent.path, sent.headers["x-key"]) == ("/v1/traces", COLLECTOR_KEY)
    assert sent.headers["content-encoding"] == "gzip"
    told = "".join(map(str, spans)) + gateway.output
    for secret in (PROMPT, ANSWER.text, PROVIDER_KEY, key_of("traced"), COLLECTOR_KEY):
        assert secret not in told


def test_the_last_spans_are_sent_when_the_gateway_stops(
    session_upstream: Upstream, upstream: Upstream, collector: Collector
) -> None:
    """With nothing but ``{}`` in the config: the rest comes from the environment."""
    upstream.script(lambda request: reply_to(request, "messages", ANSWER))
    source = config(provider(session_upstream.base_url, "messages"), tracing={})
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.base_url,
        "OTEL_BSP_SCHEDULE_DELAY": "600000",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0",
    }
    trace_id, headers = parent()
    with GatewayProcess(source, environ=environ) as gateway:
        for given in (headers, {}):
            post(gateway, "messages", model_of("messages"), given)
        unsampled = read_parent(upstream.last.headers["traceparent"])
        assert unsampled is not None and not unsampled.is_sampled
        gateway.drain()
        assert gateway.wait(20) == 0
    assert len(collector.of(trace_id, 2)) == 2
    assert collector.resources[-1]["service.name"] == "wsgi-gateway"


def test_a_collector_that_is_down_or_hangs_harms_nobody(
    session_upstream: Upstream, upstream: Upstream
) -> None:
    upstream.script(lambda request: reply_to(request, "messages", ANSWER))
    let_go = threading.Event()
    with closed_port() as port, Upstream(Reply([let_go])) as stuck:
        for endpoint in (f"http://127.0.0.1:{port}", stuck.base_url):
            entry = provider(session_upstream.base_url, "messages")
            source = config(entry, tracing={"endpoint": endpoint})
            environ = {"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
            with GatewayProcess(source, environ=environ) as gateway:
                assert post(gateway, "messages", model_of("messages")).status_code == 200
                until(lambda: bool(stuck.requests) or "Failed to export" in gateway.output)
                assert post(gateway, "messages", model_of("messages")).status_code == 200
                let_go.set()
                gateway.drain()
                assert gateway.wait(20) == 0
