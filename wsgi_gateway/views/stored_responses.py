"""What OpenAI's clients ask of a response that is stored, by its id."""

from flask import Blueprint
from flask.blueprints import BlueprintSetupState
from werkzeug.routing import BaseConverter

from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.side_endpoints.stored_responses import StoredResponses
from wsgi_gateway.views.http import stored_view

_ID = "wsgi_gateway_response_id"
_PATH = f"/v1/responses/<{_ID}:response_id>"


class _ResponseId(BaseConverter):
    """Any but the names of the endpoints that stand in the same place (token_counts.py, compaction.py)."""

    regex = r"(?!(?:input_tokens|compact)\Z)[^/]+"
    part_isolating = True


def register(blueprint: Blueprint, gateway: Gateway) -> None:
    blueprint.record(_add_converter)
    stored = StoredResponses(gateway)
    for method, path, endpoint, answer in (
        ("GET", _PATH, "response", stored.retrieve),
        ("DELETE", _PATH, "response_delete", stored.delete),
        ("POST", f"{_PATH}/cancel", "response_cancel", stored.cancel),
        ("GET", f"{_PATH}/input_items", "response_input_items", stored.input_items),
    ):
        blueprint.add_url_rule(
            path,
            endpoint=endpoint,
            view_func=stored_view(answer, gateway.overload),
            methods=[method],
        )


def _add_converter(state: BlueprintSetupState) -> None:
    state.app.url_map.converters[_ID] = _ResponseId
