"""What an item that one upstream made is to another: its words stay, its id and the proof of its reasoning do not."""

from typing import Any, NamedTuple

from wsgi_gateway.protocols.conversation import Json, Proof
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.seal import is_sealed, seal


class Said(NamedTuple):
    """An item, and the provider that made it or has seen it under its id; None for the gateway."""

    item: Any
    origin: str | None


def sealed(said: Said) -> Any:
    """The item for any upstream: a proof that only its origin takes names it."""
    item = said.item
    if said.origin is None or not isinstance(item, dict) or item.get("type") != "reasoning":
        return item
    token = item.get("encrypted_content")
    if not isinstance(token, str) or not token:
        proof = Proof(kind="none", origin=said.origin)
    elif is_sealed(token):
        return item
    else:
        proof = Proof(kind="encrypted", value=token, item_id=item.get("id"), origin=said.origin)
    return {**item, "encrypted_content": seal(proof)}


def foreign(items: list[Said], loss: Loss) -> list[Any]:
    """Items for an upstream of the same API that has seen none of them. Sealed reasoning is for others to take out."""
    return [kept for said in items if (kept := _without_id(said, loss)) is not None]


def _without_id(said: Said, loss: Loss) -> Any:
    item = sealed(said)
    if not isinstance(item, dict):
        return item
    kind = item.get("type")
    if kind == "web_search_call":
        loss.dropped("input", "a search of the web that ran elsewhere; the answer tells its result")
        return None
    if kind == "reasoning" and not item.get("encrypted_content"):
        return None  # a thought without words
    stripped: Json = {name: value for name, value in item.items() if name not in ("id", "status")}
    return stripped
