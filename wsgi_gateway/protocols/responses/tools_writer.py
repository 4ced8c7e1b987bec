"""The tools, and the choice among them, of the Responses request that an upstream gets."""

from wsgi_gateway.protocols.conversation import Conversation, Json, Tool, ToolChoice, WebSearch
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.openai_requests import NO_PARAMETERS, has_tools, strictness
from wsgi_gateway.protocols.translation import Translation
from wsgi_gateway.protocols.web_searches import most_uses, offered

_SEARCH: Json = {"type": "web_search"}


def write_tools(conversation: Conversation, translation: Translation) -> Json:
    """``tools``, ``tool_choice``, ``parallel_tool_calls`` and ``max_tool_calls``, as far as there is any tool.

    Raises ApiError for a choice that would be left dangling.
    """
    search = offered(conversation, "responses", translation)
    if not has_tools(conversation, translation, searches=search is not None):
        return {}
    tools = [_tool(tool, conversation.api, translation) for tool in conversation.tools]
    body: Json = {"tools": tools}
    if search is not None:
        tools.append(_search(search, translation))
    if conversation.tool_choice is not None:
        body["tool_choice"] = _ChoiceWriter(conversation, translation, search is not None).write()
    if conversation.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = conversation.parallel_tool_calls
    limit = most_uses(search, conversation) if search is not None else None
    if limit is not None:
        body["max_tool_calls"] = limit
    return body


def _search(wanted: WebSearch, translation: Translation) -> Json:
    search = {**_SEARCH}
    if wanted.allowed_domains:
        search["filters"] = {"allowed_domains": wanted.allowed_domains}
    if wanted.location is not None:
        search["user_location"] = {"type": "approximate", **wanted.location}
    if wanted.context_size is not None:
        search["search_context_size"] = wanted.context_size
    if wanted.blocked_domains:
        translation.loss.approximated(
            wanted, "blocked_domains was left out: the upstream cannot block any"
        )
    return search


def _tool(tool: Tool, api: str, translation: Translation) -> Json:
    body: Json = {"type": "custom" if tool.custom else "function"}
    body["name"] = translation.aliases.tool(tool.name, tool.namespace)
    if tool.description is not None:
        body["description"] = tool.description
    if tool.custom:
        if tool.grammar is not None:
            body["format"] = {"type": "grammar", **tool.grammar}
        return body
    # Left out, ``strict`` would mean "where the schema allows": neither Chat's nor Messages' default.
    strict = bool(strictness(tool, api, translation))
    return body | {"parameters": tool.parameters or NO_PARAMETERS, "strict": strict}


class _ChoiceWriter:
    """A choice names tools as the client does: here they get the upstream's names and types."""

    def __init__(
        self, conversation: Conversation, translation: Translation, searches: bool
    ) -> None:
        self._choice = conversation.tool_choice or ToolChoice(mode="auto")
        self._tools = conversation.tools
        self._aliases = translation.aliases
        self._loss: Loss = translation.loss
        self._searches = searches

    def write(self) -> str | Json:
        choice = self._choice
        if choice.mode == "search":
            if not self._searches:
                self._loss.refuse(
                    "tool_choice", "asks for a search, which the upstream does not run"
                )
            return _SEARCH
        if choice.mode == "tool" and choice.name is not None:
            return self._named(choice.name, choice.namespace)
        if choice.allowed is not None:
            allowed = [self._named(name, None) for name in choice.allowed]
            if self._searches:
                allowed.append(_SEARCH)
            return {"type": "allowed_tools", "mode": choice.mode, "tools": allowed}
        return choice.mode

    def _named(self, name: str, namespace: str | None) -> Json:
        tool = self._find(name, namespace)
        if tool is None:
            self._loss.refuse(
                "tool_choice", f"asks for {name!r}, but there is no such tool to call"
            )
        kind = "custom" if tool.custom else "function"
        return {"type": kind, "name": self._aliases.tool(tool.name, tool.namespace)}

    def _find(self, name: str, namespace: str | None) -> Tool | None:
        found = (tool for tool in self._tools if tool.name == name)
        return next((tool for tool in found if namespace in (None, tool.namespace)), None)
