"""One turn of a Responses client: what it goes on from, and what it leaves for the next.

A turn goes on from a response (``previous_response_id``), or in a conversation, whose items come first and to which
its input and output are added; and it may refer to items that are kept.
"""

import re
from typing import Any, TypedDict

import msgspec
from msgspec import Raw

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.state.conversations import Conversation, check_room
from wsgi_gateway.state.origins import Said, foreign, sealed
from wsgi_gateway.state.past import Past, is_reference, named, response_not_found
from wsgi_gateway.state.responses import Told
from wsgi_gateway.state.runs import Runs
from wsgi_gateway.state.store import Namespace
from wsgi_gateway.state.strangers import names_items, without_strangers

_OWN_ID = re.compile(r"[a-z]+_[0-9a-f]{24}")


class _Named(TypedDict, total=False):
    """What tells a reference from other items."""

    type: Any
    id: Any
    role: Any


_decode_names = msgspec.json.Decoder(list[_Named]).decode


def is_stateless(body: Json) -> bool:
    """Whether a request neither needs what is kept nor leaves anything. A long ``input`` may still be JSON."""
    return (
        leaves_nothing(body)
        and body.get("previous_response_id") is None
        and not _refers(body.get("input"))
    )


def _refers(given: Any) -> bool:
    """Whether any of the items refers to another. What is no list of items does not, and is refused elsewhere."""
    if isinstance(given, Raw):
        try:
            given = _decode_names(given)
        except (ValueError, RecursionError):
            return False
    items = given if isinstance(given, list) else []
    return any(is_reference(item) for item in items if type(item) is dict and "id" in item)


def leaves_nothing(body: Json) -> bool:
    """Whether a turn is neither to be stored nor part of a conversation."""
    return body.get("store") is False and body.get("conversation") is None


def names_stored(body: Json) -> bool:
    """Whether a request names anything that was stored before."""
    return (
        body.get("previous_response_id") is not None
        or body.get("conversation") is not None
        or names_items(input_items(body))
    )


class Turn:
    """``body`` is the client's own, and stays as it is. All methods raise StoreDown.

    Without ``stores`` the response is left to the upstream to store.
    """

    def __init__(self, body: Json, store: Namespace, *, stores: bool = True) -> None:
        self._body = body
        self._stores = stores and body.get("store") is not False
        self._unstored = body.get("store") is False and store.unstored is not None
        self._store = store
        self._past = Past(store)
        self._conversation: Conversation | None = None
        self._origin: str | None = None
        self.echo: Json = {}
        """What an upstream that was told it in another way cannot repeat in its reply."""

    @property
    def is_kept(self) -> bool:
        """Whether anything of the response is."""
        return self._stores or self._unstored or self._conversation is not None

    @property
    def insists(self) -> bool:
        """Whether the client is to be told of a turn that cannot be kept: it has said that it will come back."""
        if self._origin is not None:
            return self._conversation is not None
        return self._body.get("store") is True or self._body.get("conversation") is not None

    @property
    def is_background(self) -> bool:
        """Whether the client will ask for the response later."""
        return self._body.get("background") is True

    @property
    def names_own(self) -> bool:
        """Whether an id that the request names has the form of the gateway's own, so that no upstream can know it."""
        body = self._body
        conversation = body.get("conversation")
        ids = [body.get("previous_response_id"), conversation]
        ids += [item["id"] for item in input_items(body) if is_reference(item)]
        if isinstance(conversation, dict):
            ids.append(conversation.get("id"))
        return any(isinstance(id_, str) and _OWN_ID.fullmatch(id_) for id_ in ids)

    def expanded(self) -> Json:
        """The body for an upstream without state: all that was said before, and the items it refers to, in ``input``.

        A reference to an unknown item stays. Raises ApiError: previous_response_not_found, or not_found for a
        conversation.
        """
        body = self._body
        conversation_id = conversation_of(body)
        given = input_items(body)
        if conversation_id is not None:
            earlier = self._enter(self._past.conversations.get(conversation_id))
        else:
            earlier = self._past.before(body.get("previous_response_id"))
        if not earlier and not any(map(is_reference, given)):
            return body
        own = [Said(item, None) for item in given]
        return {**body, "input": [sealed(said) for said in self._past.resolved(earlier + own)]}

    def passed(self, origin: str, loss: Loss, *, asks_unknown: bool = True) -> Json | None:
        """The body for the provider ``origin``, whose upstream has state itself; None if it can go as it came.

        What only the gateway knows is put in. What it does not know is for the upstream to judge if it
        ``asks_unknown``: else that may be another client's. Raises ApiError.
        """
        self._origin = origin
        sent, told = self._passed(origin, loss, asks_unknown)
        if asks_unknown:
            return sent
        body = sent or self._body
        kept = without_strangers(input_items(body), told, self._past.responses)
        return sent if kept is None else {**body, "input": kept}

    def _passed(self, origin: str, loss: Loss, asks_unknown: bool) -> tuple[Json | None, set[str]]:
        """As ``passed``, with unknown items; and the ids of items that the upstream told this client earlier."""
        body = self._body
        own = [Said(item, origin) for item in input_items(body)]
        earlier, known = self._unknown_upstream(origin, asks_unknown)
        if earlier is None:
            said = self._past.resolved(own, but_of=origin)
            if all(now.origin == origin for now in said):
                return None, set()
            return {**body, "input": _for(origin, said, loss)}, set()
        if self._conversation is not None:
            if self.is_background:
                raise ApiError(
                    "invalid_request",
                    "background: the upstream makes it, and cannot add it to the gateway's conversation",
                    param="background",
                )
            self.echo = {"conversation": {"id": self._conversation.id}}
        else:
            self.echo = {"previous_response_id": body["previous_response_id"]}
        kept = {name: value for name, value in body.items() if name not in self.echo}
        if known is not None:
            kept["previous_response_id"] = known
        told = {said.item["id"] for said in earlier if said.origin == origin and _has_id(said.item)}
        return {**kept, "input": _for(origin, self._past.resolved(earlier + own), loss)}, told

    def _unknown_upstream(
        self, origin: str, asks_unknown: bool
    ) -> tuple[list[Said] | None, str | None]:
        """What was said before, if the gateway alone knows it; and behind which response of the upstream's own."""
        conversation_id = conversation_of(self._body)
        if conversation_id is not None:
            conversations = self._past.conversations
            find = conversations.find if asks_unknown else conversations.get
            conversation = find(conversation_id)
            return (None if conversation is None else self._enter(conversation)), None
        previous = self._body.get("previous_response_id")
        turn = self._past.last(previous) if isinstance(previous, str) else None
        if turn is None:
            if previous is not None and not asks_unknown:
                raise response_not_found(previous)
            return None, None
        if turn.origin != origin:
            return self._past.before(previous), None
        return self._past.since_stored(turn) if turn.unstored else (None, None)

    def _enter(self, conversation: Conversation) -> list[Said]:
        """Go on in it. Raises ApiError if there is no room for the input and an answer, as the answer is to be paid."""
        check_room(conversation, len(input_items(self._body)) + 1)
        self._conversation = conversation
        return conversation.said()

    def begin(self, response: Told) -> None:
        """Store a response that has no end yet."""
        if self._stores:
            self._put(response)

    def keep(self, response: Told) -> None:
        """Store the response, unless the client said ``store: false``, and add the turn to its conversation.

        One that failed is stored, but is no part of a conversation. What is not to be stored is kept for the client's
        connection, if that remembers anything.
        """
        if self._stores or self._unstored:
            self._put(response)
        if self.is_background:
            Runs(self._store).delete_again(response.id)
        conversation = self._conversation
        if conversation is not None and response.status != "failed":
            output = msgspec.json.decode(response.json)["output"]
            own = [Said(item, None) for item in self._own()]
            given = (said.item for said in self._past.resolved(own))
            asked = [Said(item, None) for item in named(given, response.id)]
            answered = [Said(item, self._origin) for item in output]
            self._past.conversations.add(conversation, asked + answered)

    def _put(self, response: Told) -> None:
        body, conversation = self._body, self._conversation
        place = None
        if conversation is not None:
            place = (conversation.id, conversation.length)
        elif body.get("conversation") is not None:
            place = (str(conversation_of(body)), 0)
        self._past.responses.put(
            response,
            self._own(),
            previous=body.get("previous_response_id"),
            place=place,
            origin=self._origin,
            unstored=self._unstored,
            earlier=self._past.earlier,
        )

    def _own(self) -> list[Json]:
        return [item for item in input_items(self._body) if isinstance(item, dict)]


def conversation_of(body: Json) -> str | None:
    """The id of the conversation that a request names. Raises ApiError (invalid_request)."""
    given = body.get("conversation")
    id_ = given.get("id") if isinstance(given, dict) else given
    if given is not None and not isinstance(id_, str):
        raise ApiError(
            "invalid_request",
            "conversation: must be an id, or an object with one",
            param="conversation",
        )
    if given is not None and body.get("previous_response_id") is not None:
        raise ApiError(
            "invalid_request",
            "Mutually exclusive parameters. Ensure you are only providing one of: "
            "'previous_response_id' or 'conversation'.",
            param="previous_response_id",
            code="mutually_exclusive_parameters",
        )
    return id_


def input_items(body: Json) -> list[Any]:
    """The request's own input as items; a plain string is one user message."""
    given = body.get("input")
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    return list(given) if isinstance(given, list) else []


def _has_id(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("id"), str)


def _for(origin: str, items: list[Said], loss: Loss) -> list[Any]:
    """Items for the provider ``origin``: those that it has not seen are stripped of what it would not know."""
    return [
        kept
        for said in items
        for kept in ([said.item] if said.origin == origin else foreign([said], loss))
    ]
