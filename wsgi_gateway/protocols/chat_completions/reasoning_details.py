"""``reasoning_details``: how Chat hosts (OpenRouter's form) tell thoughts with what proves them.

Each entry has a type (``reasoning.text``, ``reasoning.summary``, ``reasoning.encrypted``), mostly an ``index``, and
its text, ``signature`` or ``data``; a stream tells an entry in pieces. The host wants the whole list back as it was.
This gateway seals other APIs' proofs into entries of the same form.
"""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from wsgi_gateway.protocols.conversation import Json, Proof
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.seal import seal

T = TypeVar("T")
_GROWING = ("text", "summary", "data", "signature")


def readable_text(details: Iterable[Json]) -> str:
    """What the entries say in words."""
    texts = (detail.get("text") or detail.get("summary") for detail in details)
    return "".join(text for text in texts if isinstance(text, str))


class Details:
    """Collects the entries of a reply, whose pieces may come one by one."""

    def __init__(self) -> None:
        self._entries: list[Json] = []

    def add(self, pieces: Iterable[Json]) -> None:
        for piece in pieces:
            known = next((entry for entry in self._entries if _is_more_of(piece, entry)), None)
            if known is None:
                self._entries.append(dict(piece))
            else:
                _extend(known, piece)

    def take(self) -> str | None:
        """The JSON text of the entries since the last call; None if there were none."""
        entries, self._entries = self._entries, []
        return encode(entries).decode() if entries else None


def _is_more_of(piece: Json, entry: Json) -> bool:
    """By type and index, where there is one; of two that have ids these are the same."""
    same_kind = piece.get("type") == entry.get("type") and piece.get("index") == entry.get("index")
    ids = {piece.get("id"), entry.get("id")} - {None}
    if piece.get("index") is None:
        return same_kind and len(ids) < 2 and "data" not in piece
    return same_kind and len(ids) < 2


def _extend(entry: Json, piece: Json) -> None:
    for name, value in piece.items():
        known = entry.get(name)
        if name in _GROWING and isinstance(known, str) and isinstance(value, str):
            entry[name] = known + value
        elif value is not None:
            entry[name] = value


def sealed_detail(text: str, proof: Proof, index: int) -> Json:
    """An entry for this gateway's clients. ``index`` is there because SDK helpers merge lists of objects by it."""
    token = seal(proof)
    if not text:
        return {"type": "reasoning.encrypted", "index": index, "data": token}
    return {"type": "reasoning.text", "index": index, "text": text, "signature": token}


def is_worth_keeping(proof: Proof | None) -> bool:
    """Whether a client should send it back: bare text proves nothing."""
    return proof is not None and proof.kind != "none"


def proven_details(proof: Proof) -> list[Json] | None:
    """The entries in a proof of kind ``details``; None for other kinds, and for what no host made."""
    return _decoded(proof.value, list[Json]) if proof.kind == "details" else None


def proven_extra(proof: Proof) -> Json | None:
    """The ``extra_content`` in a proof of kind ``call``; None for other kinds, and for what no host made."""
    return _decoded(proof.value, Json) if proof.kind == "call" else None


def _decoded(value: str, shape: type[T]) -> T | None:
    try:
        return msgspec.json.decode(value, type=shape)
    except (ValueError, RecursionError):
        return None
