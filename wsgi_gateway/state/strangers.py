"""Ids by which a request names what its client was never told: at an upstream that stores for all clients, another's.

Here: which items an upstream completes from what it stored, and what becomes of those whose ids are unknown. Not here:
responses and conversations, which are looked up before (turn.py).
"""

import hashlib
from collections.abc import Set
from typing import Any

from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.responses.compaction import expanded
from wsgi_gateway.state.past import is_reference
from wsgi_gateway.state.responses import Responses

_CONTENT = {
    "reasoning": "encrypted_content",
    "image_generation_call": "result",
    "file_search_call": "results",
}
"""Items that an upstream completes from what it stored under their ids, where they come without this."""


def names_items(given: list[Any]) -> bool:
    """Whether any of a request's items stands for more than it says. Raises ApiError for a broken compaction."""
    return any(map(_is_content_elsewhere, _opened(given)))


def without_strangers(given: list[Any], told: Set[str], responses: Responses) -> list[Any] | None:
    """A request's items without the ids that are neither ``told`` nor the client's; None if there are none of them.

    An item that says something itself keeps that under an id that no upstream has. A reference says nothing else:
    raises ApiError (not_found), and StoreDown.
    """
    items = _opened(given)
    wanted = {item["id"] for item in items if _is_content_elsewhere(item)} - told
    unknown = wanted - responses.items(wanted).keys() if wanted else wanted
    if not unknown:
        return None
    for item in items:
        if is_reference(item) and item["id"] in unknown:
            message = f"Item with id '{item['id']}' not found."
            raise ApiError("not_found", message, param="input")
    return [
        {**item, "id": _nobodys(item["id"])}
        if _is_content_elsewhere(item) and item["id"] in unknown
        else item
        for item in items
    ]


def _opened(given: list[Any]) -> list[Any]:
    """With what compactions stand for in their place: anybody can write one, and put another one into it."""
    items = expanded(given)
    while (more := expanded(items)) != items:
        items = more
    return items


def _is_content_elsewhere(item: Any) -> bool:
    if is_reference(item):
        return True
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        return False
    kind = item.get("type")
    field = _CONTENT.get(kind) if isinstance(kind, str) else None
    return field is not None and not item.get(field)


def _nobodys(id_: str) -> str:
    """The same for the same id, as a history comes again and again."""
    digest = hashlib.blake2b(id_.encode("utf-8", "surrogatepass"), digest_size=16)
    return f"{id_.partition('_')[0][:8]}_{digest.hexdigest()}"
