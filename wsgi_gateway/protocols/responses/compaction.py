"""Compaction items of the gateway's own: what one stands for, and how it travels.

A client gets the summary of its history in ``encrypted_content`` and sends it back unread, to whatever upstream it asks
next; there the summary becomes a message. Not here: what of a history is summarized, and how (``compacting``).

The content is sealed as proofs are: with a digest that tells edits and cuts, without a key. Whoever forges a summary
puts words into no other conversation than its own, where it can say anything anyway.

Source: OpenAI API reference, "Compact a response"; OpenAI's guide "Compaction"; Open Responses, ``CompactResource``.
"""

from typing import Any

import msgspec
from msgspec import Struct

from wsgi_gateway.protocols import seal
from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.errors import ApiError

LEAD_IN = (
    "The conversation up to here was compacted. What follows is a summary of it that the assistant wrote for itself; "
    "messages that stand before it are as they were. Go on from it as if you remembered everything.\n\n"
)
"""How the message begins that the model gets for a compaction."""


_BRING_TOOLS = ("additional_tools", "tool_search_call", "tool_search_output")


class Compaction(Struct, omit_defaults=True):
    """A summary, and the items of the history that stand around it as they were.

    One with ``before`` stands for all that precedes its item: clients may leave that out, or not. Without, as in the
    output of ``/responses/compact``, what precedes the item counts; of what precedes a ``compaction_trigger`` that it
    follows, the messages do.
    """

    summary: str
    before: list[Json] | None = None
    after: list[Json] = []

    @property
    def items(self) -> list[Json]:
        """What it stands for, as Responses items.

        The summary is a user's message: it retells what users and tools said, and must not gain a developer's
        authority.
        """
        summary = {"type": "message", "role": "user", "content": LEAD_IN + self.summary}
        return [*(self.before or ()), summary, *self.after]


_decode = msgspec.json.Decoder(Compaction).decode


def seal_compaction(compaction: Compaction) -> str:
    """The ``encrypted_content`` of its item."""
    return seal.wrap(encode(compaction))


def unseal_compaction(token: str | None, path: str) -> Compaction | None:
    """The compaction in an item's ``encrypted_content``; None for what another made.

    Raises ApiError, naming ``path``, for one of ours that was edited or cut: without it the history would have a hole.
    """
    if token is None or not seal.is_sealed(token):
        return None
    body = seal.unwrap(token)
    try:
        if body is not None:
            return _decode(body)
    except ValueError:
        pass
    raise ApiError("invalid_request", f"{path}: was changed or cut on the way", param=path)


def is_summary(item: Json) -> bool:
    """Whether it is the message of an earlier compaction. What only looks like one is summarized with the rest."""
    content = item.get("content")
    return isinstance(content, str) and content.startswith(LEAD_IN)


def kept(items: list[Json], room: int | None = None) -> list[Json]:
    """What stays of ``items`` as it is: instructions, tools that were brought along, and what the user said.

    Of the last, the newest messages that ``room`` bytes hold; None for all.
    """
    chosen: list[Json] = []
    for item in reversed(items):
        role = item.get("role")
        if item.get("type") in _BRING_TOOLS and item.get("tools"):
            chosen.append({"type": "additional_tools", "role": "developer", "tools": item["tools"]})
        elif not is_message(item) or role == "assistant" or is_summary(item):
            continue
        elif role != "user" or room is None:
            chosen.append(item)
        elif room >= 0:
            room -= len(encode(item))
            if room >= 0:
                chosen.append(item)
    return chosen[::-1]


def is_message(item: Json) -> bool:
    return item.get("type") in (None, "message")


def expanded(items: list[Any]) -> list[Any]:
    """``items`` with what the gateway's own compactions stand for in their place. Raises as ``unseal_compaction``."""
    told: list[Any] = []
    for number, item in enumerate(items):
        compaction = _compaction(item, f"input[{number}].encrypted_content")
        if compaction is None:
            told.append(item)
        elif compaction.before is not None:
            told = compaction.items
        elif told and _is_trigger(told[-1]):
            told = kept(told[:-1]) + compaction.items
        else:
            told += compaction.items
    return told


def _is_trigger(item: Any) -> bool:
    return isinstance(item, dict) and item.get("type") == "compaction_trigger"


def with_compactions_open(body: Json) -> Json:
    """A request's body for an upstream that cannot read them. Raises as ``unseal_compaction``."""
    given = body.get("input")
    return {**body, "input": expanded(given)} if isinstance(given, list) else body


def _compaction(item: Any, path: str) -> Compaction | None:
    if not isinstance(item, dict) or item.get("type") != "compaction":
        return None
    token = item.get("encrypted_content")
    return unseal_compaction(token, path) if isinstance(token, str) else None
