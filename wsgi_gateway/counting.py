"""One question for a token count: passed on to an upstream that can answer it, else answered by an estimate.

How a conversation is counted is ``token_count``'s job; routing, sending and errors are the exchange's.

Sources: Anthropic API reference, "Count tokens in a Message"; OpenAI API reference, "Get input token counts".
"""

import msgspec

from wsgi_gateway import relay
from wsgi_gateway.exchange import (
    JSON_HEADERS,
    Answer,
    Call,
    Gateway,
    Request,
    full_body,
    passed_body,
    refusal,
    refusal_verbatim,
)
from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.token_count import estimate

# Behind the path of the API's own endpoint.
_TAILS = {"messages": "/count_tokens", "responses": "/input_tokens"}
_NO_SUCH_ENDPOINT = (404, 405, 501)


class TokenCounter:
    """Counts for the clients of one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def answer(self, api: str, request: Request) -> Answer:
        """Answer one question in ``api``, messages or responses. Never raises."""
        return self._gateway.serve(api, request, self._count)

    def _count(self, call: Call) -> Answer:
        return (self._ask(call) if call.same_api else None) or self._estimate(call)

    def _ask(self, call: Call) -> Answer | None:
        """The upstream's own answer, None if it has no such endpoint."""
        reply = self._gateway.send(call, passed_body(call), _TAILS[call.client.name])
        with relay.closing_on_error(reply):
            content = reply.read()
            reply.close()
            if reply.is_success:
                full_body(call, content)
                return Answer(reply.status, JSON_HEADERS | call.headers, content)
            if reply.status in _NO_SUCH_ENDPOINT and not _is_about_model(
                call, reply.status, content
            ):
                return None
            return refusal_verbatim(call, reply.status, content)

    def _estimate(self, call: Call) -> Answer:
        call = msgspec.structs.replace(call, body=_complete(call))
        # What a translation would lose is told with the reply; it says nothing about a count.
        conversation = self._gateway.read_conversation(call, Loss(call.client.name))
        found = estimate(conversation, call.model)
        loss = Loss(call.client.name)
        loss.approximated("input_tokens", found.method)
        headers = JSON_HEADERS | call.headers | {"x-gateway-warning": loss.header() or ""}
        body: Json = {"input_tokens": found.tokens}
        if call.client.name == "responses":
            body = {"object": "response.input_tokens", **body}
        return Answer(200, headers, encode(body))


def _is_about_model(call: Call, status: int, content: bytes) -> bool:
    """An upstream that knows the endpoint, but not the model, says so with 404 too."""
    return refusal(call, status, content).kind == "model_not_found"


def _complete(call: Call) -> Json:
    """The body with what a count may leave out and a request may not."""
    if call.client.name == "messages":
        return {**call.body, "max_tokens": 1}
    return {**call.body, "input": call.body.get("input") or []}
