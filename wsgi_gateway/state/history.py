"""Chains of responses: a turn is stored with its own input and output and points at the turn before it.

Its output is stored item by item too: Vercel's AI SDK, as it comes, sends back references to items, not their content.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.state.store import Namespace

_MAX_TURNS = 1000

# How the store's keys begin, so that no id of one kind is taken for one of the other.
_RESPONSE, _ITEM = "response ", "item "


class StoredResponse(Struct):
    """``input`` and ``output`` are Responses items; ``previous`` is the id of the turn before, or None."""

    previous: str | None
    input: list[Any]
    output: list[Any]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(StoredResponse).decode


def expand(body: Json, store: Namespace) -> Json:
    """``body`` with the whole chain, and the items it refers to, in its ``input``: for an upstream without state.

    A reference to an unknown item stays. A request without either does not need the store. Raises ApiError
    (invalid_request, code previous_response_not_found) for an unknown response, and StoreDown.
    """
    turns = _chain(body.get("previous_response_id"), store)
    own = input_items(body)
    if not turns and not any(map(_is_reference, own)):
        return body
    items = [item for turn in turns for item in (*turn.input, *turn.output)] + own
    known = store.get(_ITEM + item["id"] for item in items if _is_reference(item))
    return {**body, "input": [_referred(item, known) for item in items]}


def _chain(previous: Any, store: Namespace) -> list[StoredResponse]:
    """The turns up to the response with the id ``previous``, oldest first."""
    turns: list[StoredResponse] = []
    while previous is not None:
        key = _RESPONSE + str(previous)
        stored = store.get([key]).get(key) if isinstance(previous, str) else None
        if stored is None or len(turns) >= _MAX_TURNS:
            raise ApiError(
                "invalid_request",
                f"Previous response with id '{previous}' not found.",
                param="previous_response_id",
                code="previous_response_not_found",
            )
        turn = _decode(stored)
        turns.append(turn)
        previous = turn.previous
    return turns[::-1]


def _is_reference(item: Any) -> bool:
    """Whether it is an ``item_reference``, whose type may be left out."""
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        return False
    kind = item.get("type")
    return kind == "item_reference" or (kind is None and "role" not in item)


def _referred(item: Any, known: Mapping[str, bytes]) -> Any:
    stored = known.get(_ITEM + item["id"]) if _is_reference(item) else None
    return item if stored is None else msgspec.json.decode(stored)


def remember(body: Json, response: Json, store: Namespace) -> None:
    """Store a turn; ``body`` is the client's own, before ``expand``. Honours ``store: false``. Raises StoreDown."""
    if body.get("store") is False:
        return
    turn = StoredResponse(body.get("previous_response_id"), input_items(body), response["output"])
    items = {_ITEM + item["id"]: _encode(item) for item in response["output"]}
    store.put({_RESPONSE + response["id"]: _encode(turn), **items})


def input_items(body: Json) -> list[Any]:
    """The request's own input as items; a plain string is one user message."""
    given = body.get("input")
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    return list(given) if isinstance(given, list) else []
