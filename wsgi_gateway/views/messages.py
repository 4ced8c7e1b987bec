"""Anthropic Messages."""

from flask import Blueprint

from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.views.http import exchange_view

PATH = "/v1/messages"


def register(blueprint: Blueprint, gateway: Gateway) -> None:
    blueprint.post(PATH, endpoint="messages")(
        exchange_view(gateway.answer, "messages", gateway.overload)
    )
