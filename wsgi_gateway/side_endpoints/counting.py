"""One question for a token count: passed on to an upstream that can answer it, else answered by an estimate.

How a conversation is counted is ``token_count``'s job; routing, sending and errors are the exchange's.

Sources: Anthropic API reference, "Count tokens in a Message"; OpenAI API reference, "Get input token counts".
"""

import msgspec

from wsgi_gateway.exchange.call import JSON_HEADERS, Answer, Call, Request
from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.side_endpoints.asking import ask_upstream
from wsgi_gateway.token_count import estimate

# Behind the path of the API's own endpoint.
_TAILS = {"messages": "/count_tokens", "responses": "/input_tokens"}


class TokenCounter:
    """Counts for the clients of one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def answer(self, api: str, request: Request) -> Answer:
        """Answer one question in ``api``, messages or responses. Never raises."""
        return self._gateway.serve(api, request, self._count, "count_tokens")

    def _count(self, call: Call) -> Answer:
        tail = _TAILS[call.client.name]
        counted = ask_upstream(self._gateway, call, tail) if call.same_api else None
        return counted or self._estimate(call)

    def _estimate(self, call: Call) -> Answer:
        call = msgspec.structs.replace(call, fields=_complete(call))
        # What a translation would lose is told with the reply; it says nothing about a count.
        conversation = self._gateway.translator.read_conversation(call, Loss(call.client.name))
        found = estimate(conversation, call.model)
        loss = Loss(call.client.name)
        loss.approximated("input_tokens", found.method)
        headers = JSON_HEADERS | call.headers | {"x-gateway-warning": loss.header() or ""}
        body: Json = {"input_tokens": found.tokens}
        if call.client.name == "responses":
            body = {"object": "response.input_tokens", **body}
        return Answer(200, headers, encode(body))


def _complete(call: Call) -> Json:
    """The body with what a count may leave out and a request may not."""
    if call.client.name == "messages":
        return {**call.fields, "max_tokens": 1}
    return {**call.fields, "input": call.fields.get("input") or []}
