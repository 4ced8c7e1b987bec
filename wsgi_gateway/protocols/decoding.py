"""JSON into typed objects, with errors that name the field in the client's own terms."""

import re
from typing import Any, TypeVar

import msgspec
import orjson

from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.flaws import flaw_of
from wsgi_gateway.protocols.surrogates import replace_halves

T = TypeVar("T")

_AT = re.compile(r" - at `(?P<key>key` in `)?\$\.?(?P<path>[^`]*)`$")
_ANY_NAME = "[...]"
"""In a path of msgspec's: some entry of an object with names of any kind."""
_PACKED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")
"""How gzip's and zstandard's bytes begin."""
_LONGEST_PATH = 200
"""Of a field in an error: names are the client's own, of any length."""
decode_object = msgspec.json.Decoder(dict[str, Any]).decode
encode = msgspec.json.Encoder().encode


def encode_request(body: dict[str, Any]) -> bytes:
    """A body for an upstream, which may be a long history: of texts orjson makes JSON in half the time.

    It knows no integers beyond 64 bits, and no deep nesting: what has these msgspec writes. Raises as that does.
    """
    try:
        return orjson.dumps(body, default=_verbatim)
    except orjson.JSONEncodeError:
        return encode(body)


def _verbatim(value: Any) -> orjson.Fragment:
    if isinstance(value, msgspec.Raw):
        return orjson.Fragment(bytes(value))
    raise TypeError


def read_body(body: bytes) -> dict[str, Any]:
    """A client's request body. Raises ApiError (invalid_request) unless it is one JSON object.

    NaN, Infinity and numbers out of range are not JSON and are refused here, before any upstream sees them.
    """
    try:
        return decode_object(body)
    except RecursionError:
        raise ApiError("invalid_request", "the request body is nested too deeply") from None
    except ValueError as error:
        raise _unreadable(body, error) from None


def _unreadable(body: bytes, error: ValueError) -> ApiError:
    if not body:
        return ApiError("invalid_request", "the request body is empty: it must be a JSON object")
    if body.startswith(_PACKED):
        message = "the request body is compressed: it must come as plain JSON"
        return ApiError("invalid_request", message, status=415)
    path, what = flaw_of(body) or ("", "")
    if path and len(path) <= _LONGEST_PATH:
        return ApiError("invalid_request", f"{path}: {what}", param=path)
    return ApiError("invalid_request", f"the request body must be a JSON object: {error}")


def convert(body: dict[str, Any], shape: type[T]) -> T:
    """``body`` as a typed object. Raises ApiError (invalid_request) whose ``param`` is the field's path."""
    try:
        return msgspec.convert(body, shape)
    except msgspec.ValidationError as error:
        text = str(error)
        where = _AT.search(text)
        path = where["path"].partition(_ANY_NAME)[0] if where else ""
        what = _AT.sub(" as a name" if where and where["key"] else "", text)
        missing = re.search(r"missing required field `(\w+)`", what)
        if missing:
            path = f"{path}.{missing.group(1)}" if path else missing.group(1)
            what = "is required"
        message = f"{path}: {what}" if path else what
        raise ApiError("invalid_request", message, param=path or None) from None


def parse_arguments(arguments: str) -> dict[str, Any] | None:
    """A tool call's JSON text as an object; None if it is not one. Empty text means no arguments."""
    if not arguments.strip():
        return {}
    try:
        return decode_object(arguments)
    except (ValueError, RecursionError):
        return None


def arguments_text(arguments: object) -> str:
    """A tool call's arguments as JSON text, also where they came as an object, empty or not at all."""
    if isinstance(arguments, str):
        return arguments if arguments.strip() else "{}"
    return "{}" if arguments is None else encode(arguments).decode()


def decode_event(decoder: msgspec.json.Decoder[T], data: bytes) -> T:
    """An upstream's JSON. Raises ApiError (upstream_invalid) if it cannot be read."""
    try:
        try:
            return decoder.decode(data)
        except msgspec.DecodeError:
            return decoder.decode(replace_halves(data))
    except (ValueError, RecursionError) as error:
        raise ApiError(
            "upstream_invalid", f"the upstream sent an event that is odd: {error}"
        ) from None
