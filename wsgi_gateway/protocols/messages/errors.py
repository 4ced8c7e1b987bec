"""Errors of Messages: ``{"type": "error", "error": {"type", "message"}}``."""

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.error_bodies import read_error
from wsgi_gateway.protocols.errors import ApiError

__all__ = ["error_body", "read_error"]


def error_body(error: ApiError) -> tuple[int, Json]:
    """The HTTP status and the body. The API has no ``param``, so the message names the field."""
    wire = error.anthropic()
    message = error.message or wire.type
    if error.param and error.param not in message:
        message = f"{error.param}: {message}"
    status = wire.status
    if error.kind == "invalid_request" and error.status and 400 < error.status < 500:
        status = error.status
    return status, {"type": "error", "error": {"type": wire.type, "message": message}}
