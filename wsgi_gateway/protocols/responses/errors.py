"""Errors inside a stream or a failed response; those with an HTTP status are in ``openai_errors``.

The ``error`` event exists in two shapes: flat, as documented, and with a nested object, at which every SDK raises
(protocols digest 4.8). Both are read, and one that has both is written.
"""

from typing import Any

import msgspec

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.openai_errors import error_body, read_error
from wsgi_gateway.protocols.responses import wire

_SERVERS_FAULT = frozenset({"server_error", "api_error", "internal_error", "timeout"})


def read_failure(given: Any) -> ApiError:
    """The error in a failed response, or in either shape of the ``error`` event.

    A code that is not known as anything else is about the request: ``invalid_prompt``, ``image_too_large``, ...
    """
    try:
        fields = msgspec.convert(given, wire.ErrorFields, from_attributes=True)
    except msgspec.ValidationError:
        fields = wire.ErrorFields(message=given)
    fields.message = fields.message or "the upstream failed and did not say why"
    error = read_error(500, encode({"error": msgspec.to_builtins(fields)}))
    if error.kind == "server" and error.code and error.code not in _SERVERS_FAULT:
        return ApiError("invalid_request", error.message, param=error.param, code=error.code)
    return error


def failure_of_response(error: ApiError) -> Json:
    """``response.error``: its code says what the client may do about it, so it is never empty."""
    fields = error_body(error)[1]["error"]
    fallback = "invalid_prompt" if error.kind == "invalid_request" else "server_error"
    return {**fields, "code": fields["code"] or fallback}


def error_event(error: ApiError, sequence_number: int) -> Json:
    """The ``error`` event in both shapes."""
    fields = failure_of_response(error)
    return {
        "type": "error",
        "sequence_number": sequence_number,
        "code": fields["code"],
        "message": fields["message"],
        "param": fields["param"],
        "error": fields,
    }
