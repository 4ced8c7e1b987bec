"""Searches of the web that the upstream ran, between ``web_search_call`` items and the events.

Source: the types of the openai SDK (``responses/response_function_web_search.py``).
"""

from typing import Any

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.events import Search


def read_search(action: Any) -> Search | None:
    """None for what is no search: a page that was opened, or text that was looked for in it."""
    if not isinstance(action, dict):
        return Search(queries=[], sources=[])
    if action.get("type") not in (None, "search"):
        return None
    queries = _list(action.get("queries")) or [action.get("query")]
    return Search(
        queries=[query for query in queries if isinstance(query, str) and query],
        sources=[
            {"url": source["url"], "title": str(source.get("title") or "")}
            for source in _list(action.get("sources"))
            if isinstance(source, dict) and isinstance(source.get("url"), str)
        ],
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def write_action(search: Search | None, with_sources: bool) -> Json:
    """The ``action`` of an item; ``sources`` are for clients that asked for them."""
    action: Json = {"type": "search", "query": "", "queries": []}
    if search is None:
        return action
    action |= {"query": next(iter(search.queries), ""), "queries": search.queries}
    if with_sources:
        action["sources"] = [{"type": "url", "url": source["url"]} for source in search.sources]
    return action
