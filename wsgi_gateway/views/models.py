"""``GET /v1/models``: what can be asked for, in OpenAI's or Anthropic's listing shape.

Sources: OpenAI API reference, "Models"; Anthropic API reference, "Models".
"""

from flask import Blueprint, Response, request

from wsgi_gateway.exchange import Answer, Gateway, error_answer
from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.table import PROTOCOLS
from wsgi_gateway.routing import ModelEntry
from wsgi_gateway.views.http import api_of_client, respond

# Nobody knows when a model behind a gateway was made; both SDKs demand a date.
_CREATED = 0
_CREATED_AT = "1970-01-01T00:00:00Z"


def register(blueprint: Blueprint, gateway: Gateway) -> None:
    def models() -> Response:
        return _json(_listing(gateway.models.entries()))

    def model(name: str) -> Response:
        for entry in gateway.models.entries():
            if entry.id == name:
                return _json(_entry(entry))
        try:
            gateway.models.resolve(name)
        except ApiError as error:
            return respond(error_answer(PROTOCOLS[api_of_client()], error))
        return _json(_entry(ModelEntry(id=name, owned_by=name.partition("/")[0])))

    blueprint.get("/v1/models", endpoint="models")(models)
    blueprint.get("/v1/models/<path:name>", endpoint="model")(model)


def _listing(entries: list[ModelEntry]) -> Json:
    data = [_entry(entry) for entry in entries]
    if api_of_client() != "messages":
        return {"object": "list", "data": data}
    start, stop = _page([entry.id for entry in entries])
    page = data[start:stop]
    return {
        "data": page,
        "has_more": stop < len(data),
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
    }


def _page(ids: list[str]) -> tuple[int, int]:
    """Anthropic's paging: ``after_id`` and ``limit``; an id that is gone starts anew."""
    after = request.args.get("after_id", "")
    start = ids.index(after) + 1 if after in ids else 0
    limit = request.args.get("limit", default=1000, type=int)
    return start, min(start + max(limit, 1), len(ids))


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
    return respond(Answer(200, {"content-type": "application/json"}, encode(body)))
