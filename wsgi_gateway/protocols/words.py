"""Words of a request that may still be JSON.

Most of what a long request costs is to make text of its JSON, and JSON of the text again, though the gateway looks at
few of its texts. So a long text stays the JSON string that it came as until somebody reads it, and goes on as that if
nobody does.

Here: telling and reading such words. Not here: which texts of a request may stay JSON (the protocols' own readers).
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec
from msgspec import Raw

T = TypeVar("T")
Words = str | Raw
"""Text, or the JSON of a string that begins with something else than white space."""

_SHORT = 64
"""Bytes up to which a JSON string is made text at once: that costs less than to ask again what it is."""
_QUOTE, _BRACKET = b'"['
_MAY_BE_BLANK = frozenset(b"\\ \xc2\xe1\xe2\xe3")
"""The first bytes of all white space in a JSON string: a blank, what is escaped, and what is beyond ASCII."""
_BLANK = {b"\xc2\x85", b"\xc2\xa0", b"\xe1\x9a", b"\xe2\x80", b"\xe2\x81", b"\xe3\x80"}
"""The first two bytes of that which is beyond ASCII, and of some that is no white space."""

_decode = msgspec.json.Decoder(str).decode
_decode_optional = msgspec.json.Decoder(str | None).decode


def words_of(json: Raw | None) -> Words | None:
    """The words of a JSON string, None for null or nothing. Raises msgspec.ValidationError for any other JSON."""
    return words_or_array(json, _decode_optional)  # which takes no array


def needed_words_of(json: Raw) -> Words:
    """As ``words_of`` where null is no text."""
    words = words_of(json)
    return _decode(json) if words is None else words


def words_or_array(json: Raw | None, read_array: Callable[[Raw], T]) -> Words | T | None:
    """As ``words_of``, where there may also be an array, which becomes what ``read_array`` makes of it."""
    if json is None:
        return None
    view = memoryview(json)
    first = view[0]
    if first == _BRACKET:
        return read_array(json)
    is_long = first == _QUOTE and len(view) > _SHORT
    if is_long and (view[1] not in _MAY_BE_BLANK or not _is_blank_at_first(bytes(view[1:3]))):
        return json
    return _decode_optional(json)


def _is_blank_at_first(begin: bytes) -> bool:
    """Whether a string may begin with white space: by the first two bytes of its JSON."""
    return begin[0] < 0x80 or begin in _BLANK


def text_of(words: Words) -> str:
    """The words as text."""
    return words if isinstance(words, str) else _decode(words)


def is_blank(words: Words) -> bool:
    """Whether there is nothing but white space, or nothing at all."""
    return isinstance(words, str) and (not words or words.isspace())
