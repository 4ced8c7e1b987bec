"""One request for a compaction: passed on to an upstream that has the endpoint, else done with the model itself.

Source: OpenAI API reference, "Compact a response"; Open Responses, ``CompactResource``.
"""

import time

from msgspec.structs import replace

from wsgi_gateway.exchange.call import JSON_HEADERS, Answer, Call, Request
from wsgi_gateway.exchange.compaction import summarize
from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.ids import new_id
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.responses import items
from wsgi_gateway.protocols.responses.compaction import (
    Compaction,
    expanded,
    kept,
    seal_compaction,
)
from wsgi_gateway.protocols.responses.usage import write_usage
from wsgi_gateway.side_endpoints.asking import ask_upstream
from wsgi_gateway.state.items import listed, prefix_of
from wsgi_gateway.state.turn import input_items

# What says how a reply should be, and clients send all the same: a summary is none of it.
_ABOUT_REPLIES = (
    "background",
    "context_management",
    "include",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "parallel_tool_calls",
    "reasoning",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "top_logprobs",
    "top_p",
)


class Compactor:
    """Compacts for the clients of one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def answer(self, api: str, request: Request) -> Answer:
        """Answer one POST of ``api``, which is responses. Never raises."""
        return self._gateway.serve(api, request, self._compact, "compaction")

    def _compact(self, call: Call) -> Answer:
        # The default is for answers: here the schema wants a model named.
        if not call.asked:
            raise ApiError("invalid_request", "model: is required", param="model")
        passed = (
            ask_upstream(self._gateway, call, "/compact", is_metered=True)
            if call.same_api
            else None
        )
        return passed or self._summarize(call)

    def _summarize(self, call: Call) -> Answer:
        loss = Loss(call.client.name)
        call = replace(call, fields=_without_reply_options(call.body, loss))
        translator = self._gateway.translator
        model = translator.model(call, loss)
        said = translator.expanded(call)
        conversation = model.read(said)
        if not conversation.items:
            loss.refuse("input", "there is nothing to compact")
        summary = summarize(conversation, model, loss)
        messages = kept(expanded(input_items(said)))
        item = items.compaction(new_id("cmp_"), seal_compaction(Compaction(summary.text)))
        body = {
            "id": new_id("resp_"),
            "object": "response.compaction",
            "created_at": int(time.time()),
            "output": [
                *map(_identified, map(listed, messages)),
                item,
            ],
            "usage": write_usage(summary.usage, loss),
        }
        call.warn(loss)
        return Answer(200, JSON_HEADERS | call.headers, encode(body))


def _identified(item: Json) -> Json:
    return {"id": new_id(prefix_of(item)), **item}


def _without_reply_options(body: Json, loss: Loss) -> Json:
    for name in _ABOUT_REPLIES:
        if body.get(name) is not None:
            loss.dropped(name, "does not matter to a compaction")
    said = {name: value for name, value in body.items() if name not in _ABOUT_REPLIES}
    return {**said, "input": body.get("input") or []}
