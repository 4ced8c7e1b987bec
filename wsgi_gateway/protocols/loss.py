"""The record of what one translation could not carry exactly.

Every mapping decision that is not exact is noted here by the code that makes it. The client reads the
record in ``x-gateway-warning``; what a streamed reply loses, which is known too late for a header, in a comment of
the stream. What would change the meaning of the request is refused instead.
"""

import re
from typing import Any, Literal, NoReturn, TypeVar

from msgspec import Struct

from wsgi_gateway.protocols.conversation import Message, Tool, ToolResult
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.header_value import header_value

Verdict = Literal["approximated", "dropped"]
T = TypeVar("T")
S = TypeVar("S", Message, ToolResult)
_INDEX = re.compile(r"\[\d+\]")
_LONGEST_HEADER = 4096
_LOOKED_THROUGH = 256
"""Things among which a place is looked for at a time: tools, of which most is noted, come first."""

# The names under which each API knows the fields that the conversation model names otherwise.
FIELD_NAMES: dict[str, dict[str, str]] = {
    "chat_completions": {
        "max_output_tokens": "max_completion_tokens",
        "reasoning": "reasoning_effort",
        "reasoning.effort": "reasoning_effort",
        "output_format": "response_format",
        "user_id": "safety_identifier",
        "instructions": "messages",
        "items": "messages",
    },
    "messages": {
        "max_output_tokens": "max_tokens",
        "stop": "stop_sequences",
        "reasoning": "thinking",
        "reasoning.effort": "output_config.effort",
        "reasoning.summary": "thinking.display",
        "output_format": "output_config.format",
        "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
        "user_id": "metadata.user_id",
        "instructions": "system",
        "items": "messages",
    },
    "responses": {
        "logprobs": "include",
        "output_format": "text.format",
        "verbosity": "text.verbosity",
        "user_id": "safety_identifier",
        "items": "input",
    },
}


class Entry(Struct, frozen=True):
    """``path`` is in the client's own terms; ``note`` says what was done, and why if that is not plain."""

    path: str
    verdict: Verdict
    note: str


class Loss:
    """Collects entries for one request from a client of ``api``.

    ``where`` is the name of a field, the conversation's or the client's own, or a thing of the conversation
    (a part, an item, a tool) that a reader has placed with ``at``.
    """

    def __init__(self, api: str) -> None:
        self._names = FIELD_NAMES[api]
        self._entries: dict[Entry, None] = {}
        self._things: list[Any] = []
        self._origins: list[object] = []
        """Where each of the things stood: a path, a path and what leads on to its part, or the thing it was made of."""
        self._origin_of: dict[int, object] = {}
        """The same by ids, of as many as had to be looked through. While a thing is kept, no other gets its id."""
        self._indexed = 0
        self._told = 0

    def call(self, name: str, field: str) -> None:
        """The client gave ``name`` of the conversation as ``field``: one of several names that its API has for it."""
        self._names = {**self._names, name: field}

    @property
    def entries(self) -> list[Entry]:
        """In the order in which they were noted, each once."""
        return list(self._entries)

    def count(self) -> tuple[int, int]:
        """How much was approximated, and how much was dropped."""
        dropped = sum(entry.verdict == "dropped" for entry in self._entries)
        return len(self._entries) - dropped, dropped

    def at(self, path: str, thing: T) -> T:
        """Remember where in the client's request ``thing`` stood, and return it."""
        self._things.append(thing)
        self._origins.append(path)
        return thing

    def around(self, path: str, inner: str, item: S) -> S:
        """As ``at`` for ``item``, and for its first part, which stood at ``inner`` behind that."""
        self._things.append(item)
        self._origins.append((path, inner))
        return item

    def follow(self, thing: object, made: T) -> T:
        """Remember that ``made`` was made of ``thing``, and so stands where that does; return it."""
        self._things.append(made)
        self._origins.append(thing)
        return made

    def forget_places(self) -> None:
        """Let go of all things: what is still to be noted has a name."""
        self._things, self._origins, self._origin_of = [], [], {}
        self._indexed = 0

    def approximated(self, where: object, note: str) -> None:
        """The other API has something near, which was used."""
        self._add(where, "approximated", note)

    def dropped(self, where: object, note: str = "no such field upstream") -> None:
        """A hint that changes cost or speed only, or a field that nobody knows: left out."""
        self._add(where, "dropped", note)

    def refuse(self, where: object, why: str) -> NoReturn:
        """Raise the 400 that names the field: carrying on would change what the client asked for."""
        path = self._path(where)
        raise ApiError(
            "invalid_request", f"{path}: {why}", param=path, code="unsupported_parameter"
        )

    def insist_on_exact(self) -> None:
        """Refuse the request if anything was approximated. Dropped hints do not count."""
        for entry in self._entries:
            if entry.verdict == "approximated":
                self.refuse(entry.path, f"cannot be translated exactly: {entry.note}")

    def header(self) -> str | None:
        """The value of ``x-gateway-warning``, None if all was exact. Printable ASCII only, at most 4 KiB."""
        self._told = len(self._entries)
        return _in_words(self.entries) if self._entries else None

    def news(self) -> str | None:
        """What was noted since ``header`` or ``news`` was last called, in the form of a header."""
        if self._told == len(self._entries):
            return None
        news = self.entries[self._told :]
        self._told = len(self._entries)
        return _in_words(news)

    def _add(self, where: object, verdict: Verdict, note: str) -> None:
        self._entries[Entry(self._path(where), verdict, note)] = None

    def _place(self, thing: object) -> str | None:
        """The path of ``thing``, or of what it was made of."""
        known = self._origin_of
        while id(thing) not in known and self._indexed < len(self._things):
            self._index_more()
        origin = known.get(id(thing))
        return origin if origin is None or isinstance(origin, str) else self._place(origin)

    def _index_more(self) -> None:
        new = slice(self._indexed, self._indexed + _LOOKED_THROUGH)
        for thing, origin in zip(self._things[new], self._origins[new], strict=True):
            if isinstance(origin, tuple):
                path, inner = origin
                self._origin_of[id(thing)] = path
                self._origin_of[id(thing.parts[0])] = path + inner
            else:
                self._origin_of[id(thing)] = origin
        self._indexed = min(new.stop, len(self._things))

    def _path(self, where: object) -> str:
        if not isinstance(where, str):
            place = self._place(where)
            if place is not None:
                return place
            where = "tools" if isinstance(where, Tool) else "items"
        head, dot, rest = where.partition(".")
        return self._names.get(where) or self._names.get(head, head) + dot + rest


def _in_words(entries: list[Entry]) -> str | None:
    """Entries that differ in the numbers of their paths only are told as the first one and a count."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for entry in entries:
        pattern = _INDEX.sub("[]", entry.path)
        groups.setdefault((pattern, entry.verdict, entry.note), []).append(entry.path)
    told = (
        f"{paths[0]}{f' and {len(paths) - 1} more' if len(paths) > 1 else ''};{verdict}: {note}"
        for (_, verdict, note), paths in groups.items()
    )
    value = header_value(", ".join(told))
    if len(value) > _LONGEST_HEADER:
        value = value[: _LONGEST_HEADER - 16] + " ... and more"
    return value or None
