"""Halves of surrogate pairs in JSON text, which strict decoders refuse.

Hosts that cut their text by UTF-16 units send an emoji as ``"\\ud83d"`` in one event and
``"\\ude00"`` in the next.
"""

import re

_HIGH = rb"u[dD][89abAB][0-9a-fA-F]{2}"
_LOW = rb"u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPE = re.compile(rb"\\(?:%b\\%b|(%b|%b)|.)" % (_HIGH, _LOW, _HIGH, _LOW), re.DOTALL)


def replace_halves(data: bytes) -> bytes:
    """``data`` with every escaped half that has no partner as U+FFFD."""
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found.group(1) else found.group(), data)
