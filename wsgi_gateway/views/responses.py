"""OpenAI Responses."""

from flask import Blueprint

from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.views.http import exchange_view

PATH = "/v1/responses"


def register(blueprint: Blueprint, gateway: Gateway) -> None:
    blueprint.post(PATH, endpoint="responses")(
        exchange_view(gateway.answer, "responses", gateway.overload)
    )
