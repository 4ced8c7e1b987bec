"""Which requests are traced, by config and environment. What is sent: tests/integration/test_tracing.py."""

from __future__ import annotations

import gc
import threading
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from support.until import until

from wsgi_gateway.config import Config, load_config
from wsgi_gateway.telemetry.record import Attempt, Record
from wsgi_gateway.telemetry.trace_context import new_span_id, new_trace_id
from wsgi_gateway.telemetry.tracing import Tracer, open_tracer


class Kept(SpanProcessor):
    """Spans, and whether their end was told."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []
        self.has_ended = threading.Event()

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)

    def shutdown(self) -> None:
        self.has_ended.set()


def configured(**tracing: Any) -> Config:
    provider = {"model": "azure_openai/gpt", "access_key": "k", "base_url": "https://x.example"}
    return load_config({"model_providers": [provider], "tracing": tracing}, {})


def test_the_share_that_is_sampled_is_the_config_s_or_the_environment_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def share(config: Config) -> float:
        tracer = Tracer(config, Kept())
        return sum(tracer.begin_trace(None, None).is_sampled for _ in range(1000)) / 1000

    assert share(configured()) == 1
    assert 0.1 < share(configured(sampling_ratio=0.25)) < 0.4
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    assert share(configured()) == 0
    assert share(configured(sampling_ratio=1)) == 1


def test_a_client_decides_unless_the_environment_s_sampler_asks_no_parent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parent = f"00-{new_trace_id()}-{new_span_id()}"
    tracer = Tracer(configured(sampling_ratio=0.5), Kept())
    assert tracer.begin_trace(f"{parent}-01", None).is_sampled
    assert not tracer.begin_trace(f"{parent}-00", None).is_sampled
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
    assert Tracer(configured(), Kept()).begin_trace(f"{parent}-00", None).is_sampled


@pytest.mark.parametrize(
    "environ", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}]
)
def test_the_environment_may_turn_traces_off(environ: dict[str, str]) -> None:
    assert open_tracer(configured(), environ) is None


def test_a_tracer_that_nobody_has_any_more_sends_what_it_has() -> None:
    kept = Kept()
    tracer = Tracer(configured(), kept)
    del tracer
    gc.collect()
    until(kept.has_ended.is_set)


def test_names_are_the_conventions_and_bounded() -> None:
    kept = Kept()
    tracer = Tracer(configured(), kept)
    attempt = Attempt(
        provider="azure_openai/gpt",
        kind="azure_openai",
        model="m" * 5000,
        api="chat_completions",
        began=1.0,
        span_id=new_span_id(),
    )
    trace = tracer.begin_trace(None, None)
    record = Record(api="messages", method="count_tokens", time=1e9, started=1.0, trace=trace)
    record.asked, record.attempts, record.ended = "x" * 5000, [attempt], 1.5
    tracer(record)
    request, asked = kept.spans
    assert request.name == "POST /v1/messages/count_tokens"
    assert asked.name == "count_tokens " + "m" * 200
    assert asked.attributes is not None and request.attributes is not None
    assert asked.attributes["gen_ai.provider.name"] == "azure.ai.openai"
    assert (asked.attributes["server.address"], asked.attributes["server.port"]) == (
        "x.example",
        443,
    )
    assert request.attributes["wsgi_gateway.model_asked"] == "x" * 200
    assert (request.start_time, request.end_time) == (10**18, 10**18 + 5 * 10**8)
