"""Web searches in an upstream's reply: a call (``server_tool_use``) and its result, two blocks, become one part.

Source: Anthropic's page "Web search tool".
"""

from typing import Any

from msgspec import Struct

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import parse_arguments
from wsgi_gateway.protocols.events import Search
from wsgi_gateway.protocols.ids import new_id
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.reply_builder import ReplyBuilder


class _Open(Struct):
    part: int
    queries: list[str]


class Searches:
    """The searches of one reply. A part is open until its result is there, or the reply ends."""

    def __init__(self, builder: ReplyBuilder, loss: Loss) -> None:
        self._builder = builder
        self._loss = loss
        self._open: dict[str, _Open] = {}

    def start(self, block: Json) -> str:
        """Begin the search of a call, whose id is returned; its query may be told later (``ask``)."""
        call_id = str(block.get("id") or new_id("srvtoolu_"))
        part = self._builder.open("web_search", item_id=call_id)
        self._open[call_id] = _Open(part, _query(block.get("input")))
        return call_id

    def ask(self, call_id: str, arguments: str) -> None:
        """Say what is looked for, by the call's JSON text, as far as it came."""
        search = self._open.get(call_id)
        if search is not None and arguments:
            search.queries = _query(parse_arguments(arguments))

    def answer(self, block: Json) -> None:
        """End the search that a result belongs to."""
        search = self._open.pop(str(block.get("tool_use_id")), None)
        if search is None:
            self._loss.approximated("reply.content", "a result of no known search was left out")
            return
        sources = _sources(block.get("content"))
        if sources is None:
            self._loss.approximated("reply.content", "a web search failed")
        self._close(search, sources)

    def finish(self) -> None:
        """End those that got no result."""
        for search in self._open.values():
            self._close(search, None)
        self._open.clear()

    def _close(self, search: _Open, sources: list[dict[str, str]] | None) -> None:
        told = Search(queries=search.queries, sources=sources or [])
        self._builder.close(search.part, complete=sources is not None, search=told)


def _query(value: Any) -> list[str]:
    query = value.get("query") if isinstance(value, dict) else None
    return [query] if isinstance(query, str) and query else []


def _sources(content: Any) -> list[dict[str, str]] | None:
    """The pages of a result; None for an error instead of it."""
    if not isinstance(content, list):
        return None
    pages = (entry for entry in content if isinstance(entry, dict) and entry.get("url"))
    return [{"url": str(page["url"]), "title": str(page.get("title") or "")} for page in pages]
