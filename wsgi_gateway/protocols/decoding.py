"""JSON into typed objects, with errors that name the field in the client's own terms."""

import re
from typing import Any, TypeVar

import msgspec

from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.surrogates import replace_halves

T = TypeVar("T")

_AT = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`$")
decode_object = msgspec.json.Decoder(dict[str, Any]).decode
encode = msgspec.json.Encoder().encode


def read_body(body: bytes) -> dict[str, Any]:
    """A client's request body. Raises ApiError (invalid_request) unless it is one JSON object.

    NaN, Infinity and numbers out of range are not JSON and are refused here, before any upstream sees them.
    """
    try:
        return decode_object(body)
    except (ValueError, RecursionError) as error:
        raise ApiError(
            "invalid_request", f"the request body must be a JSON object: {error}"
        ) from None


def convert(body: dict[str, Any], shape: type[T]) -> T:
    """``body`` as a typed object. Raises ApiError (invalid_request) whose ``param`` is the field's path."""
    try:
        return msgspec.convert(body, shape)
    except msgspec.ValidationError as error:
        text = str(error)
        where = _AT.search(text)
        path = where.group(1) if where else ""
        what = _AT.sub("", text)
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
