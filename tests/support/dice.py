"""Choices taken from bytes: what is generated from them, hypothesis can shrink and a fuzzer can steer.

Here: the dice and the words and values that are easily got wrong. Not here: what is made of them (generated_*.py).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")

WORDS = (
    "a",
    "Hello ",
    "日本",
    "😀",
    '"quoted" \\',
    "two\nlines",
    "\n\n",
    "carriage\r\nreturn",
    "line\u2028separator\x85",
    "data: [DONE]",
    "nul\x00",
    "{",
    "</think>",
    "e\u0301",
)
"""The first is the simplest. Each is what some decoder, encoder or cutter of text has stumbled over."""

ARGUMENTS = (
    "{}",
    '{"city":"Oslo"}',
    '{"n":12345678901234567890,"x":2.50}',
    '{"deep": {"list": [1, null, {"t": "}{"}]}}',
    '{"text":"日本 😀\\n\\"\\ud83d\\ude00"}',
    '{ "blank" : true }',
)
"""A call's JSON as models write it; numbers and blanks must survive."""

JUNK: tuple[Any, ...] = (
    None,
    "",
    "text",
    0,
    -1,
    True,
    1.5,
    [],
    {},
    [None],
    [[]],
    [{}],
    ["text"],
    {"type": None},
    {"type": "text", "text": 1},
    {"type": "unknown", "x": []},
    10**30,
    "data:image/png;base64,!!",
    "wsgi-gateway.1.e30=",
)
"""Values of every shape, for fields that expect another."""


class Dice:
    """Each throw takes one byte; when none is left, every throw is 0, which is the simplest choice."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __repr__(self) -> str:
        return f"Dice({self._data.rstrip(bytes(1))!r})"

    def below(self, limit: int) -> int:
        """A number from 0 to ``limit`` - 1 (at most 255)."""
        if self._at >= len(self._data):
            return 0
        self._at += 1
        return self._data[self._at - 1] % limit

    def chance(self, one_in: int) -> bool:
        return self.below(one_in) == one_in - 1

    def pick(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]

    def some(self, options: Sequence[T], most: int) -> list[T]:
        """Up to ``most`` of the options, maybe one repeatedly."""
        return [self.pick(options) for _ in range(self.below(most + 1))]

    def maybe(self, value: T, one_in: int = 2) -> T | None:
        return value if self.chance(one_in) else None

    def text(self, most: int = 3) -> str:
        """Never blank."""
        text = "".join(self.words(most))
        return text if text.strip() else "a"

    def words(self, most: int = 3) -> list[str]:
        """At least one."""
        return [self.pick(WORDS) for _ in range(1 + self.below(most))]

    def cut(self, text: str, most: int = 3) -> list[str]:
        """The text in up to ``most`` pieces, none of them empty."""
        pieces = []
        while len(text) > 1 and len(pieces) < most - 1 and self.chance(2):
            at = 1 + self.below(min(len(text) - 1, 255))
            pieces.append(text[:at])
            text = text[at:]
        return [*pieces, text] if text else pieces

    def chunks(self, data: bytes) -> list[bytes]:
        """The bytes in pieces as a network may deliver them: one by one, in a few, or in two."""
        size = self.pick((0, 1, 2, 3, 7, 64, 500))
        if size == 0:
            at = self._big(len(data) + 1)
            return [data[:at], data[at:]]
        return [data[at : at + size] for at in range(0, len(data), size)]

    def place(self, data: bytes) -> int:
        """A position within the bytes."""
        return self._big(max(len(data), 1))

    def rest(self) -> bytes:
        """The bytes that were not thrown yet."""
        return self._data[self._at :]

    def _big(self, limit: int) -> int:
        return (self.below(256) * 65536 + self.below(256) * 256 + self.below(256)) % limit

    def json(self, depth: int = 2) -> Any:
        """A value of any shape."""
        match self.below(4):
            case 1 if depth:
                return {self.pick(_NAMES): self.json(depth - 1) for _ in range(self.below(4))}
            case 2 if depth:
                return [self.json(depth - 1) for _ in range(self.below(3))]
            case 3:
                return self.pick(WORDS)
        return json.loads(json.dumps(self.pick(JUNK)))


_NAMES = ("type", "text", "content", "id", "name", "index", "role", "input", "data", "x")


def dice(size: int = 150) -> st.SearchStrategy[Dice]:
    """For hypothesis: one draw however much is made of it, so that hundreds of examples take seconds."""
    return st.binary(min_size=size, max_size=size).map(Dice)
