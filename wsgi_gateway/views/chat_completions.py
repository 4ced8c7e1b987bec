"""OpenAI Chat Completions."""

from flask import Blueprint

from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.views.http import exchange_view

PATH = "/v1/chat/completions"


def register(blueprint: Blueprint, gateway: Gateway) -> None:
    blueprint.post(PATH, endpoint="chat_completions")(
        exchange_view(gateway.answer, "chat_completions", gateway.overload)
    )
