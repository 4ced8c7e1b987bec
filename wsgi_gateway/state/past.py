"""What was said before a turn, as items: chains of responses, what their conversation held, references resolved."""

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.state.conversations import Conversations
from wsgi_gateway.state.items import derived_id, listed
from wsgi_gateway.state.origins import Said
from wsgi_gateway.state.responses import OPEN, Responses, StoredTurn, not_found
from wsgi_gateway.state.store import Namespace

_MAX_TURNS = 1000


def context(response_id: str, store: Namespace) -> list[Json]:
    """The items that a response was made of, oldest first, as the API lists them. Raises ApiError and StoreDown."""
    past = Past(store)
    last = past.responses.turn(response_id)
    if last is None:
        raise not_found(response_id)
    items = past.listed_before(last) + past.own(last)
    return list(_told_apart(items, response_id))


def resolved(items: list[Any], store: Namespace) -> list[Said]:
    """``items`` with those in place of references that are known. Raises StoreDown."""
    return Past(store).resolved([Said(item, None) for item in items])


class Past:
    """What is kept, as items."""

    def __init__(self, store: Namespace) -> None:
        self.responses = Responses(store)
        self.conversations = Conversations(store)
        self.earlier: list[str] = []
        """Responses before the one that was gone on from, the nearest first."""

    def last(self, previous: str) -> StoredTurn | None:
        """The turn that the response with the id ``previous`` ended, to go on from; None if it is unknown."""
        turn = self.responses.turn(previous)
        self.earlier = [] if turn is None else turn.ancestors
        return turn

    def before(self, previous: Any) -> list[Said]:
        """All that was said up to the response with the id ``previous``, as it was said."""
        turns = self._chain(previous)
        return self._beginning(turns) + _said_in(map(_without_own_compaction, turns))

    def since_stored(self, last: StoredTurn) -> tuple[list[Said], str | None]:
        """What the upstream of ``last`` was told and did not store, and behind which of its responses that was."""
        turns: list[StoredTurn] = []
        turn: StoredTurn | None = last
        while turn is not None and turn.unstored and turn.origin == last.origin:
            if len(turns) >= _MAX_TURNS:
                raise _too_long(last.response.id)
            turns.append(turn)
            previous = turn.previous
            turn = None if previous is None else self.responses.turn(previous)
        if turn is not None and turn.origin != last.origin:
            return self.before(last.response.id), None
        turns.reverse()
        return self._beginning(turns) + _said_in(turns), turns[0].previous

    def listed_before(self, turn: StoredTurn) -> list[Json]:
        """All that was said before ``turn``, as the API lists it."""
        turns = self._chain(turn.previous)
        items: list[Json] = [said.item for said in self._beginning([*turns, turn])]
        for each in turns:
            items += self.own(each)
            items += each.response.output
        return items

    def own(self, turn: StoredTurn) -> list[Json]:
        """The turn's own input, as the API lists it."""
        given = self.resolved([Said(item, None) for item in turn.input])
        return list(named((said.item for said in given), turn.response.id))

    def resolved(self, items: list[Said], but_of: str | None = None) -> list[Said]:
        """``items`` with those in place of references that are known, unless the provider ``but_of`` made them."""
        wanted = [said.item["id"] for said in items if is_reference(said.item)]
        if not wanted:
            return items
        known = self.responses.items(wanted)
        for said in items:
            if not is_reference(said.item) and (id_ := _id(said.item)):
                known[id_] = said
        found = (known.get(said.item["id"]) if is_reference(said.item) else None for said in items)
        return [
            said if now is None or (but_of and now.origin == but_of) else now
            for said, now in zip(items, found, strict=True)
        ]

    def _beginning(self, turns: list[StoredTurn]) -> list[Said]:
        """What was in the conversation in which the oldest of the turns was made, if it was in one."""
        if not turns or turns[0].place is None:
            return []
        conversation_id, length = turns[0].place
        conversation = self.conversations.find(conversation_id, length)
        if conversation is None:
            why = f"was made in conversation '{conversation_id}', which the gateway does not have"
            raise _lost(turns[0].response.id, why)
        return conversation.said()

    def _chain(self, asked: Any) -> list[StoredTurn]:
        """The turns up to the response ``asked``, oldest first. Those that a turn names are read at once."""
        turns: list[StoredTurn] = []
        ahead: dict[str, StoredTurn] = {}
        previous = asked
        while previous is not None:
            if turns:
                if previous not in ahead:
                    ahead = self.responses.turns([previous, *turns[-1].earlier])
                turn = ahead.get(previous)
            else:
                turn = self.last(previous) if isinstance(previous, str) else None
            if turn is None:
                raise response_not_found(previous)
            if len(turns) >= _MAX_TURNS:
                raise _too_long(asked)
            if turn.response.status in OPEN:
                raise ApiError(
                    "invalid_request",
                    f"Previous response with id '{previous}' has no end yet: "
                    f"it is {turn.response.status}.",
                    param="previous_response_id",
                )
            turns.append(turn)
            previous = turn.previous
        return turns[::-1]


def response_not_found(previous: Any, why: str = "not found.") -> ApiError:
    return ApiError(
        "invalid_request",
        f"Previous response with id '{previous}' {why}",
        param="previous_response_id",
        code="previous_response_not_found",
    )


def _too_long(previous: str) -> ApiError:
    return _lost(previous, f"ends a chain of more than {_MAX_TURNS}")


def _lost(previous: str, why: str) -> ApiError:
    """With the code at which clients begin anew."""
    return response_not_found(
        previous, f"{why}: send the whole conversation without previous_response_id."
    )


def _said_in(turns: Iterable[StoredTurn]) -> list[Said]:
    """The items of turns. Of an upstream that stored nothing, a thought without its proof is lost."""
    return [
        Said(item, turn.origin)
        for turn in turns
        for item in (*turn.input, *turn.response.output)
        if not (turn.unstored and turn.origin is not None and _is_thought_without_proof(item))
    ]


def _without_own_compaction(turn: StoredTurn) -> StoredTurn:
    """What a provider compacted in a turn it alone can read; all that it stands for is kept."""
    output = turn.response.output
    if turn.origin is None or not any(map(_is_compaction, output)):
        return turn
    made = replace(turn.response, output=[item for item in output if not _is_compaction(item)])
    given = [item for item in turn.input if item.get("type") != "compaction_trigger"]
    return replace(turn, input=given, response=made)


def _is_compaction(item: Any) -> bool:
    return isinstance(item, dict) and item.get("type") == "compaction"


def _is_thought_without_proof(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and item.get("type") == "reasoning"
        and not item.get("encrypted_content")
    )


def named(items: Iterable[Any], response_id: str) -> Iterator[Json]:
    """A turn's own input as the API lists it."""
    for number, item in enumerate(map(listed, items)):
        yield {"id": derived_id(item, response_id, number), **item}


def _told_apart(items: Iterable[Json], response_id: str) -> Iterator[Json]:
    """Each under an id of its own, behind which a page can begin: clients say things twice, and hosts give no ids."""
    seen: set[str] = set()
    for number, item in enumerate(items):
        id_ = _id(item)
        if not id_ or id_ in seen:
            item = {**item, "id": derived_id(item, f"{response_id} again", number)}
        seen.add(item["id"])
        yield item


def _id(item: Any) -> str | None:
    id_ = item.get("id") if isinstance(item, dict) else None
    return id_ if isinstance(id_, str) else None


def is_reference(item: Any) -> bool:
    """Whether it is an ``item_reference``, whose type may be left out."""
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        return False
    kind = item.get("type")
    return kind == "item_reference" or (kind is None and "role" not in item)
