"""The form of errors that Chat Completions and Responses share: ``{"error": {message, type, param, code}}``.

What an upstream's error means is found out in ``error_bodies``.
"""

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.error_bodies import kind_of, parse_error
from wsgi_gateway.protocols.errors import ApiError


def read_error(status: int, body: bytes) -> ApiError:
    """An upstream's error; ``status`` is 500 for one inside a stream, whose ``code`` may hold a better one."""
    found = parse_error(body)
    code = found.code
    if code is not None and code.isdecimal():
        status = int(code) if status == 500 and 400 <= int(code[:4]) < 600 else status
        code = None
    message = found.message or f"the upstream answered with status {status} and no explanation"
    return ApiError(kind_of(status, found), message, param=found.param, code=code, status=status)


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
