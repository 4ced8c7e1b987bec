"""The web search that Anthropic runs itself, as it is offered to a model. What came of it is read by ``searches``.

Source: Anthropic's page "Web search tool".
"""

from wsgi_gateway.protocols.conversation import Json, WebSearch
from wsgi_gateway.protocols.translation import Translation

NAME = "web_search"
"""The tool's only name: a client's tool that is called so too needs another."""


def offered(search: WebSearch | None, translation: Translation) -> bool:
    """Whether the search goes to the upstream; one that the upstream does not run is noted."""
    if search is None:
        return False
    if "messages" in translation.capabilities.web_search:
        return True
    translation.loss.approximated(search, "left out: the upstream runs no web search")
    return False


def search_tool(search: WebSearch, translation: Translation) -> Json:
    tool: Json = {"type": "web_search_20250305", "name": NAME}
    if search.max_uses is not None:
        tool["max_uses"] = search.max_uses
    if search.allowed_domains:
        tool["allowed_domains"] = search.allowed_domains
    if search.blocked_domains:
        tool["blocked_domains"] = search.blocked_domains
    if search.location:
        tool["user_location"] = {"type": "approximate", **search.location}
    if search.context_size not in (None, "medium"):
        translation.loss.approximated(search, "its context size: the upstream has no such setting")
    return tool
