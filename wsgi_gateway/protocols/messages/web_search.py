"""The web search that Anthropic runs itself, as it is offered to a model. What came of it is read by ``searches``.

Source: Anthropic's page "Web search tool".
"""

from wsgi_gateway.protocols.conversation import Conversation, Json, WebSearch
from wsgi_gateway.protocols.translation import Translation
from wsgi_gateway.protocols.web_searches import most_uses

NAME = "web_search"
"""The tool's only name: a client's tool that is called so too needs another."""


def search_tool(search: WebSearch, conversation: Conversation, translation: Translation) -> Json:
    tool: Json = {"type": "web_search_20250305", "name": NAME}
    limit = most_uses(search, conversation)
    if limit is not None:
        tool["max_uses"] = limit
    if search.allowed_domains:
        tool["allowed_domains"] = search.allowed_domains
    if search.blocked_domains:
        tool["blocked_domains"] = search.blocked_domains
    if search.location:
        tool["user_location"] = {"type": "approximate", **search.location}
    if search.context_size not in (None, "medium"):
        translation.loss.approximated(search, "its context size: the upstream has no such setting")
    return tool
