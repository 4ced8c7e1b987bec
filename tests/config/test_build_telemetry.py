"""``metrics``, ``cost``, ``access_log`` and ``tracing``: what a config leads to, and what is said of a bad one."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from wsgi_gateway.cli import main
from wsgi_gateway.config import Config, ConfigError, Secret, build_telemetry, load_config
from wsgi_gateway.config.describe import describe_config
from wsgi_gateway.config.model import AccessLog, CostRules, Metrics, Tracing

PROVIDERS = [{"model": "openai/gpt-4o", "access_key": "k"}]
KEY = "sk-metrics-0123456789"
GRPC = "http://jaeger:4317"


def load(environ: dict[str, str] | None = None, **more: Any) -> Config:
    return load_config({"model_providers": PROVIDERS, **more}, environ or {})


def problem(**more: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load(**more)
    (only,) = caught.value.problems
    return str(only)


def warning(config: Config) -> str:
    (only,) = config.warnings
    return str(only)


@pytest.fixture
def without_otel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway without its extra."""
    found = importlib.util.find_spec

    def find_spec(name: str) -> Any:
        return None if name.startswith("opentelemetry.exporter") else found(name)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)


def test_without_a_word_nothing_is_logged_or_traced() -> None:
    config = load({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"})
    assert config.access_log is None
    assert config.tracing is None


def test_the_log_goes_to_standard_output_or_to_a_file(tmp_path: Path) -> None:
    assert load(access_log={}).access_log == AccessLog()
    assert load(access_log={"path": "-"}).access_log == AccessLog()
    path = str(tmp_path / "access.log")
    assert load(access_log={"path": path}).access_log == AccessLog(path=path)
    file = tmp_path / "config.yaml"
    file.write_text("model_providers: [{model: ollama/a}]\naccess_log: {path: access.log}\n")
    assert load_config(file, {}).access_log == AccessLog(path=path)
    assert load(access_log={"path": "/dev/null"}).access_log == AccessLog(path="/dev/null")


def test_bodies_are_bounded() -> None:
    assert load(access_log={"bodies": True}).access_log == AccessLog(max_body=16_384)
    log = {"bodies": True, "max_body": 100}
    assert load(access_log=log).access_log == AccessLog(max_body=100)
    config = load(access_log={"max_body": 100})
    assert config.access_log == AccessLog()
    assert "max_body: ignored: bodies are not logged" in warning(config)
    assert "from 1 to 1048576" in problem(access_log={"bodies": True, "max_body": 2_000_000})


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nowhere/access.log", "its folder does not exist"),
        (".", "a folder"),
        ("a\0b", "not a file name"),
    ],
)
def test_a_file_that_cannot_be_written(path: str, said: str) -> None:
    assert f"access_log.path: {said}" in problem(access_log={"path": path})


def test_a_file_of_somebody_else_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    said = problem(access_log={"path": str(tmp_path / "access.log")})
    assert "access_log.path: cannot be written to" in said


def test_traces_go_where_the_config_or_the_environment_says() -> None:
    assert load(tracing={}).tracing == Tracing()
    for given in ("http://c:4318", "http://c:4318/"):
        tracing = load(tracing={"endpoint": given}).tracing
        assert tracing == Tracing(endpoint="http://c:4318/v1/traces")
    whole = "https://c/api/public/otel/v1/traces"
    headers = {"authorization": "Basic secret-key"}
    tracing = load(tracing={"endpoint": whole, "headers": headers}).tracing
    hidden = {"authorization": Secret("Basic secret-key")}
    assert tracing == Tracing(endpoint=whole, headers=hidden)
    assert "secret-key" not in repr(tracing)


def test_a_share_of_the_requests_is_traced() -> None:
    assert load(tracing={"sampling_ratio": 0.25}).tracing == Tracing(sampling_ratio=0.25)
    assert load(tracing={"random_sampling": 25}).tracing == Tracing(sampling_ratio=0.25)
    assert load(tracing={"random_sampling": 0}).tracing is None
    assert "from 0 to 1" in problem(tracing={"sampling_ratio": 25})
    assert "keep one" in problem(tracing={"sampling_ratio": 0.25, "random_sampling": 25})


def test_a_collector_that_only_plano_speaks_to() -> None:
    config = load(tracing={"random_sampling": 100, "opentracing_grpc_endpoint": GRPC})
    assert config.tracing is None
    assert "traces go over HTTP" in warning(config)
    config = load(tracing={"endpoint": "http://c:4318", "opentracing_grpc_endpoint": GRPC})
    assert config.tracing == Tracing(endpoint="http://c:4318/v1/traces")
    assert config.warnings == ()
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}
    assert load(environ, tracing={"opentracing_grpc_endpoint": GRPC}).tracing == Tracing()


@pytest.mark.parametrize("endpoint", ["c:4318", "grpc://c:4317", "http://", "http://c:x", "//c"])
def test_an_endpoint_that_is_no_url(endpoint: str) -> None:
    assert "tracing.endpoint: not an http" in problem(tracing={"endpoint": endpoint})


def test_a_password_belongs_into_the_headers() -> None:
    said = problem(tracing={"endpoint": "https://user:hidden@c"})
    assert "give them in headers" in said
    assert "hidden" not in said


@pytest.mark.usefixtures("without_otel")
def test_without_the_extra_a_config_that_names_a_collector_is_not_served(tmp_path: Path) -> None:
    said = problem(tracing={"endpoint": "http://c:4318"})
    assert "opentelemetry-exporter-otlp-proto-http is not installed" in said
    assert "pip install 'wsgi-gateway[otel]'" in said
    file = tmp_path / "config.yaml"
    file.write_text("model_providers: [{model: ollama/a}]\ntracing: {sampling_ratio: 1}\n")
    result = CliRunner(catch_exceptions=False).invoke(main, ["check", str(file)])
    assert result.exit_code == 2
    assert f"{file}:2: error: tracing: the Python package" in result.stderr


@pytest.mark.usefixtures("without_otel")
def test_without_the_extra_a_file_of_plano_s_is_served_without_traces() -> None:
    config = load(tracing={"random_sampling": 100})
    assert config.tracing is None
    assert "no traces are sent" in warning(config)
    assert "pip install" in warning(config)


def test_check_tells_where_lines_and_spans_go(tmp_path: Path) -> None:
    told = describe_config(load(access_log={"bodies": True}, tracing={}))
    assert "access log: standard output, with 16,384 bytes of each body" in told
    assert "traces: where OTEL_EXPORTER_OTLP_ENDPOINT says" in told
    path = tmp_path / "access.log"
    tracing = {
        "endpoint": "http://c:4318",
        "sampling_ratio": 0.125,
        "headers": {"x-key": "hidden"},
    }
    told = describe_config(load(access_log={"path": str(path)}, tracing=tracing))
    assert f"access log: {path}\n" in told
    assert (
        "traces: http://c:4318/v1/traces, 12.5 % of the requests whose clients do not decide it"
        in told
    )
    assert "hidden" not in told


def test_everybody_may_read_metrics_and_nobody_reckons_cost_unless_it_is_said() -> None:
    assert load().metrics == Metrics(enabled=True, loopback_only=False, key=None)
    assert load().cost == CostRules(is_reckoned=False, is_always_told=False)


def test_who_may_read_metrics() -> None:
    assert load({"KEY": KEY}, metrics={"key": "$KEY"}).metrics == Metrics(key=Secret(KEY))
    assert load({"KEY": KEY}, metrics={"access": "loopback"}).metrics == Metrics(loopback_only=True)
    assert load({"KEY": KEY}, metrics={"enabled": False}).metrics == Metrics(enabled=False)


@pytest.mark.parametrize("key", ["tiny-key", "with a space in it", ""])
def test_a_key_that_is_none(key: str) -> None:
    with pytest.raises(ConfigError, match=r"metrics\.key") as error:
        load({"KEY": KEY}, metrics={"key": key})
    assert not key or key not in str(error.value)


def test_whether_cost_is_reckoned(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(cost="asked").cost == CostRules(is_reckoned=True)
    assert load(cost="always").cost == CostRules(is_reckoned=True, is_always_told=True)
    monkeypatch.setattr(build_telemetry, "has_prices", lambda: False)
    assert not load(cost="never").cost.is_reckoned
    with pytest.raises(ConfigError, match="genai-prices"):
        load(cost="asked")
