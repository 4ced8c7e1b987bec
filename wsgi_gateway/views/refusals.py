"""What a request gets that is refused before it comes to an exchange, and the request ids of all answers.

Whoever observes the gateway hears of those on paths of the APIs. Not here: who is refused (guard.py, places.py).
"""

from flask import Blueprint, Response, request

from wsgi_gateway.exchange.call import Answer
from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.exchange.refusals import error_answer
from wsgi_gateway.exchange.request_ids import OWN, with_request_ids
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.table import PROTOCOLS
from wsgi_gateway.telemetry.record import Method
from wsgi_gateway.views.http import api_of_client, client_headers, respond

_OBSERVED: dict[str, tuple[str, Method]] = {
    "chat_completions": ("chat_completions", "reply"),
    "messages": ("messages", "reply"),
    "messages_count_tokens": ("messages", "count_tokens"),
    "responses": ("responses", "reply"),
    "responses_socket": ("responses", "reply"),
    "responses_no_socket": ("responses", "reply"),
    "responses_input_tokens": ("responses", "count_tokens"),
    "responses_compact": ("responses", "compaction"),
}
"""Endpoint -> API and method of those whose requests are observed, beside those of what is stored."""

_APIS = "/v1/"
"""How the paths of the APIs begin in an application of the gateway's own."""


def register(blueprint: Blueprint, gateway: Gateway) -> None:
    """A view, or what comes before it, may raise ApiError; each answer has a request id."""

    def refused(error: ApiError) -> Response:
        return respond(refusal(gateway, error))

    blueprint.register_error_handler(ApiError, refused)
    blueprint.after_request(_identified)


def refusal(gateway: Gateway, error: ApiError) -> Answer:
    """Of Flask's request. Observers hear of it as of those that the exchange refuses."""
    endpoint = (request.endpoint or "").rpartition(".")[2]
    observed = _observed(endpoint) if endpoint else _unknown()
    if observed is not None:
        api, method = observed
        return gateway.refuse(api, error, client_headers(), request.remote_addr or "", method)
    answer = error_answer(PROTOCOLS[api_of_client()], error)
    answer.headers = with_request_ids(answer.headers)
    return answer


def _observed(endpoint: str) -> tuple[str, Method] | None:
    if endpoint.startswith("conversation"):
        return "responses", "stored_conversation"
    if endpoint == "response" or endpoint.startswith("response_"):
        return "responses", "stored_response"
    return _OBSERVED.get(endpoint)


def _unknown() -> tuple[str, Method] | None:
    return (api_of_client(), "unknown") if request.path.startswith(_APIS) else None


def _identified(response: Response) -> Response:
    if OWN not in response.headers:
        response.headers.extend(with_request_ids({}))
    return response
