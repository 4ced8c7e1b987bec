"""``POST /v1/responses/compact``."""

from flask import Blueprint

from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.side_endpoints.compacting import Compactor
from wsgi_gateway.views.http import exchange_view


def register(blueprint: Blueprint, gateway: Gateway) -> None:
    blueprint.post("/v1/responses/compact", endpoint="responses_compact")(
        exchange_view(Compactor(gateway).answer, "responses", gateway.overload)
    )
