"""Tools, the choice among them and a web search, written for a Chat Completions host."""

from msgspec.structs import asdict

from wsgi_gateway.protocols.conversation import Conversation, Json, Tool, ToolChoice
from wsgi_gateway.protocols.custom_tools import as_function
from wsgi_gateway.protocols.openai_requests import NO_PARAMETERS, has_tools, strictness
from wsgi_gateway.protocols.translation import Translation
from wsgi_gateway.protocols.web_searches import offered

_NOT_IN_CHAT = ("allowed_domains", "blocked_domains", "max_uses")


def write_tools(conversation: Conversation, translation: Translation) -> Json:
    """The fields about tools. Raises ApiError for a choice that would be left dangling."""
    body = _web_search(conversation, translation)
    if not conversation.tools and body:
        return body  # a model that searches always does: no choice could add to it
    if not has_tools(conversation, translation):
        return body
    choice = conversation.tool_choice
    if choice is not None and choice.mode == "search" and body:
        choice = None
    tools = conversation.tools
    if choice is not None:
        _check_choice(choice, tools, translation)
        if choice.allowed is not None and not translation.capabilities.openai_fields:
            translation.loss.approximated("tool_choice", "only the allowed tools were sent")
            tools = [tool for tool in tools if tool.name in choice.allowed]
    if not tools:
        return body
    body["tools"] = [_tool(tool, conversation.api, translation) for tool in tools]
    if choice is not None:
        body["tool_choice"] = _choice(choice, tools, translation)
    if conversation.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = conversation.parallel_tool_calls
    return body


def _web_search(conversation: Conversation, translation: Translation) -> Json:
    choice, loss = conversation.tool_choice, translation.loss
    if choice is not None and choice.mode == "none":
        return {}
    search = offered(conversation, "chat_completions", translation)
    if search is None:
        return {}
    if conversation.max_tool_calls is not None:
        loss.approximated("max_tool_calls", "left out: the upstream knows no such limit")
    for name in _NOT_IN_CHAT:
        if asdict(search)[name] is not None:
            loss.approximated(search, f"{name} was left out: the upstream knows no such limit")
    options: Json = {}
    if search.context_size:
        options["search_context_size"] = search.context_size
    if search.location:
        options["user_location"] = {"type": "approximate", "approximate": search.location}
    return {"web_search_options": options}


def _check_choice(choice: ToolChoice, tools: list[Tool], translation: Translation) -> None:
    """A choice of what is not sent (a search, a tool that was left out) is refused here, not upstream."""
    names = {tool.name for tool in tools}
    if (
        choice.mode == "required"
        and choice.allowed is not None
        and names.isdisjoint(choice.allowed)
    ):
        translation.loss.refuse("tool_choice", "none of the allowed tools is there to call")
    if choice.mode == "tool" and choice.name not in names:
        translation.loss.refuse("tool_choice", f"there is no tool {choice.name!r} to call")
    if choice.mode == "search":
        translation.loss.refuse("tool_choice", "asks for a search, which the upstream does not run")


def _tool(tool: Tool, api: str, translation: Translation) -> Json:
    if tool.custom and translation.capabilities.custom_tools:
        return _custom(tool, translation)
    function_tool = as_function(tool, translation)
    parameters = function_tool.parameters or NO_PARAMETERS
    function: Json = {"name": function_tool.name, "parameters": parameters}
    if function_tool.description:
        function["description"] = function_tool.description
    strict = strictness(tool, api, translation)
    if strict is not None:
        function["strict"] = strict
    return {"type": "function", "function": function}


def _custom(tool: Tool, translation: Translation) -> Json:
    custom: Json = {"name": translation.aliases.tool(tool.name, tool.namespace, custom=True)}
    if tool.description:
        custom["description"] = tool.description
    if tool.grammar:
        custom["format"] = {"type": "grammar", "grammar": tool.grammar}
    return {"type": "custom", "custom": custom}


def _choice(choice: ToolChoice, tools: list[Tool], translation: Translation) -> str | Json:
    if choice.mode == "tool":
        named = (t for t in tools if (t.name, t.namespace) == (choice.name, choice.namespace))
        chosen = next(named, None) or Tool(name=choice.name or "", namespace=choice.namespace)
        return _reference(chosen, translation)
    if choice.allowed is None or not translation.capabilities.openai_fields:
        return choice.mode
    allowed = [_reference(tool, translation) for tool in tools if tool.name in choice.allowed]
    return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": allowed}}


def _reference(tool: Tool, translation: Translation) -> Json:
    kind = "custom" if tool.custom and translation.capabilities.custom_tools else "function"
    name = translation.aliases.tool(tool.name, tool.namespace, tool.custom)
    return {"type": kind, kind: {"name": name}}
