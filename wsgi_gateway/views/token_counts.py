"""How many tokens a request would take, as Anthropic and OpenAI let their clients ask. Chat Completions cannot."""

from flask import Blueprint

from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.side_endpoints.counting import TokenCounter
from wsgi_gateway.views.http import exchange_view


def register(blueprint: Blueprint, gateway: Gateway) -> None:
    answer = TokenCounter(gateway).answer
    blueprint.post("/v1/messages/count_tokens", endpoint="messages_count_tokens")(
        exchange_view(answer, "messages", gateway.overload)
    )
    blueprint.post("/v1/responses/input_tokens", endpoint="responses_input_tokens")(
        exchange_view(answer, "responses", gateway.overload)
    )
