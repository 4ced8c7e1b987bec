"""Parts that are nothing but words, as those of most messages and results are."""

from collections.abc import Sequence

from wsgi_gateway.protocols.conversation import Part, Text
from wsgi_gateway.protocols.words import Words


def plain_words(parts: Sequence[Part]) -> Words | None:
    """The words of parts that are one text without a cache breakpoint; None for all others."""
    if len(parts) != 1:
        return None
    part = parts[0]
    return part.words if type(part) is Text and not part.cache else None
