"""Questions for an endpoint beside an API's own, which not every upstream of that API has."""

import re

from wsgi_gateway.exchange import metering, relay
from wsgi_gateway.exchange.call import JSON_HEADERS, Answer, Call
from wsgi_gateway.exchange.gateway import Gateway, passed_body
from wsgi_gateway.exchange.refusals import full_body, refusal, refusal_verbatim

NO_SUCH_ENDPOINT = (404, 405, 501)
"""Statuses by which an upstream says that it has nothing there, or nothing like it."""
_NO_SUCH_ENDPOINT_WITH_200 = re.compile(rb'\s*\{\s*"error"\s*:\s*"Unexpected endpoint or method\b')
"""LM Studio answers so, and with this status, whatever it does not know."""


def ask_upstream(
    gateway: Gateway, call: Call, tail: str, *, is_metered: bool = False
) -> Answer | None:
    """The upstream's own answer, None if it has no endpoint with ``tail`` behind the API's path. Raises ApiError.

    ``is_metered`` is for one that works for its answer, and tells its usage.
    """
    told, _ = gateway.with_state(call)
    body = passed_body(told)
    reply = gateway.send(told.before_another(), body, tail)
    with relay.closing_on_error(reply):
        content = reply.read()
        reply.close()
        if _has_no_endpoint(call, reply.status, content):
            return None
        if reply.is_success:
            full = full_body(call, content)
            if is_metered:
                metering.begin(call, len(body))
                metering.hear_full(call, full, len(content))
            return Answer(reply.status, JSON_HEADERS | call.headers, content)
        raise refusal_verbatim(call, reply.status, content)


def _has_no_endpoint(call: Call, status: int, content: bytes) -> bool:
    """An upstream that knows the endpoint, but not the model, says so with 404 too."""
    if status in NO_SUCH_ENDPOINT:
        return refusal(call, status, content).kind != "model_not_found"
    return _NO_SUCH_ENDPOINT_WITH_200.match(content) is not None
