"""The access log: a line of JSON for each request. docs/observability.md says what its fields mean.

Here: what a line says, and of what record. Not here: how lines are written (line_writer.py), and what is hidden in
bodies (masking.py).
"""

from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from wsgi_gateway.config import Config, Secret
from wsgi_gateway.config.model import NANODOLLARS
from wsgi_gateway.telemetry.line_writer import LineWriter
from wsgi_gateway.telemetry.masking import Mask
from wsgi_gateway.telemetry.record import Attempt, Record
from wsgi_gateway.telemetry.trace_context import read_parent

_LONGEST_NAME = 200
"""Characters of what clients make up."""
_MOST_WAITING = 10_000
_MOST_BYTES_WAITING = 64 * 1024 * 1024
_encode = msgspec.json.Encoder().encode


class Tokens(Struct, omit_defaults=True, kw_only=True):
    """What a reply used. ``input`` includes what was read from and written to a cache, ``output`` the reasoning."""

    input: int
    output: int
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int | None = None
    web_searches: int | None = None


class Tried(Struct, omit_defaults=True, kw_only=True):
    """One attempt of several."""

    provider: str
    model: str
    api: str
    ms: float | None
    status: int | None = None
    failure: str | None = None


class Line(Struct, omit_defaults=True, kw_only=True):
    """What is None, 0 or false of most requests is left out, but never what the first lines name."""

    time: datetime
    request_id: str
    api: str
    operation: str
    status: int
    ending: str
    stream: bool
    model_asked: str | None
    provider: str | None
    model: str | None
    attempts: int
    duration_ms: float
    first_event_ms: float | None
    upstream_ms: float
    gateway_ms: float
    upstream_request_id: str | None = None
    upstream_api: str | None = None
    response_model: str | None = None
    client_id: str | None = None
    key_prefix: str | None = None
    client_address: str = ""
    forwarded_for: str | None = None
    background: bool = False
    websocket: bool = False
    error: str | None = None
    limit: str | None = None
    tried: list[Tried] | None = None
    tokens: Tokens | None = None
    cost_usd: float | None = None
    losses: int = 0
    trace_id: str | None = None
    span_id: str | None = None
    request_bytes: int | None = None
    request_body: str | None = None
    response_bytes: int | None = None
    response_body: str | None = None


class AccessLog:
    """An observer. ``body_limit`` is how much it wants to have of each body."""

    def __init__(self, config: Config, path: str | None, max_body: int = 0) -> None:
        """``path`` and ``max_body`` are config.model.AccessLog's. Raises OSError if the file cannot be opened."""
        self._mask = Mask(_keys_of(config), max_body) if max_body else None
        self.body_limit = self._mask.kept if self._mask else 0
        limit = _MOST_WAITING
        if self.body_limit:
            limit = min(limit, _MOST_BYTES_WAITING // (2 * self.body_limit))
        self._writer = LineWriter[Record](path, self._line_of, _gap, limit)

    def __call__(self, record: Record) -> None:
        """Have a request's line written."""
        self._writer.put(record)

    def _line_of(self, record: Record) -> bytes:
        return line_of(record, self._mask)


def _keys_of(config: Config) -> list[Secret]:
    """All that the config knows, as far as a body could repeat them."""
    keys = [key.key for key in config.access.keys]
    for provider in config.providers:
        if provider.access_key is not None:
            keys.append(provider.access_key)
        keys += map(Secret, provider.headers.values())
    return keys


def line_of(record: Record, mask: Mask | None = None) -> bytes:
    """A record's line. Control characters are escaped, as JSON has it: no value ends a line or begins another."""
    line = Line(
        time=datetime.fromtimestamp(record.time, UTC),
        request_id=record.id,
        api=record.api,
        operation=record.method,
        status=record.status,
        ending=record.ending,
        stream=record.streams,
        model_asked=_short(record.asked),
        provider=record.provider,
        model=_short(record.model),
        attempts=len(record.attempts),
        duration_ms=_ms(record.duration),
        first_event_ms=None if record.begun is None else _ms(record.begun - record.started),
        upstream_ms=_ms(record.waited),
        gateway_ms=_ms(record.own_time),
        upstream_request_id=_short(record.upstream_id),
        upstream_api=record.upstream_api if record.upstream_api != record.api else None,
        response_model=_short(record.response_model),
        client_id=record.client_id,
        key_prefix=record.key_prefix,
        client_address=record.client_address,
        forwarded_for=_short(record.forwarded_for),
        background=record.background,
        websocket=record.websocket,
        error=record.error,
        limit=record.limit,
        tokens=_tokens(record),
        cost_usd=None if record.cost is None else record.cost / NANODOLLARS,
        losses=record.losses,
    )
    if len(record.attempts) > 1:
        line.tried = [_tried(attempt) for attempt in record.attempts]
    _add_trace(line, record)
    if mask is not None:
        _add_bodies(line, record, mask)
    return _encode(line) + b"\n"


def _add_trace(line: Line, record: Record) -> None:
    if record.trace is not None:
        line.trace_id, line.span_id = record.trace.trace_id, record.trace.span_id
    elif record.traceparent and (parent := read_parent(record.traceparent)):
        line.trace_id = parent.trace_id


def _add_bodies(line: Line, record: Record, mask: Mask) -> None:
    said = record.said
    if said is None:
        return
    line.request_bytes, line.response_bytes = said.asked_size, said.answered_size
    line.request_body = mask.text(said.asked, said.keys)
    line.response_body = mask.text(bytes(said.answered), said.keys)


def _tokens(record: Record) -> Tokens | None:
    usage = record.usage
    if usage is None:
        return None
    return Tokens(
        input=usage.input,
        output=usage.output,
        cache_read=usage.cache_read,
        cache_write=usage.cache_write,
        reasoning=usage.reasoning,
        web_searches=usage.web_searches,
    )


def _tried(attempt: Attempt) -> Tried:
    return Tried(
        provider=attempt.provider,
        model=_short(attempt.model) or "",
        api=attempt.api,
        ms=None if attempt.ended is None else _ms(attempt.ended - attempt.began),
        status=attempt.status,
        failure=attempt.failure,
    )


def _ms(seconds: float) -> float:
    return int(seconds * 1e6) / 1000  # Rounding takes ten times as long.


def _short(text: str | None) -> str | None:
    if text is None or len(text) <= _LONGEST_NAME:
        return text
    return text[: _LONGEST_NAME - 1] + "…"


def _gap(lost: int) -> bytes:
    return _encode({"time": datetime.now(UTC), "lines_lost": lost}) + b"\n"
