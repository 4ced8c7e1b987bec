"""What a model thought before it called tools, for clients that do not send it back.

A provider that lets its model think wants the thoughts of a tool loop returned, with their proof. A client that keeps
only what its API documents (most Chat Completions clients) loses them, so they are kept here, known by the calls that
they led to and by what was said before: ids alone are not enough, as some hosts count them anew in each conversation.
Bounded, and gone with a restart: without them the upstream is asked not to think.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec import Struct

from wsgi_gateway.protocols.conversation import (
    Item,
    Message,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from wsgi_gateway.protocols.events import Delta, Deltas, Event, Finished, PartEnded, PartStarted
from wsgi_gateway.state.cache import BoundedCache

_MAX_BYTES = 64 * 1024 * 1024
_TTL = 6 * 3600.0
_DELTAS = (Delta, Deltas)


class _Thought(Struct):
    """A thought, and the number of the turn's calls before it."""

    calls_before: int
    reasoning: Reasoning


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[_Thought]).decode


class ThoughtCache:
    """One per process, for all providers."""

    def __init__(self) -> None:
        self._store: BoundedCache[str, bytes] = BoundedCache(max_bytes=_MAX_BYTES, ttl=_TTL)
        self._calls: BoundedCache[int, bytes] = BoundedCache(ttl=_TTL)
        """By their hash, the calls that thoughts are kept for: most are not, and what was said need not be hashed."""

    def listen(self, provider: str, items: Sequence[Item]) -> "Listener":
        """A listener for the reply of ``provider`` to ``items``."""
        return Listener(self, provider, items[-1:])

    def keep(
        self, provider: str, asked: Sequence[Item], calls: list[str], thoughts: list[_Thought]
    ) -> None:
        """Keep the ``thoughts`` that led to ``calls`` when the last items of a history were ``asked``."""
        self._calls.put(hash((provider, *calls)), b"")
        self._store.put(_key([provider, _words(asked)], calls), _encode(thoughts))

    def restore(self, provider: str, items: list[Item]) -> list[Item]:
        """``items`` with the thoughts of those turns that called tools and came without any proof."""
        if not self._store:
            return items
        restored: list[Item] = []
        end = 0
        for begin, behind in _unproven_turns(items):
            turn = items[begin:behind]
            calls = [item.id for item in turn if type(item) is ToolCall]
            if self._calls.get(hash((provider, *calls))) is None:
                continue
            known = [provider, _words(items[begin - 1 : begin])]
            stored = self._store.get(_key(known, calls))
            if stored is not None:
                restored += items[end:begin]
                restored += _with_thoughts(turn, _decode(stored))
                end = behind
        return restored + items[end:] if end else items


class Listener:
    """Keeps the thoughts of one reply once it has finished, if they came with proof and led to calls."""

    def __init__(self, cache: ThoughtCache, provider: str, asked: Sequence[Item]) -> None:
        self._cache = cache
        self._provider = provider
        self._asked = asked
        self._texts: dict[int, list[str]] = {}
        self._thoughts: list[_Thought] = []
        self._calls: list[str] = []

    def take_all(self, events: Iterable[Event]) -> None:
        for event in events:
            # Of most streams nothing is kept, so their deltas are not looked at.
            if self._texts or not isinstance(event, _DELTAS):
                self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case Delta():
                text = self._texts.get(event.index)
                if text is not None:
                    text.append(event.text)
            case Deltas():
                if event.index in self._texts:
                    self._texts[event.index] += event.texts
            case PartStarted(kind="reasoning"):
                self._texts[event.index] = []
            case PartStarted(kind="tool_call"):
                self._calls.append(event.id)
            case PartEnded() if event.index in self._texts:
                text = self._texts.pop(event.index)
                thought = Reasoning(text="".join(text), proof=event.proof)
                self._thoughts.append(_Thought(len(self._calls), thought))
            case Finished() if self._calls and any(_is_proven(t.reasoning) for t in self._thoughts):
                self._cache.keep(self._provider, self._asked, self._calls, self._thoughts)


def _with_thoughts(turn: list[Item], thoughts: list[_Thought]) -> list[Item]:
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


def _unproven_turns(items: Sequence[Item]) -> Iterator[tuple[int, int]]:
    """Where those turns of the assistant's begin and end that called tools and came without any proof."""
    begin, calls, proven = 0, False, False
    for position, item in enumerate(items):
        if type(item) is ToolCall:
            calls = True
        elif type(item) is Reasoning:
            proven = proven or _is_proven(item)
        elif type(item) is not Message or item.role != "assistant":
            if calls and not proven:
                yield begin, position
            begin, calls, proven = position + 1, False, False
    if calls and not proven:
        yield begin, len(items)


def _is_proven(thought: Reasoning) -> bool:
    return thought.proof is not None and thought.proof.kind != "none"


def _words(items: Sequence[Item]) -> str:
    """What is said in messages and results."""
    said = [item.parts for item in items if type(item) is Message or type(item) is ToolResult]
    return "\n".join([part.text for parts in said for part in parts if type(part) is Text])


def _key(known: list[str], call_ids: list[str]) -> str:
    """Hashed, so that no client can make keys of any size. Halves of surrogates may be in it."""
    text = "\0".join([*known, *call_ids])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
