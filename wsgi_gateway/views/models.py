"""``GET /v1/models``: what can be asked for, in OpenAI's or Anthropic's listing shape.

Sources: OpenAI API reference, "Models"; Anthropic API reference, "Models".
"""

from collections.abc import Mapping

from flask import Blueprint, Response, request

from wsgi_gateway.config.problems import shown
from wsgi_gateway.exchange.call import JSON_HEADERS, Answer
from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.paging import page_limit
from wsgi_gateway.routing import ModelEntry
from wsgi_gateway.views.http import api_of_client, client_headers, respond

# Nobody knows when a model behind a gateway was made; both SDKs demand a date.
_CREATED = 0
_CREATED_AT = "1970-01-01T00:00:00Z"
_MOST = 1000
"""Models of one page in Anthropic's listing."""


def register(blueprint: Blueprint, gateway: Gateway) -> None:
    def models() -> Response:
        headers = client_headers()
        entries = gateway.models.entries()
        return _json(_listing([each for each in entries if _may_use(gateway, each.id, headers)]))

    def model(name: str) -> Response:
        if not _may_use(gateway, name, client_headers()):
            raise ApiError("permission", f"this API key may not use the model {shown(name)}")
        for entry in gateway.models.entries():
            if entry.id == name:
                return _json(_entry(entry))
        return _json(_entry(ModelEntry(id=name, owned_by=name.partition("/")[0])))

    blueprint.get("/v1/models", endpoint="models")(models)
    blueprint.get("/v1/models/<path:name>", endpoint="model")(model)


def _may_use(gateway: Gateway, name: str, headers: Mapping[str, str]) -> bool:
    """Whether the client that sends these headers may use a model. Raises ApiError if nothing answers to it."""
    route = gateway.models.resolve(name)
    if gateway.admission is None:
        return True
    caller = gateway.admission.identify(headers)
    return gateway.admission.may_use(caller, name, route.provider, route.model)


def _listing(entries: list[ModelEntry]) -> Json:
    """Raises ApiError (invalid_request) for a limit that is none."""
    data = [_entry(entry) for entry in entries]
    limit = page_limit(request.args.get("limit"), _MOST, _MOST)
    if api_of_client() != "messages":
        return {"object": "list", "data": data}
    start, stop = _page([entry.id for entry in entries], limit)
    page = data[start:stop]
    return {
        "data": page,
        "has_more": start > 0 if request.args.get("before_id") else stop < len(data),
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
    }


def _page(ids: list[str], limit: int) -> tuple[int, int]:
    """Anthropic's paging: ``after_id`` or ``before_id``, and ``limit``; an id that is gone starts anew."""
    after, before = request.args.get("after_id", ""), request.args.get("before_id", "")
    if before in ids:
        stop = ids.index(before)
        return max(stop - limit, 0), stop
    start = ids.index(after) + 1 if after in ids else 0
    return start, min(start + limit, len(ids))


def _entry(entry: ModelEntry) -> Json:
    if api_of_client() == "messages":
        return {
            "type": "model",
            "id": entry.id,
            "display_name": entry.id,
            "created_at": _CREATED_AT,
        }
    return {"id": entry.id, "object": "model", "created": _CREATED, "owned_by": entry.owned_by}


def _json(body: Json) -> Response:
    return respond(Answer(200, JSON_HEADERS, encode(body)))
