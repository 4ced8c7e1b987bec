"""Conversations as they are kept: each is a log to which its items, their deletions and its metadata are added.

Nothing in a log is ever changed, so whoever adds to it at the same time disturbs nobody, and a response needs only
the log's length to know what was said before it.
"""

import time
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.ids import new_id
from wsgi_gateway.state.items import listed, prefix_of
from wsgi_gateway.state.origins import Said
from wsgi_gateway.state.store import MOST_AT_ONCE, Namespace

_KEY = "conversation "
_MOST_ENTRIES = 20_000


class _Entry(Struct, omit_defaults=True):
    """One field at least; the first entry has ``created_at``, in seconds since 1970."""

    created_at: int | None = None
    metadata: Json | None = None
    item: Json | None = None
    origin: str | None = None
    deleted: str | None = None


_decode = msgspec.json.Decoder(_Entry).decode


class Conversation(Struct):
    """``items`` have ids, and are those that were not deleted; ``length`` is that of the log.

    ``origins`` has for some of the items the provider that has seen them under their ids.
    """

    id: str
    created_at: int
    metadata: Json
    items: dict[str, Json]
    origins: dict[str, str]
    length: int

    def said(self) -> list[Said]:
        """Its items, and who made them."""
        return [Said(item, self.origins.get(id_)) for id_, item in self.items.items()]

    def take(self, item: Json, origin: str | None) -> None:
        self.items[item["id"]] = item
        if origin is not None:
            self.origins[item["id"]] = origin

    def drop(self, id_: str) -> None:
        self.items.pop(id_, None)
        self.origins.pop(id_, None)

    def told(self) -> Json:
        """The object as the API has it."""
        return {
            "id": self.id,
            "object": "conversation",
            "created_at": self.created_at,
            "metadata": self.metadata,
        }


class Conversations:
    """One client's. All methods raise StoreDown, and ApiError (not_found) for a conversation that is unknown."""

    def __init__(self, store: Namespace) -> None:
        self._store = store

    def create(self, metadata: Json, items: Sequence[Said]) -> Conversation:
        """A new one, with the items that it begins with."""
        made = Conversation(new_id("conv_"), int(time.time()), metadata, {}, {}, 1)
        begin = _Entry(created_at=made.created_at, metadata=metadata)
        entries = [begin, *_entries(made, items)]
        self._store.append(_KEY + made.id, [encode(entry) for entry in entries])
        made.length = len(entries)
        return made

    def get(self, id_: str, length: int | None = None) -> Conversation:
        """As it is now, or without what was said since its log had that length."""
        entries = self._read(id_)
        if not entries or entries[0].created_at is None:
            raise not_found(id_)
        found = Conversation(id_, entries[0].created_at, {}, {}, {}, len(entries))
        for number, entry in enumerate(entries):
            if entry.metadata is not None:
                found.metadata = entry.metadata
            if entry.item is not None and (length is None or number < length):
                found.take(entry.item, entry.origin)
            if entry.deleted is not None:
                found.drop(entry.deleted)
        return found

    def update(self, id_: str, metadata: Json) -> Conversation:
        """With other metadata."""
        found = self.get(id_)
        self._append(found, [_Entry(metadata=metadata)])
        found.metadata = metadata
        return found

    def find(self, id_: str, length: int | None = None) -> Conversation | None:
        """As ``get``; None if it is unknown."""
        try:
            return self.get(id_, length)
        except ApiError as error:
            if error.kind != "not_found":
                raise
            return None

    def add(self, found: Conversation, items: Sequence[Said]) -> list[Json]:
        """The items as they are kept, each with its own id: one that is given and new, or one made for it.

        May be tried again after StoreDown: items under the same ids are the same, in the log too.
        """
        entries = _entries(found, items)
        kept = [entry.item for entry in entries if entry.item is not None]
        try:
            self._append(found, entries)
        except ApiError:
            for item in kept:
                found.drop(item["id"])
            raise
        return kept

    def remove(self, found: Conversation, item_id: str) -> None:
        """Take one of its items out."""
        self._append(found, [_Entry(deleted=item_id)])
        del found.items[item_id]

    def delete(self, id_: str) -> None:
        """The conversation is gone; responses that were made in it stay."""
        self.get(id_)
        self._store.delete([_KEY + id_])

    def _append(self, found: Conversation, entries: Sequence[_Entry]) -> None:
        if not entries:
            return
        check_room(found, len(entries))
        first = self._store.append(_KEY + found.id, [encode(entry) for entry in entries])
        if first == 0:  # it was deleted meanwhile
            self._store.delete([_KEY + found.id])
            raise not_found(found.id)
        found.length = first + len(entries)

    def _read(self, id_: str) -> list[_Entry]:
        entries: list[_Entry] = []
        while True:
            values = self._store.read(_KEY + id_, len(entries))
            entries += map(_decode, values)
            if len(values) < MOST_AT_ONCE or len(entries) > _MOST_ENTRIES:
                return entries


def check_room(found: Conversation, count: int) -> None:
    """Raises ApiError (invalid_request) if so much more, items for instance, does not go into its log."""
    if found.length + count > _MOST_ENTRIES:
        raise ApiError(
            "invalid_request", f"Conversation '{found.id}' is full.", param="conversation"
        )


def not_found(id_: str) -> ApiError:
    """The documented error."""
    return ApiError("not_found", f"Conversation with id '{id_}' not found.")


def _entries(found: Conversation, items: Sequence[Said]) -> list[_Entry]:
    """What adds ``items`` to the log of ``found``, which has them then."""
    entries = []
    for given, origin in items:
        item = listed(given)
        if item.get("id") in (None, "") or item["id"] in found.items:
            item = {**item, "id": new_id(prefix_of(item))}
        found.take(item, origin)
        entries.append(_Entry(item=item, origin=origin))
    return entries
