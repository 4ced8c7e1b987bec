"""The form of errors that Chat Completions and Responses share: ``{"error": {message, type, param, code}}``.

Only writing it is particular to them; what an upstream's error means is found out in ``error_bodies``.
"""

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.error_bodies import read_error
from wsgi_gateway.protocols.errors import ApiError

__all__ = ["error_body", "read_error"]


def error_body(error: ApiError) -> tuple[int, Json]:
    """The HTTP status and the body. The upstream's own status stays where it says more than the table's."""
    wire = error.openai()
    status = wire.status
    if error.status is not None and (
        (error.kind == "invalid_request" and 400 < error.status < 500)
        or (error.kind == "server" and 500 < error.status < 600)
    ):
        status = error.status
    return status, {
        "error": {
            "message": error.message or wire.type,
            "type": wire.type,
            "param": error.param,
            "code": error.code or wire.code,
        }
    }
