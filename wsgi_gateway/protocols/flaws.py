"""Which field makes a body no JSON, where only one value is wrong: numbers that JSON does not have, broken text.

Asked for once a body was refused. Not here: fields of a wrong type (decoding.py).
"""

import json
from collections.abc import Iterator
from typing import Any

_LONGEST = 1024 * 1024
"""Bytes of a body that is searched: the strict decoder is quick to refuse one, and this one is not."""


class _NoNumber:
    """Stands in place of NaN, Infinity, and of numbers that are too large."""


_NO_NUMBER = _NoNumber()


def flaw_of(body: bytes) -> tuple[str, str] | None:
    """The path of the first wrong value, and what it must be; None if that is not what is wrong."""
    if len(body) > _LONGEST:
        return None
    try:
        value = json.loads(
            body.decode("utf-8", "surrogateescape"),
            parse_float=_finite,
            parse_constant=lambda _: _NO_NUMBER,
        )
        return next(_flaws(value, ""), None)
    except (ValueError, RecursionError):
        return None


def _finite(text: str) -> Any:
    number = float(text)
    return _NO_NUMBER if number in (float("inf"), float("-inf")) else number


def _flaws(value: Any, path: str) -> Iterator[tuple[str, str]]:
    match value:
        case _NoNumber():
            yield path, "must be a finite number"
        case str() if not _is_unicode(value):
            yield path, "must be text in UTF-8, without halves of surrogate pairs"
        case dict():
            for name, entry in value.items():
                if not _is_unicode(name):
                    yield path, "must have names in UTF-8, without halves of surrogate pairs"
                    return
                yield from _flaws(entry, f"{path}.{name}" if path else name)
        case list():
            for number, entry in enumerate(value):
                yield from _flaws(entry, f"{path}[{number}]")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
