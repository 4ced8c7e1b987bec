"""The one internal form of an error, and the one table that turns it into each API's status and type.

Reading and writing an API's error body is the job of that API's ``errors`` module.
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

Kind = Literal[
    "invalid_request",
    "context_length",
    "authentication",
    "permission",
    "quota",
    "model_not_found",
    "not_found",
    "conflict",
    "too_large",
    "rate_limit",
    "server",
    "overloaded",
    "timeout",
    "unreachable",
    "upstream_invalid",
    "upstream_auth",
]


class WireError(Struct, frozen=True):
    """One cell of the table: what goes on the wire. ``code`` exists in the OpenAI APIs only."""

    status: int
    type: str
    code: str | None = None


class _Row(Struct, frozen=True):
    openai: WireError
    anthropic: WireError


# protocols digest 1.9 and 1.10; OpenAI's and Anthropic's "Errors" pages.
TABLE: Mapping[str, _Row] = {
    "invalid_request": _Row(
        WireError(400, "invalid_request_error"), WireError(400, "invalid_request_error")
    ),
    "context_length": _Row(
        WireError(400, "invalid_request_error", "context_length_exceeded"),
        WireError(400, "invalid_request_error"),
    ),
    "authentication": _Row(
        WireError(401, "authentication_error", "invalid_api_key"),
        WireError(401, "authentication_error"),
    ),
    "permission": _Row(WireError(403, "request_forbidden"), WireError(403, "permission_error")),
    "quota": _Row(
        WireError(429, "insufficient_quota", "insufficient_quota"),
        WireError(402, "billing_error"),
    ),
    "model_not_found": _Row(
        WireError(404, "invalid_request_error", "model_not_found"),
        WireError(404, "not_found_error"),
    ),
    "not_found": _Row(WireError(404, "invalid_request_error"), WireError(404, "not_found_error")),
    "conflict": _Row(WireError(409, "conflict", "conflict"), WireError(409, "conflict_error")),
    "too_large": _Row(
        WireError(413, "invalid_request_error", "request_too_large"),
        WireError(413, "request_too_large"),
    ),
    "rate_limit": _Row(
        WireError(429, "rate_limit_exceeded", "rate_limit_exceeded"),
        WireError(429, "rate_limit_error"),
    ),
    "server": _Row(WireError(500, "server_error", "server_error"), WireError(500, "api_error")),
    "overloaded": _Row(
        WireError(503, "service_unavailable_error", "server_is_overloaded"),
        WireError(529, "overloaded_error"),
    ),
    "timeout": _Row(WireError(504, "server_error", "timeout"), WireError(504, "timeout_error")),
    "unreachable": _Row(
        WireError(502, "server_error", "upstream_unreachable"), WireError(502, "api_error")
    ),
    "upstream_invalid": _Row(
        WireError(502, "server_error", "upstream_invalid_reply"), WireError(502, "api_error")
    ),
    "upstream_auth": _Row(
        WireError(502, "server_error", "upstream_authentication_failed"),
        WireError(502, "api_error"),
    ),
}

# Where a body says nothing better: the kind that an HTTP status stands for.
KIND_OF_STATUS: Mapping[int, Kind] = {
    400: "invalid_request",
    401: "authentication",
    402: "quota",
    403: "permission",
    404: "not_found",
    408: "timeout",
    409: "conflict",
    413: "too_large",
    422: "invalid_request",
    429: "rate_limit",
    500: "server",
    502: "server",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}


class ApiError(Exception):
    """What went wrong with a request, in no API's dialect.

    ``param`` names the client's field; ``code`` overrides the table's; ``status`` is the upstream's own,
    kept where the table has none better (422, 424, ...); ``headers`` are those to pass on (retry-after, ...);
    ``native`` are the upstream's own status and body, where these are of the client's API and go on as they came;
    ``limit`` is which of the client's limits here refused it.
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.message = message
        self.param = param
        self.code = code
        self.status = status
        self.headers: dict[str, str] = dict(headers or {})
        self.native: tuple[int, bytes] | None = None
        self.limit: str | None = None

    def openai(self) -> WireError:
        """How Chat Completions and Responses put it."""
        return TABLE[self.kind].openai

    def anthropic(self) -> WireError:
        """How Messages puts it."""
        return TABLE[self.kind].anthropic


def kind_of_status(status: int) -> Kind:
    """The kind that an HTTP status without a readable body stands for."""
    kind = KIND_OF_STATUS.get(status)
    if kind is not None:
        return kind
    return "invalid_request" if 400 <= status < 500 else "server"
