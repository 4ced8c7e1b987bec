"""Bodies for a log: their beginning, as text, and no key in it that can be known for one.

What people told a model stays: whoever wants bodies in the log wants that. Not here: errors (upstream/redaction.py).
"""

import re
from collections.abc import Iterable

from wsgi_gateway.config import Secret

_HIDDEN = "****"
_MARGIN = 1024
"""Bytes behind the end that are looked at, so that a key that stands across it is known."""
_SHORTEST = 8
"""Characters of a key. What is shorter is no secret, and may be a word."""

_BEGINNINGS = "sk pk rk gsk xai pplx hf r8 nvapi csk fw gho ghp ghs ghu github_pat glpat xoxa xoxb xoxp xoxr xoxs"
_NAMES = r"authorization|api[_-]?key|access[_-]?key|passw(?:or)?d|secret|credential|_?token(?!s)"

_WORDS = ("auth", "key", "passw", "secret", "credential", "token")
_DEPTHS = [
    ('"', r'[^"\\]|\\.'),
    (r'\\"', r'[^"\\]|\\\\(?:\\["\\]|[^"\\])'),
    (r'\\{3,9}"', r'[^"\\]|\\+[^"\\]'),
]
"""What ends a text of JSON, and what is in it: as it stands, within a text that is JSON, and somehow deeper."""


def _field(quote: str, inner: str) -> re.Pattern[str]:
    """A field of JSON that is called like a key."""
    name = rf'"[\w-]{{0,40}}(?:{_NAMES})[\w-]{{0,40}}{quote}\s*:\s*{quote}'
    return re.compile(f"({name})(?:{inner})+", re.IGNORECASE)


# What may be a key by its looks, and words without which there is none: these are found a hundred times sooner. Each
# expression ends its search soon wherever it begins, since whoever sends a body chooses what is searched.
_SHAPES: list[tuple[tuple[str, ...], re.Pattern[str]]] = [
    *((_WORDS, _field(*each)) for each in _DEPTHS),
    (
        ("bearer ", "basic "),
        re.compile(r"(\b(?:[Bb]earer|[Bb]asic) +)(?=[a-z]{0,20}[A-Z0-9])[\w.~+/=-]{8,}"),
    ),
    (
        tuple(f"{word}{mark}" for word in _BEGINNINGS.split() for mark in "-_"),
        re.compile(rf"()(?<![\w-])(?:{_BEGINNINGS.replace(' ', '|')})[-_][\w-]{{16,}}"),
    ),
    (("akia",), re.compile(r"()\bAKIA[A-Z0-9]{16}\b")),
    (("aiza",), re.compile(r"()\bAIza[\w-]{35}")),
    (("eyj",), re.compile(r"()(?<![\w-])eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*")),
    (
        ("private key",),
        re.compile(
            "()-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?"
        ),
    ),
]


class Mask:
    """``keys`` are hidden wherever they stand; ``limit`` bytes are left of each body."""

    def __init__(self, keys: Iterable[Secret], limit: int) -> None:
        self.kept = limit + _MARGIN
        """Bytes that ``text`` has to be given of a longer body."""
        self._limit = limit
        self._keys = _pattern(keys)

    def text(self, body: bytes, keys: Iterable[Secret]) -> str:
        """A body's beginning, without the config's ``keys``, these, or what looks like one."""
        text = body[: self.kept].decode("utf-8", "replace")
        for pattern in (self._keys, _pattern(keys)):
            if pattern is not None:
                text = pattern.sub(_HIDDEN, text)
        folded = text.lower()
        for words, pattern in _SHAPES:
            if any(word in folded for word in words):
                text = pattern.sub(rf"\1{_HIDDEN}", text)
        if len(body) <= self._limit:
            return text
        return text.encode()[: self._limit].decode("utf-8", "ignore")


def _pattern(keys: Iterable[Secret]) -> re.Pattern[str] | None:
    """The longest first: one key may begin another."""
    values = {key.reveal() for key in keys}
    known = sorted((value for value in values if len(value) >= _SHORTEST), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, known))) if known else None
