"""What a model thought before it called tools, for clients that do not send it back.

A provider that lets its model think wants the thoughts of a tool loop returned, with their proof. A client that keeps
only what its API documents (most Chat Completions clients) loses them, so they are kept here by the calls that they led
to. Bounded, and gone with a restart: without them the upstream is asked not to think.
"""

import hashlib
from collections.abc import Iterable
from itertools import groupby

import msgspec
from msgspec import Struct

from wsgi_gateway.protocols.conversation import Item, Message, Reasoning, ToolCall
from wsgi_gateway.protocols.events import Delta, Event, Finished, PartEnded, PartStarted
from wsgi_gateway.state.memory import MemoryStore

_MAX_BYTES = 64 * 1024 * 1024
_TTL = 6 * 3600.0


class _Thought(Struct):
    """A thought, and the number of the turn's calls before it."""

    calls_before: int
    reasoning: Reasoning


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[_Thought]).decode


class ThoughtCache:
    """One per process, for all providers."""

    def __init__(self) -> None:
        self._store = MemoryStore(max_bytes=_MAX_BYTES, ttl=_TTL)

    def listen(self, provider: str) -> "Listener":
        """A listener for one reply of ``provider``."""
        return Listener(self._store, provider)

    def restore(self, provider: str, items: list[Item]) -> list[Item]:
        """``items`` with the thoughts of those turns that called tools and came without any proof."""
        restored: list[Item] = []
        for is_answer, run in groupby(items, _is_answer):
            turn = list(run)
            restored += self._with_thoughts(provider, turn) if is_answer else turn
        return restored

    def _with_thoughts(self, provider: str, turn: list[Item]) -> list[Item]:
        calls = [item for item in turn if isinstance(item, ToolCall)]
        if not calls or any(_is_proven(item) for item in turn):
            return turn
        stored = self._store.get(_key(provider, (call.id for call in calls)))
        if stored is None:
            return turn
        thoughts = _decode(stored)
        whole: list[Item] = [t.reasoning for t in thoughts if t.calls_before == 0]
        count = 0
        for item in turn:
            if isinstance(item, Reasoning):
                continue
            if isinstance(item, ToolCall):
                if count:
                    whole += [t.reasoning for t in thoughts if t.calls_before == count]
                count += 1
            whole.append(item)
        return whole


class Listener:
    """Keeps the thoughts of one reply once it has finished, if they came with proof and led to calls."""

    def __init__(self, store: MemoryStore, provider: str) -> None:
        self._store = store
        self._provider = provider
        self._texts: dict[int, list[str]] = {}
        self._thoughts: list[_Thought] = []
        self._calls: list[str] = []

    def take(self, event: Event) -> None:
        match event:
            case Delta():
                text = self._texts.get(event.index)
                if text is not None:
                    text.append(event.text)
            case PartStarted(kind="reasoning"):
                self._texts[event.index] = []
            case PartStarted(kind="tool_call"):
                self._calls.append(event.id)
            case PartEnded() if event.index in self._texts:
                text = self._texts.pop(event.index)
                thought = Reasoning(text="".join(text), proof=event.proof)
                self._thoughts.append(_Thought(len(self._calls), thought))
            case Finished() if self._calls and any(_is_proven(t.reasoning) for t in self._thoughts):
                self._store.put(_key(self._provider, self._calls), _encode(self._thoughts))


def _is_answer(item: Item) -> bool:
    if isinstance(item, Message):
        return item.role == "assistant"
    return isinstance(item, Reasoning | ToolCall)


def _is_proven(item: Item) -> bool:
    return isinstance(item, Reasoning) and item.proof is not None and item.proof.kind != "none"


def _key(provider: str, call_ids: Iterable[str]) -> str:
    """Hashed, so that no client can make keys of any size."""
    return hashlib.sha256(_encode([provider, *call_ids])).hexdigest()
