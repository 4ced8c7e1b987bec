"""Responses as they are kept: each with its own input, the way back to the turn before it, and who made it.

The items of its output are found by their ids too: Vercel's AI SDK, as it comes, sends back references to items, not
their content.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Raw, Struct

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.state.origins import Said
from wsgi_gateway.state.store import Namespace

# How the store's keys begin, so that no id of one kind is taken for one of the other.
_RESPONSE, _ITEM = "response ", "item "

_MOST_NAMED = 31
"""Ids of earlier turns that a turn has: so many more of a chain are read at once."""

OPEN = ("queued", "in_progress")
"""The states in which a response has no end yet."""


class _Identified(Struct):
    """Any item."""

    id: Any = None


class _Head(Struct):
    """What the storage needs to know of a response that it does not read."""

    id: str
    output: list[_Identified]
    status: str = "completed"
    background: bool | None = False


class Told(Struct):
    """A response as it is told: its JSON, and what of it the storage needs to know."""

    json: Raw
    id: str
    status: str
    item_ids: list[str]


class _Written(Struct, omit_defaults=True):
    """``response`` is the whole object, as it was told; ``input`` are Responses items."""

    response: Raw
    input: list[Any]
    previous: str | None = None
    place: tuple[str, int] | None = None
    origin: str | None = None
    unstored: bool = False
    earlier: list[str] = []


class StoredTurn(Struct):
    """What a chain needs of a response.

    ``place`` is the conversation in which it was made, and the length of its log before. ``origin`` is the provider
    whose own response it is, None for the gateway's. ``unstored`` is what the client wanted stored nowhere, and its
    connection alone remembers: no upstream does. ``earlier`` are turns before ``previous``, the nearest first.
    """

    response: "StoredOutput"
    input: list[Any]
    previous: str | None = None
    place: tuple[str, int] | None = None
    origin: str | None = None
    unstored: bool = False
    earlier: list[str] = []

    @property
    def ancestors(self) -> list[str]:
        """What is ``earlier`` to a turn that goes on from this one."""
        return [] if self.previous is None else [self.previous, *self.earlier][:_MOST_NAMED]


class StoredOutput(Struct):
    id: str
    output: list[Any] = []
    status: str = "completed"


class StoredResponse(Struct):
    """The object alone, and whether it was asked for in the background; it is open while it has no end."""

    response: Raw
    status: str
    background: bool
    origin: str | None = None

    @property
    def is_open(self) -> bool:
        return self.status in OPEN


class _Whole(Struct):
    response: Raw
    origin: str | None = None


_decode_written = msgspec.json.Decoder(_Written).decode
_decode_whole = msgspec.json.Decoder(_Whole).decode
_decode_head = msgspec.json.Decoder(_Head).decode
_decode_turn = msgspec.json.Decoder(StoredTurn).decode


def not_found(response_id: str) -> ApiError:
    """The documented error for an id that nobody knows."""
    return ApiError("not_found", f"Response with id '{response_id}' not found.")


def told(response: Json) -> Told:
    """A response of the gateway's own making."""
    ids = [item["id"] for item in response["output"] if _has_id(item)]
    return Told(Raw(encode(response)), response["id"], response["status"], ids)


def passed(json: Raw) -> Told | None:
    """A response that an upstream made, which is not read; None for what cannot be asked for, whatever it is."""
    try:
        head = _decode_head(json)
    except msgspec.ValidationError:
        return None
    ids = [item.id for item in head.output if isinstance(item.id, str)]
    return Told(json, head.id, head.status, ids)


class Responses:
    """One client's. All methods raise StoreDown."""

    def __init__(self, store: Namespace) -> None:
        self._store = store

    def put(
        self,
        response: Told,
        given: list[Any],
        *,
        previous: str | None = None,
        place: tuple[str, int] | None = None,
        origin: str | None = None,
        unstored: bool = False,
        earlier: Iterable[str] = (),
    ) -> None:
        """Keep a response, and where its items are. ``given`` is its own input; the rest as in ``StoredTurn``."""
        written = _Written(response.json, given, previous, place, origin, unstored, list(earlier))
        self._write(response, written)

    def _write(self, response: Told, written: _Written) -> None:
        store = self._store.unstored if written.unstored else self._store
        if store is None:
            return
        where = response.id.encode("utf-8", "surrogatepass")
        values = dict.fromkeys([_ITEM + id_ for id_ in response.item_ids], where)
        values[_RESPONSE + response.id] = encode(written)
        store.put(values)

    def turn(self, response_id: str) -> StoredTurn | None:
        """A response as a turn of a chain; None if it is unknown."""
        value = self._value(response_id)
        return None if value is None else _decode_turn(value)

    def turns(self, response_ids: Iterable[str]) -> dict[str, StoredTurn]:
        """Those that are known of several, read in one go."""
        ids = {_RESPONSE + id_: id_ for id_ in response_ids}
        return {ids[key]: _decode_turn(value) for key, value in self._store.get(ids).items()}

    def response(self, response_id: str) -> StoredResponse | None:
        """The object as it was told; None if it is unknown."""
        value = self._value(response_id)
        if value is None:
            return None
        stored = _decode_whole(value)
        head = _decode_head(stored.response)
        return StoredResponse(stored.response, head.status, head.background is True, stored.origin)

    def change(self, response_id: str, fields: Json) -> Json | None:
        """The object with other values of these fields, which are kept; None if it is unknown."""
        value = self._value(response_id)
        if value is None:
            return None
        written = _decode_written(value)
        response: Json = {**msgspec.json.decode(written.response), **fields}
        changed = told(response)
        written.response = changed.json
        self._write(changed, written)
        return response

    def delete(self, response_id: str) -> bool:
        """Whether there was anything to delete. Its items go too."""
        turn = self.turn(response_id)
        if turn is None:
            return False
        ids = (item["id"] for item in turn.response.output if _has_id(item))
        self._store.delete([_RESPONSE + response_id, *(_ITEM + id_ for id_ in ids)])
        return True

    def items(self, ids: Iterable[str]) -> dict[str, Said]:
        """Those that are known of the items with these ids."""
        wanted = {_ITEM + id_: id_ for id_ in ids}
        places = set(self._store.get(wanted).values())
        keys = [_RESPONSE + place.decode("utf-8", "surrogatepass") for place in places]
        turns = map(_decode_turn, self._store.get(keys).values() if keys else ())
        return {
            item["id"]: Said(item, turn.origin)
            for turn in turns
            for item in turn.response.output
            if _has_id(item) and _ITEM + item["id"] in wanted
        }

    def _value(self, response_id: str) -> bytes | None:
        key = _RESPONSE + response_id
        return self._store.get([key]).get(key)


def _has_id(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("id"), str)
