"""Traces by OpenTelemetry's protocol over HTTP: where they begin, which of them are recorded, where their spans go.

Not here: what spans say (spans.py), and sampling, batches, retries and the protocol, which are OpenTelemetry's own.
Imported only where traces are configured: it takes a quarter of a second.

Spans are made when their request is over, and queued for the SDK's thread, which under gevent is a greenlet. It sends
small batches: while it encodes one, nothing else goes on.
"""

import atexit
import os
import threading
from collections.abc import Mapping
from weakref import WeakSet, finalize

from opentelemetry import trace as otel
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, ParentBasedTraceIdRatio

from wsgi_gateway import __version__
from wsgi_gateway.config import Config
from wsgi_gateway.config.model import Tracing
from wsgi_gateway.telemetry.record import Record
from wsgi_gateway.telemetry.spans import Spans, caller_of
from wsgi_gateway.telemetry.trace_context import (
    Parent,
    Trace,
    new_span_id,
    new_trace_id,
    read_parent,
    read_state,
)

_BATCH = 32
"""Spans, whose encoding takes 3 ms, unless OTEL_BSP_MAX_EXPORT_BATCH_SIZE says otherwise."""
_LONGEST_STOP = 5.0
"""Seconds that a worker's end waits for a collector to take the last spans."""


def open_tracer(config: Config, environ: Mapping[str, str] = os.environ) -> "Tracer | None":
    """None if OpenTelemetry's own variables say that nothing is to be traced."""
    if config.tracing is None or _says(environ, "OTEL_SDK_DISABLED", "true"):
        return None
    if _says(environ, "OTEL_TRACES_EXPORTER", "none"):
        return None
    size = None if "OTEL_BSP_MAX_EXPORT_BATCH_SIZE" in environ else _BATCH
    processor = BatchSpanProcessor(_exporter(config.tracing), max_export_batch_size=size)
    return Tracer(config, processor, environ)


def _says(environ: Mapping[str, str], name: str, word: str) -> bool:
    return environ.get(name, "").strip().lower() == word


def _exporter(tracing: Tracing) -> OTLPSpanExporter:
    headers = tracing.headers
    return OTLPSpanExporter(
        endpoint=tracing.endpoint,
        headers=None if headers is None else {name: key.reveal() for name, key in headers.items()},
    )


class Tracer:
    """An observer."""

    def __init__(
        self, config: Config, processor: SpanProcessor, environ: Mapping[str, str] = os.environ
    ) -> None:
        ratio = None if config.tracing is None else config.tracing.sampling_ratio
        # What the config does not say the provider reads from the environment.
        provider = TracerProvider(
            sampler=None if ratio is None else ParentBasedTraceIdRatio(ratio),
            resource=_resource(environ),
            shutdown_on_exit=False,
        )
        self._sampler = provider.sampler
        self._spans = Spans(config.providers, provider.resource)
        self._processor = processor
        _TRACERS.add(self)
        # One that a new config has replaced sends what it has, and ends.
        finalize(self, _end, processor).atexit = False

    def begin_trace(self, traceparent: str | None, tracestate: str | None) -> Trace:
        """In the trace that a client's headers name, or in a new one."""
        parent = read_parent(traceparent)
        trace_id = new_trace_id() if parent is None else parent.trace_id
        return Trace(
            trace_id=trace_id,
            span_id=new_span_id(),
            parent=parent,
            is_sampled=self._samples(trace_id, parent),
            state=None if parent is None else read_state(tracestate),
        )

    def _samples(self, trace_id: str, parent: Parent | None) -> bool:
        context = None
        if parent is not None:
            if isinstance(self._sampler, ParentBased):
                return parent.is_sampled  # What it would say, but sooner.
            context = otel.set_span_in_context(otel.NonRecordingSpan(caller_of(parent)))
        result = self._sampler.should_sample(context, int(trace_id, 16), "request")
        return result.decision is Decision.RECORD_AND_SAMPLE

    def __call__(self, record: Record) -> None:
        """Queue a request's spans, if its trace is recorded."""
        trace = record.trace
        if trace is not None and trace.is_sampled:
            for span in self._spans.of(record, trace):
                self._processor.on_end(span)

    def close(self) -> None:
        """Send what waits, as far as the collector takes it in a few seconds."""
        _end(self._processor).join(_LONGEST_STOP)


def _end(processor: SpanProcessor) -> threading.Thread:
    thread = threading.Thread(target=processor.shutdown, daemon=True)
    thread.start()
    return thread


def _resource(environ: Mapping[str, str]) -> Resource:
    """This service, under the name that the environment gives it."""
    attributes = {"service.version": __version__}
    is_named = "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    if not is_named and not environ.get("OTEL_SERVICE_NAME"):
        attributes["service.name"] = "wsgi-gateway"
    return Resource.create(attributes)


_TRACERS: WeakSet[Tracer] = WeakSet()


def _close_all() -> None:
    for tracer in list(_TRACERS):
        tracer.close()


atexit.register(_close_all)
