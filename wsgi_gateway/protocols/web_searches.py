"""The web search that an upstream runs itself: what the rooms of the three APIs share.

How each API offers it, and tells what came of it, is in their own folders.
"""

from msgspec import Struct
from msgspec.structs import asdict

from wsgi_gateway.protocols.conversation import Conversation, WebSearch
from wsgi_gateway.protocols.translation import Translation


def location(place: Struct | None) -> dict[str, str] | None:
    """``WebSearch.location`` of a wire's ``city``, ``country``, ``region`` and ``timezone``; None if all are empty."""
    fields: dict[str, str | None] = asdict(place) if place is not None else {}
    return {name: value for name, value in fields.items() if value} or None


def most_uses(search: WebSearch, conversation: Conversation) -> int | None:
    """The search's own limit, else that of all tools which the upstream runs: it is the only one."""
    return search.max_uses if search.max_uses is not None else conversation.max_tool_calls


def offered(conversation: Conversation, api: str, translation: Translation) -> WebSearch | None:
    """The search, if the upstream runs it by its ``api``; one that it does not run is noted."""
    search = conversation.web_search
    if search is None or api in translation.capabilities.web_search:
        return search
    translation.loss.approximated(search, "left out: the upstream does not search the web")
    return None
