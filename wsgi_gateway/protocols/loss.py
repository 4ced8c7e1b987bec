"""The record of what one translation could not carry exactly.

Every mapping decision that is not exact is noted here by the code that makes it. The client reads the
record in ``x-gateway-warning``; what a streamed reply loses, which is known too late for a header, in a comment of
the stream. What would change the meaning of the request is refused instead.
"""

import re
from typing import Literal, NoReturn, TypeVar

from msgspec import Struct

from wsgi_gateway.protocols.conversation import Tool
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.header_value import header_value

Verdict = Literal["approximated", "dropped"]
T = TypeVar("T")
_INDEX = re.compile(r"\[\d+\]")
_LONGEST_HEADER = 4096

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
        self._places: dict[int, tuple[object, str]] = {}
        self._told = 0

    @property
    def entries(self) -> list[Entry]:
        """In the order in which they were noted, each once."""
        return list(self._entries)

    def at(self, path: str, thing: T) -> T:
        """Remember where in the client's request ``thing`` stood, and return it."""
        self._places[id(thing)] = (thing, path)
        return thing

    def follow(self, thing: object, made: T) -> T:
        """Remember that ``made`` was made of ``thing``, and so stands where that does; return it."""
        place = self._places.get(id(thing))
        if place is not None and place[0] is thing:
            self._places[id(made)] = (made, place[1])
        return made

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

    def _path(self, where: object) -> str:
        if not isinstance(where, str):
            thing, path = self._places.get(id(where), (None, ""))
            if thing is where:
                return path
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
