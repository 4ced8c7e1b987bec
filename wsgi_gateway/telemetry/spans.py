"""What the spans of a request say, in the words of OpenTelemetry's semantic conventions for HTTP and GenAI.

Here: one span of the request, and one of each upstream that was asked. What the conventions have no word for
begins with ``wsgi_gateway.``. Not here: where a trace begins and where spans go (tracing.py).

Tokens are told in one span only, that of the upstream which used them: backends add them up.
"""

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.types import AttributeValue

from wsgi_gateway import __version__
from wsgi_gateway.config import Provider
from wsgi_gateway.config.model import NANODOLLARS
from wsgi_gateway.telemetry.gen_ai import operation_name, provider_name
from wsgi_gateway.telemetry.record import Attempt, Record
from wsgi_gateway.telemetry.trace_context import Parent, Trace

_SCOPE = InstrumentationScope("wsgi_gateway", __version__)
_ROUTES = {
    ("chat_completions", "reply"): "POST /v1/chat/completions",
    ("messages", "reply"): "POST /v1/messages",
    ("responses", "reply"): "POST /v1/responses",
    ("messages", "count_tokens"): "POST /v1/messages/count_tokens",
    ("responses", "count_tokens"): "POST /v1/responses/input_tokens",
    ("responses", "compaction"): "POST /v1/responses/compact",
    ("responses", "stored_response"): "/v1/responses/{id}",
    ("responses", "stored_conversation"): "/v1/conversations/{id}",
}
"""Method and route, as far as a record knows them."""
_SERVER_ERROR = 500
_LONGEST_NAME = 200

Known = dict[str, AttributeValue]
Told = dict[str, AttributeValue | None]


class Spans:
    """``of`` a record. ``resource`` is who made them."""

    def __init__(self, providers: Iterable[Provider], resource: Resource) -> None:
        self._resource = resource
        self._servers = {provider.name: _servers(provider) for provider in providers}

    def of(self, record: Record, trace: Trace) -> Iterator[ReadableSpan]:
        """The request's span, and that of each attempt."""
        yield self._request_span(record, trace)
        for attempt in record.attempts:
            if attempt.span_id is not None:
                yield self._attempt_span(record, trace, attempt, attempt.span_id)

    def _request_span(self, record: Record, trace: Trace) -> ReadableSpan:
        failed = record.ending in ("broke", "cut") or record.status >= _SERVER_ERROR
        return ReadableSpan(
            name=_name(record),
            context=_context(trace, trace.span_id),
            parent=None if trace.parent is None else caller_of(trace.parent),
            resource=self._resource,
            attributes=_request_attributes(record),
            kind=SpanKind.SERVER,
            status=Status(StatusCode.ERROR, record.error) if failed else Status(),
            start_time=_nanoseconds(record, record.started),
            end_time=_nanoseconds(record, record.ended),
            instrumentation_scope=_SCOPE,
        )

    def _attempt_span(
        self, record: Record, trace: Trace, attempt: Attempt, span_id: str
    ) -> ReadableSpan:
        operation = operation_name(record.method)
        attributes = _attempt_attributes(record, attempt, operation)
        server = self._servers.get(attempt.provider, {}).get(attempt.api)
        if server is not None:
            attributes["server.address"], attributes["server.port"] = server
        failure = attempt.failure
        if failure is None and attempt is record.attempts[-1]:
            attributes |= _reply_attributes(record)
        return ReadableSpan(
            name=f"{operation} {_short(attempt.model)}",
            context=_context(trace, span_id),
            parent=_context(trace, trace.span_id),
            resource=self._resource,
            attributes=attributes,
            kind=SpanKind.CLIENT,
            status=Status() if failure is None else Status(StatusCode.ERROR, failure),
            start_time=_nanoseconds(record, attempt.began),
            end_time=_nanoseconds(record, attempt.ended or record.ended),
            instrumentation_scope=_SCOPE,
        )


def caller_of(parent: Parent) -> SpanContext:
    """The span that called, which is another process's."""
    flags = TraceFlags(parent.is_sampled)
    return SpanContext(int(parent.trace_id, 16), int(parent.span_id, 16), True, flags)


def _context(trace: Trace, span_id: str) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED)
    return SpanContext(int(trace.trace_id, 16), int(span_id, 16), False, flags)


def _servers(provider: Provider) -> dict[str, tuple[str, int]]:
    """API -> host and port."""
    servers = {}
    for name, endpoint in provider.endpoints.items():
        url = urlsplit(endpoint)
        servers[name] = (url.hostname or "", url.port or (443 if url.scheme == "https" else 80))
    return servers


def _name(record: Record) -> str:
    """Of a few."""
    if record.websocket:
        return "/v1/responses turn"
    return _ROUTES.get((record.api, record.method), f"{record.api} {record.method}")


def _request_attributes(record: Record) -> Known:
    method, _, route = _ROUTES.get((record.api, record.method), "").rpartition(" ")
    return _known(
        {
            "http.request.method": None if record.websocket else method or None,
            "http.route": route or None,
            "http.response.status_code": record.status or None,
            "client.address": record.client_address or None,
            "error.type": record.error,
            "wsgi_gateway.request_id": record.id,
            "wsgi_gateway.api": record.api,
            "wsgi_gateway.operation": record.method,
            "wsgi_gateway.ending": record.ending,
            "wsgi_gateway.model_asked": _short(record.asked),
            "wsgi_gateway.client_id": record.client_id,
            "wsgi_gateway.key_prefix": record.key_prefix,
            "wsgi_gateway.limit": record.limit,
            "wsgi_gateway.attempts": len(record.attempts),
            "wsgi_gateway.losses": record.losses or None,
        }
    )


def _attempt_attributes(record: Record, attempt: Attempt, operation: str) -> Known:
    told: Told = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": provider_name(attempt.kind),
        "gen_ai.request.model": _short(attempt.model),
        "gen_ai.request.stream": record.streams or None,
        "openai.api.type": None if attempt.api == "messages" else attempt.api,
        "http.response.status_code": attempt.status,
        "error.type": attempt.failure,
        "wsgi_gateway.provider": attempt.provider,
    }
    if record.streams and attempt.begun is not None:
        told["gen_ai.response.time_to_first_chunk"] = attempt.begun - attempt.began
    return _known(told)


def _reply_attributes(record: Record) -> Known:
    told: Told = {"gen_ai.response.model": _short(record.response_model)}
    usage = record.usage
    if usage is not None:
        told |= {
            "gen_ai.usage.input_tokens": usage.input,
            "gen_ai.usage.output_tokens": usage.output,
            "gen_ai.usage.cache_read.input_tokens": usage.cache_read or None,
            "gen_ai.usage.cache_creation.input_tokens": usage.cache_write or None,
            "gen_ai.usage.reasoning.output_tokens": usage.reasoning,
            "openai.response.service_tier": usage.service_tier,
        }
    if record.cost is not None:
        # The conventions have no name for it; several backends read this one.
        told["gen_ai.usage.cost"] = record.cost / NANODOLLARS
    return _known(told)


def _known(told: Mapping[str, AttributeValue | None]) -> Known:
    return {name: value for name, value in told.items() if value is not None}


def _short(text: str | None) -> str | None:
    return text and text[:_LONGEST_NAME]


def _nanoseconds(record: Record, moment: float) -> int:
    """Since 1970."""
    return int((record.time + moment - record.started) * 1e9)
