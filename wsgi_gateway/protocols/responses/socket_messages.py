"""Messages on a WebSocket, the other way to speak Responses: what a client's says, and how events and errors are told.

A turn's body is that of the HTTP request, and its events are those of the stream. Here is only what wraps them.

Sources: Open Responses 2026-04-24, "WebSocket Transport"; OpenAI's guide "WebSocket Mode" and its SDK's
``ResponsesClientEvent`` for ``stream_id`` and ``generate``.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import encode, read_body
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.openai_errors import error_body
from wsgi_gateway.protocols.responses.errors import read_failure

_decode = msgspec.json.Decoder(dict[str, Raw]).decode
_WARNING = re.compile(rb"^: x-gateway-warning: (.*)$", re.MULTILINE)

_ENVELOPE = ("type", "stream_id", "generate", "stream", "background")
_FAILURES = frozenset({"response.failed", "response.cancelled"})
_ENDS = _FAILURES | {"response.completed", "response.incomplete"}

_TOLD_HEADERS = re.compile(
    r"x-gateway-.*|x-request-id|x-should-retry|retry-after(-ms)?|x-ratelimit-.*|openai-.*"
)
"""What is told of an HTTP answer's headers: its first event, or its error, is the only place there is for them."""

Fields = Mapping[str, Raw]
"""A message's members, not read yet."""


class Create(Struct, kw_only=True):
    """A turn to be run. ``body`` is that of a streamed HTTP request; ``generate`` is False for one without output."""

    body: bytes
    generate: bool


class Lane(Struct, frozen=True):
    """What ties a turn's events to its message: they repeat the ``stream_id`` that the client gave, if it gave one."""

    stream_id: str | None = None

    def members(self) -> Json:
        """What each event has on top."""
        return {} if self.stream_id is None else {"stream_id": self.stream_id}


NO_LANE = Lane()


def read_message(data: bytes) -> Fields:
    """A client's message. Raises ApiError unless it is one JSON object."""
    try:
        return _decode(data)
    except (ValueError, RecursionError) as error:
        raise ApiError(
            "invalid_request", f"the message must be a JSON object: {error}", code="invalid_json"
        ) from None


def lane_of(fields: Fields) -> Lane:
    """Raises ApiError for a ``stream_id`` that is no text."""
    return Lane(_value(fields, "stream_id", str))


def previous_of(fields: Fields) -> str | None:
    """The response that the turn goes on from, as far as that can be read."""
    try:
        previous: str | None = _value(fields, "previous_response_id", str)
    except ApiError:
        return None
    return previous


def read_create(fields: Fields) -> Create:
    """A ``response.create``. Raises ApiError for every other message, and for what a socket does not have."""
    kind = _value(fields, "type", str)
    if kind != "response.create":
        raise ApiError(
            "invalid_request",
            f"type: a message's type must be response.create, not {kind!r}",
            param="type",
            code="unknown_message_type",
        )
    if _value(fields, "stream", bool) is False:
        raise _refused("stream", "a response on a WebSocket is always streamed")
    if _value(fields, "background", bool):
        raise _refused("background", "is not supported on a WebSocket")
    body = {name: value for name, value in fields.items() if name not in _ENVELOPE}
    return Create(
        body=encode(body | {"stream": Raw(b"true")}),
        generate=_value(fields, "generate", bool) is not False,
    )


def _refused(name: str, message: str) -> ApiError:
    return ApiError("invalid_request", f"{name}: {message}", param=name)


def _value(fields: Fields, name: str, kind: type) -> Any:
    """The member ``name``, None where it is missing or null. Raises ApiError if it is of another kind."""
    try:
        return msgspec.json.decode(fields.get(name, b"null"), type=kind | None)
    except ValueError:
        word = {str: "a string", bool: "true or false"}[kind]
        raise _refused(name, f"must be {word}") from None


class EventMessages:
    """One turn's stream, as bytes of server-sent events, into messages: one for each event, and one alone that ends it.

    A stream that breaks off may tell so twice: in an ``error`` event, and in a failed response behind it. A client that
    has begun its next turn at the first would take the second for that one's end, so the first is held back until
    nothing follows. The first message has what HTTP tells in headers, in a member ``gateway``, and any other a warning
    that came with it.
    """

    def __init__(self, lane: Lane, headers: Mapping[str, str]) -> None:
        self.failed = False
        self._ended = False
        self._error: Json | None = None
        self._decoder = sse.Decoder()
        self._lane = lane
        self._news: Json = _told(headers)

    def feed(self, piece: bytes) -> list[bytes]:
        """The messages that ``piece`` completed; none for a comment."""
        if b": x-gateway-warning: " in piece:
            for warning in _WARNING.findall(piece):
                self._news["x-gateway-warning"] = warning.decode()
        events = self._decoder.feed(piece)
        return [message for event in events if (message := self._message(event))]

    def finish(self) -> list[bytes]:
        """At the end of the stream: what is still to be told, so that the turn has an end."""
        if self._ended:
            return []
        self._ended = self.failed = True
        if self._error is None:
            return [message_of(ApiError("server", "the response broke off"), self._lane)]
        status, body = error_body(read_failure(self._error.get("error") or self._error))
        return [error_message(status, encode(body), {}, self._lane)]

    def _message(self, event: sse.ServerSentEvent) -> bytes:
        """b"" for what is not told, or not yet."""
        kind = event.event or _type_of(event.data)
        if self._ended or not event.data.rstrip().endswith(b"}"):
            return b""  # [DONE], with which some hosts end each of their streams
        if kind == "error":
            self._error = _object(event.data)
            return b""
        if kind in _ENDS:
            self._ended = True
            self.failed = kind in _FAILURES
        members = self._lane.members()
        if self._news:
            members["gateway"] = self._news
            self._news = {}
        # Spliced in, so that the event stays as it is.
        return event.data.rstrip()[:-1] + b"," + encode(members)[1:] if members else event.data


def error_message(status: int, body: bytes, headers: Mapping[str, str], lane: Lane) -> bytes:
    """An HTTP error as the ``error`` event of a socket, whose code is never empty."""
    try:
        error = msgspec.json.decode(body)["error"]
    except (ValueError, RecursionError, TypeError, KeyError):
        error = None
    if not isinstance(error, dict):
        error = {"message": error if isinstance(error, str) else "the request failed"}
    kind = str(error.get("type") or "server_error")
    code = str(error.get("code") or kind)
    told = {"type": kind, "param": None, **error, "code": code}
    told["message"] = str(error.get("message") or kind)
    if kept := _told(headers):
        told["headers"] = kept
    return encode({"type": "error", "status": status, "error": told, **lane.members()})


def message_of(error: ApiError, lane: Lane = NO_LANE) -> bytes:
    """An error of the gateway's own as a socket's ``error`` event."""
    status, body = error_body(error)
    return error_message(status, encode(body), error.headers, lane)


def _told(headers: Mapping[str, str]) -> Json:
    return {name: value for name, value in headers.items() if _TOLD_HEADERS.fullmatch(name)}


class _Typed(Struct):
    type: str = ""


_decode_typed = msgspec.json.Decoder(_Typed).decode


def _type_of(data: bytes) -> str:
    try:
        return _decode_typed(data).type
    except (ValueError, RecursionError):
        return ""


def _object(data: bytes) -> Json:
    try:
        return read_body(data)
    except ApiError:
        return {}
