"""Chains of responses: a turn is stored with its own input and output and points at the turn before it."""

from typing import Any

import msgspec
from msgspec import Struct

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.state.memory import MemoryStore

_MAX_TURNS = 1000


class StoredResponse(Struct):
    """``input`` and ``output`` are Responses items; ``previous`` is the id of the turn before, or None."""

    previous: str | None
    input: list[Any]
    output: list[Any]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(StoredResponse).decode


def expand(body: Json, store: MemoryStore) -> Json:
    """``body`` with the whole chain in its ``input``, for an upstream that keeps no state.

    Raises ApiError (invalid_request, code previous_response_not_found) for an id that the store doesn't know.
    """
    previous = body.get("previous_response_id")
    if previous is None:
        return body
    turns: list[StoredResponse] = []
    while previous is not None:
        stored = store.get(previous) if isinstance(previous, str) else None
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
    items: list[Any] = []
    for turn in reversed(turns):
        items += turn.input
        items += turn.output
    return {**body, "input": items + input_items(body)}


def remember(body: Json, response: Json, store: MemoryStore) -> None:
    """Store a turn; ``body`` is the client's own, before ``expand``. Honours ``store: false``."""
    if body.get("store") is False:
        return
    turn = StoredResponse(body.get("previous_response_id"), input_items(body), response["output"])
    store.put(response["id"], _encode(turn))


def input_items(body: Json) -> list[Any]:
    """The request's own input as items; a plain string is one user message."""
    given = body.get("input")
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    return list(given) if isinstance(given, list) else []
