"""Words for a header. Servers refuse others, and answer 500 before the client's own API could say anything."""

import re

_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


def header_value(text: str) -> str:
    """``text`` with a ``?`` for every character that is not printable ASCII (RFC 9110, 5.5)."""
    if text.isascii() and text.isprintable():  # Nearly always, and told ten times as fast.
        return text
    return _UNPRINTABLE.sub("?", text)
