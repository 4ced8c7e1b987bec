"""The tools, and the choice among them, of the Responses request that an upstream gets."""

from wsgi_gateway.protocols.conversation import Conversation, Json, Tool, ToolChoice, WebSearch
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.responses.tool_choice_reader import WEB_SEARCH
from wsgi_gateway.protocols.strict_schema import can_be_strict
from wsgi_gateway.protocols.translation import Translation

_NO_PARAMETERS: Json = {"type": "object", "properties": {}}


def write_tools(conversation: Conversation, translation: Translation) -> Json:
    """``tools``, ``tool_choice``, ``parallel_tool_calls`` and ``max_tool_calls``, as far as there is any tool.

    Raises ApiError for a choice that would be left dangling.
    """
    search = _search(conversation.web_search, translation)
    is_messages = conversation.api == "messages"
    tools = [_tool(tool, is_messages, translation) for tool in conversation.tools]
    if search is not None:
        tools.append(search)
    choice = conversation.tool_choice
    if not tools:
        if choice is not None and choice.mode in ("required", "tool"):
            translation.loss.refuse("tool_choice", "asks for a tool, but there is none to call")
        return {}
    body: Json = {"tools": tools}
    if choice is not None:
        body["tool_choice"] = _ChoiceWriter(conversation, translation, search is not None).write()
    if conversation.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = conversation.parallel_tool_calls
    if search is not None and conversation.web_search is not None:
        limit = conversation.web_search.max_uses
        if limit is not None:
            body["max_tool_calls"] = limit
    return body


def _search(wanted: WebSearch | None, translation: Translation) -> Json | None:
    """Only OpenAI itself searches; other hosts of the API would refuse the tool."""
    loss = translation.loss
    if wanted is None:
        return None
    if "responses" not in translation.capabilities.web_search:
        loss.approximated(wanted, "left out: the upstream does not search the web")
        return None
    search: Json = {"type": "web_search"}
    if wanted.allowed_domains:
        search["filters"] = {"allowed_domains": wanted.allowed_domains}
    if wanted.location is not None:
        search["user_location"] = {"type": "approximate", **wanted.location}
    if wanted.context_size is not None:
        search["search_context_size"] = wanted.context_size
    if wanted.blocked_domains:
        loss.approximated(wanted, "blocked_domains was left out: the upstream cannot block any")
    return search


def _tool(tool: Tool, is_messages: bool, translation: Translation) -> Json:
    if tool.cache:
        translation.loss.dropped(tool, "cache_control has no place in the upstream's tools")
    body: Json = {"type": "custom" if tool.custom else "function"}
    body["name"] = translation.aliases.tool(tool.name, tool.namespace)
    if tool.description is not None:
        body["description"] = tool.description
    if tool.custom:
        if tool.grammar is not None:
            body["format"] = {"type": "grammar", **tool.grammar}
        return body
    parameters = tool.parameters or _NO_PARAMETERS
    strict = bool(tool.strict)
    if strict and is_messages and not can_be_strict(parameters):
        translation.loss.approximated(tool, "the schema is not strict by OpenAI's rules")
        strict = False
    # Left out, it would mean "where the schema allows": neither Chat's nor Messages' default.
    return body | {"parameters": parameters, "strict": strict}


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
        if choice.mode == "tool" and choice.name is not None:
            return self._named(choice.name, choice.namespace)
        if choice.allowed is not None:
            allowed = [self._named(name, None) for name in choice.allowed]
            if self._searches:
                allowed.append({"type": "web_search"})
            return {"type": "allowed_tools", "mode": choice.mode, "tools": allowed}
        return choice.mode

    def _named(self, name: str, namespace: str | None) -> Json:
        tool = self._find(name, namespace)
        if tool is not None:
            kind = "custom" if tool.custom else "function"
            return {"type": kind, "name": self._aliases.tool(tool.name, tool.namespace)}
        if name == WEB_SEARCH and self._searches:
            return {"type": "web_search"}
        self._loss.refuse("tool_choice", f"asks for {name!r}, but there is no such tool to call")

    def _find(self, name: str, namespace: str | None) -> Tool | None:
        found = (tool for tool in self._tools if tool.name == name)
        return next((tool for tool in found if namespace in (None, tool.namespace)), None)
