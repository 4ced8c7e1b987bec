"""What went wrong, fit for the client's eyes: the gateway's own errors, and what an upstream gave for a reply."""

from typing import Any

import msgspec

from wsgi_gateway.exchange.call import JSON_HEADERS, Answer, Call
from wsgi_gateway.protocols.conversation import Conversation, Json
from wsgi_gateway.protocols.decoding import encode, read_body
from wsgi_gateway.protocols.error_bodies import LARGEST_READ, is_bare_error
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import Failed
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.table import Protocol
from wsgi_gateway.upstream import is_long_wait, redacted, without_key


def error_answer(client: Protocol, error: ApiError) -> Answer:
    """An error as the client's API writes it."""
    status, body = client.error_body(error)
    headers = JSON_HEADERS | error.headers
    if error.kind in ("quota", "upstream_auth") or is_long_wait(error.headers):
        headers["x-should-retry"] = "false"
    if error.native is not None:
        return Answer(error.native[0], headers, error.native[1])
    return Answer(status, headers, encode(body))


def full_body(call: Call, content: bytes) -> Json:
    """A full reply's JSON. Raises ApiError for HTML, an empty body, or an error that came with status 200."""
    try:
        body: Any = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        body = None
    if not isinstance(body, dict):
        raise ApiError("upstream_invalid", "the upstream's reply is not a JSON object")
    if body.get("error") or is_bare_error(body):
        raise redacted(call.upstream.read_error(500, content), call.provider)
    return body


def refusal_verbatim(call: Call, status: int, content: bytes) -> ApiError:
    """An upstream's error in the client's own API goes on as it came, if it is fit for the client's eyes, and no longer
    than what is read of it.
    """
    error = refusal(call, status, content)
    if len(content) > LARGEST_READ:
        return error
    try:
        is_native = bool(read_body(content).get("error")) and error.kind != "upstream_auth"
    except ApiError:
        is_native = False
    if is_native and 400 <= status < 600:
        error.native = status, without_key(content, call.provider)
    return error


def failed_stream(call: Call, error: ApiError) -> bytes:
    """All of a stream that failed before it began, as the client's API writes it."""
    # Of a body that nobody has found to be right, nothing is echoed.
    conversation = Conversation(api=call.client.name, model=call.model, stream=True)
    return call.client.stream_writer(conversation, Loss(call.client.name)).write([Failed(error)])


def refusal(call: Call, status: int, content: bytes) -> ApiError:
    """The error that an upstream's status and body stand for, fit for the client's eyes."""
    if 300 <= status < 400:
        return ApiError("upstream_invalid", "the upstream answered with a redirect")
    if status >= 600:
        return ApiError("upstream_invalid", f"the upstream answered with status {status}")
    if status in (401, 403) and not call.provider.passthrough_auth:
        return ApiError(
            "upstream_auth", f"provider {call.provider.name!r} refused the gateway's credentials"
        )
    return redacted(call.upstream.read_error(status, content), call.provider)
