"""Conversations as clients make, read and change them; requests that name one add to it.

What is kept, and how, is ``state``'s job; errors are the exchange's.

Source: OpenAI API reference, "Conversations".
"""

from collections.abc import Callable
from typing import Annotated, Any

from msgspec import Meta, Struct

from wsgi_gateway.exchange.call import Answer, Request, json_answer
from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import convert, read_body
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.state import Conversation, Conversations, Said, is_reference, page, resolved

Metadata = Annotated[
    dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=512)]],
    Meta(max_length=16),
]
Items = Annotated[list[Json], Meta(max_length=20)]


class Creation(Struct):
    items: Items | None = None
    metadata: Metadata | None = None


class Update(Struct):
    metadata: Metadata | None


class Addition(Struct):
    items: Items


class StoredConversations:
    """Answers for the clients of one gateway. No method raises; each takes the request, and the ids in its path."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def create(self, request: Request) -> Answer:
        """A new conversation, with up to 20 items in it."""

        def work(conversations: Conversations) -> Json:
            asked = convert(read_body(request.body) if request.body else {}, Creation)
            items = self._items(request, asked.items or [])
            return conversations.create(asked.metadata or {}, items).told()

        return self._guarded(request, work)

    def retrieve(self, request: Request, conversation_id: str) -> Answer:
        """The conversation, without its items."""
        return self._guarded(
            request, lambda conversations: conversations.get(conversation_id).told()
        )

    def update(self, request: Request, conversation_id: str) -> Answer:
        """The conversation with other metadata."""

        def work(conversations: Conversations) -> Json:
            asked = convert(read_body(request.body), Update)
            return conversations.update(conversation_id, asked.metadata or {}).told()

        return self._guarded(request, work)

    def delete(self, request: Request, conversation_id: str) -> Answer:
        """The conversation is gone."""

        def work(conversations: Conversations) -> Json:
            conversations.delete(conversation_id)
            return {"id": conversation_id, "object": "conversation.deleted", "deleted": True}

        return self._guarded(request, work)

    def add(self, request: Request, conversation_id: str) -> Answer:
        """Up to 20 more items, as they are kept."""

        def work(conversations: Conversations) -> Json:
            asked = convert(read_body(request.body), Addition)
            conversation = conversations.get(conversation_id)
            items = self._items(request, asked.items)
            added = conversations.add(conversation, items)
            return page(added, {"order": "asc", "limit": "100"})

        return self._guarded(request, work)

    def items(self, request: Request, conversation_id: str) -> Answer:
        """A page of the items."""

        def work(conversations: Conversations) -> Json:
            items = conversations.get(conversation_id).items
            return page(list(items.values()), request.query)

        return self._guarded(request, work)

    def item(self, request: Request, conversation_id: str, item_id: str) -> Answer:
        """One item."""

        def work(conversations: Conversations) -> Json:
            return _item(conversations.get(conversation_id), item_id)

        return self._guarded(request, work)

    def remove(self, request: Request, conversation_id: str, item_id: str) -> Answer:
        """The conversation that one item was taken out of."""

        def work(conversations: Conversations) -> Json:
            conversation = conversations.get(conversation_id)
            _item(conversation, item_id)
            conversations.remove(conversation, item_id)
            return conversation.told()

        return self._guarded(request, work)

    def _guarded(self, request: Request, work: Callable[[Conversations], Json]) -> Answer:
        def answer() -> Answer:
            state = self._gateway.state_of(request.headers)
            return json_answer(work(Conversations(state)))

        return self._gateway.aside("stored_conversation", request, answer)

    def _items(self, request: Request, given: list[Any]) -> list[Said]:
        """Items to add, with those in place of references, which have to be known."""
        for number, item in enumerate(given):
            _check_item(item, f"items[{number}]")
        items = resolved(given, self._gateway.state_of(request.headers))
        unknown = next((item for item, _ in items if is_reference(item)), None)
        if unknown is not None:
            raise _unknown_item(unknown["id"])
        return items


def _check_item(item: Json, path: str) -> None:
    """Raises ApiError for what no request could have as an item; more is for those to say who read it."""
    for name in ("type", "role", "id"):
        if not isinstance(item.get(name), str | None):
            path = f"{path}.{name}"
            raise ApiError("invalid_request", f"{path}: must be a string", param=path)
    if item.get("type") is None and item.get("role") is None and item.get("id") is None:
        path = f"{path}.type"
        raise ApiError("invalid_request", f"{path}: is required", param=path)


def _item(conversation: Conversation, item_id: str) -> Json:
    found = conversation.items.get(item_id)
    if found is None:
        raise _unknown_item(item_id)
    return found


def _unknown_item(item_id: str) -> ApiError:
    return ApiError("not_found", f"Item with id '{item_id}' not found.")
