"""The service tiers of OpenAI's two APIs, in replies.

Source: ``service_tier`` of the response objects in OpenAI's API reference. Other hosts report tiers of their own (Groq:
``on_demand``), on which a client with strict types would stumble.
"""

from collections.abc import Set

from wsgi_gateway.protocols.loss import Loss

CHAT_TIERS = frozenset({"auto", "default", "flex", "scale", "priority", "fast"})
RESPONSES_TIERS = CHAT_TIERS | {"ultrafast"}


def written_tier(told: str | None, known: Set[str], loss: Loss) -> str | None:
    """The tier as a client may be told it: None, with a note, where its API has no such tier."""
    if not told or told in known:
        return told or None
    loss.dropped("reply.service_tier", f"{told}, which the client's API does not have")
    return None
