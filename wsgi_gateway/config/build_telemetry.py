"""``metrics``, ``cost``, ``access_log``, ``tracing``: what operators see, who of them, and where it goes.

No collector is asked: one that is down now may be up when it is needed.
"""

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path as FilePath
from urllib.parse import urlsplit

from wsgi_gateway.config.build_access import check_key
from wsgi_gateway.config.key_file import has_prices
from wsgi_gateway.config.model import AccessLog, CostRules, Metrics, Tracing
from wsgi_gateway.config.new_files import place_of
from wsgi_gateway.config.problems import Path, Report
from wsgi_gateway.config.secret import Secret
from wsgi_gateway.config.telemetry_schema import AccessLogEntry, Cost, MetricsEntry, TracingEntry

_LOG: Path = ("access_log",)
_TRACING: Path = ("tracing",)
_MAX_BODY = 16_384
_ENDPOINT_VARIABLES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_TRACES_PATH = "/v1/traces"
_NEEDED = {
    "opentelemetry-sdk": "opentelemetry.sdk.trace",
    "opentelemetry-exporter-otlp-proto-http": "opentelemetry.exporter.otlp.proto.http",
}
_INSTALL = "pip install 'wsgi-gateway[otel]'"


def build_metrics(entry: MetricsEntry | None, report: Report) -> Metrics:
    """For everybody if nothing is said."""
    if entry is None:
        return Metrics()
    key = None if entry.key is None else Secret(entry.key.reveal().strip())
    if key is not None:
        check_key(key, ("metrics",), report)
    return Metrics(enabled=entry.enabled, loopback_only=entry.access == "loopback", key=key)


def build_cost(entry: Cost, report: Report) -> CostRules:
    """Nobody reckons it if nothing is said."""
    if entry != "never" and not has_prices():
        report.error(
            ("cost",),
            "needs the Python package genai-prices",
            "pip install 'wsgi-gateway[prices]'",
        )
    return CostRules(is_reckoned=entry != "never", is_always_told=entry == "always")


def build_access_log(entry: AccessLogEntry | None, report: Report) -> AccessLog | None:
    """None if nothing is to be logged."""
    if entry is None:
        return None
    if entry.max_body is not None and not entry.bodies:
        report.warning((*_LOG, "max_body"), "ignored: bodies are not logged")
    max_body = (entry.max_body or _MAX_BODY) if entry.bodies else 0
    return AccessLog(
        path=None
        if entry.path == "-"
        else place_of(entry.path, (*_LOG, "path"), report, _problem_of),
        max_body=max_body,
    )


def _problem_of(file: FilePath) -> str | None:
    """Raises OSError and ValueError. A named pipe or /dev/stderr will do, too."""
    if "\0" in str(file):
        return "not a file name"
    if not file.parent.is_dir():
        return "its folder does not exist"
    if file.is_dir():
        return "a folder"
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        return "cannot be written to"
    return None


def build_tracing(
    entry: TracingEntry | None, environ: Mapping[str, str], report: Report
) -> Tracing | None:
    """None if nothing is to be traced."""
    if entry is None:
        return None
    endpoint = _endpoint(entry.endpoint, report)
    ratio = _ratio(entry, report)
    if ratio == 0:
        return None
    if entry.opentracing_grpc_endpoint and not endpoint:
        report.warning(
            (*_TRACING, "opentracing_grpc_endpoint"),
            "not served by this gateway: traces go over HTTP",
            "give that address as endpoint, usually port 4318",
        )
        if not any(environ.get(name) for name in _ENDPOINT_VARIABLES):
            return None
    if missing := missing_packages():
        words = f"{missing[0]} is not installed"
        if entry.endpoint or entry.headers or entry.sampling_ratio is not None:
            report.error(_TRACING, f"the Python package {words}", _INSTALL)
        else:  # What a file of Plano's says is no reason not to serve it.
            report.warning(_TRACING, f"no traces are sent: the Python package {words}", _INSTALL)
        return None
    return Tracing(endpoint=endpoint, headers=entry.headers, sampling_ratio=ratio)


def missing_packages() -> list[str]:
    """Those of the extra otel that are not installed."""
    return [package for package, module in _NEEDED.items() if not _is_there(module)]


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _ratio(entry: TracingEntry, report: Report) -> float | None:
    if entry.random_sampling is None:
        return entry.sampling_ratio
    if entry.sampling_ratio is not None:
        report.error(
            (*_TRACING, "random_sampling"),
            "Plano's place for sampling_ratio, which is also given",
            "keep one",
        )
    return entry.random_sampling / 100


def _endpoint(given: str | None, report: Report) -> str | None:
    """The whole URL."""
    if given is None:
        return None
    path = (*_TRACING, "endpoint")
    try:
        url = urlsplit(given)
        is_url = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
        has_user = url.username is not None
    except ValueError:
        is_url = has_user = False
    if not is_url:
        report.error(path, "not an http:// or https:// URL")
        return None
    if has_user:
        report.error(path, "must not hold a user name or a password", "give them in headers")
        return None
    return given if url.path not in ("", "/") else given.rstrip("/") + _TRACES_PATH
