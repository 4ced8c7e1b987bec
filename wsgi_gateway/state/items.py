"""Items as the API lists them: each with an id and a type, messages with their content in parts.

What clients send may be shorter: a role and a string are a message. Sources: OpenAI API reference, "List input items"
and "List items" of a conversation.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.paging import page_limit

_PREFIXES = {
    "message": "msg_",
    "reasoning": "rs_",
    "function_call": "fc_",
    "function_call_output": "fc_",
    "custom_tool_call": "ctc_",
    "custom_tool_call_output": "ctco_",
    "compaction": "cmp_",
}
_DEFAULT_LIMIT = 20
_MOST = 100


def prefix_of(item: Json) -> str:
    """How the id of an item of this type begins."""
    return _PREFIXES.get(str(item.get("type")), "item_")


def derived_id(item: Json, response_id: str, number: int) -> str:
    """The id of the item with that number in a response's context: the same whenever it is asked for."""
    digits = hashlib.sha256(f"{response_id} {number}".encode("utf-8", "surrogatepass")).hexdigest()
    return prefix_of(item) + digits[:24]


def listed(given: Json) -> Json:
    """``given`` in the form of a listing, as far as it can do without an id. An id that is none is left out."""
    item = {name: value for name, value in given.items() if name != "id" or isinstance(value, str)}
    if item.get("type") is None and "role" in item:
        item["type"] = "message"
    if item.get("type") != "message":
        return item
    content = item.get("content")
    if isinstance(content, str):
        item["content"] = [_text(content, item.get("role"))]
    return {"status": "completed", **item}


def _text(text: str, role: Any) -> Json:
    if role == "assistant":
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"type": "input_text", "text": text}


def page(items: list[Json], query: Mapping[str, str]) -> Json:
    """The part of ``items``, oldest first and with ids, that a client asks for: newest first unless it says otherwise.

    Raises ApiError (invalid_request) for a limit, an order or a cursor that is none.
    """
    order = query.get("order") or "desc"
    if order not in ("asc", "desc"):
        raise ApiError("invalid_request", "order: must be 'asc' or 'desc'", param="order")
    limit = page_limit(query.get("limit"), _DEFAULT_LIMIT, _MOST)
    ordered = items if order == "asc" else items[::-1]
    start, stop = 0, len(ordered)
    if query.get("after"):
        start = _position(ordered, query, "after") + 1
    if query.get("before"):
        stop = _position(ordered, query, "before")
    if query.get("before") and not query.get("after"):
        start = max(stop - limit, 0)
        has_more = start > 0
    else:
        has_more = stop - start > limit
    data = ordered[start : min(stop, start + limit)]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": has_more,
    }


def _position(items: list[Json], query: Mapping[str, str], name: str) -> int:
    cursor = query[name]
    for position, item in enumerate(items):
        if item["id"] == cursor:
            return position
    raise ApiError("invalid_request", f"{name}: no item with id '{cursor}'", param=name)
