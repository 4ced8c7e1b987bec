"""Each request to a model has its place among those that this process answers at a time, until its reply has ended."""

from flask import Blueprint, Response, g, request

from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.views.guard import PUBLIC

_WITHOUT = (*PUBLIC, "models", "model", "responses_socket", "responses_no_socket")
"""What costs next to nothing; and WebSockets, which are bounded in number, and whose turns have their places."""


def register(blueprint: Blueprint, gateway: Gateway) -> None:
    gate = gateway.gate

    def enter() -> None:
        if (request.endpoint or "").rpartition(".")[2] not in _WITHOUT:
            gate.enter()
            g.has_place = True

    def keep(response: Response) -> Response:
        if g.pop("has_place", False):
            response.call_on_close(gate.leave)
        return response

    def leave(_error: BaseException | None) -> None:
        if g.pop("has_place", False):
            gate.leave()

    blueprint.before_request(enter)
    blueprint.after_request(keep)
    blueprint.teardown_request(leave)
