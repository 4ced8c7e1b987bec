"""Who is turned away before anything else: without a key, if one is needed; else pages of other sites."""

from flask import Blueprint, Flask, Response, request

from wsgi_gateway.access import Admission
from wsgi_gateway.access.origins import check_origin
from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.views.http import client_headers, respond
from wsgi_gateway.views.refusals import refusal

PUBLIC = ("healthz", "readyz", "root", "metrics")
"""What load balancers, agents and Prometheus ask, none of which has a key."""


def register(blueprint: Blueprint, admission: Admission) -> None:
    """Whoever has no key sees nothing of the gateway but that it is there."""

    def check() -> None:
        endpoint = (request.endpoint or "").rpartition(".")[2]
        if endpoint not in PUBLIC:
            admission.identify(client_headers())

    blueprint.before_request(check)


def register_origins(app: Flask, gateway: Gateway) -> None:
    """No page of another site uses the application."""

    def check() -> Response | None:
        if "origin" not in request.headers:
            return None
        try:
            check_origin(client_headers())
        except ApiError as error:
            return respond(refusal(gateway, error))
        return None

    app.before_request(check)
