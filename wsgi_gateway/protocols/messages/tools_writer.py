"""Tools and the choice among them, as an upstream of Messages gets them (digest 6.3, 6.4)."""

from wsgi_gateway.protocols.conversation import (
    Conversation,
    Json,
    Tool,
    ToolCall,
    ToolChoice,
    WebSearch,
)
from wsgi_gateway.protocols.custom_tools import as_function
from wsgi_gateway.protocols.messages.output_schema import enforceable, object_schema
from wsgi_gateway.protocols.messages.web_search import NAME, search_tool
from wsgi_gateway.protocols.translation import Translation

_NO_PARAMETERS: Json = {"type": "object", "properties": {}}


def write_tools(
    conversation: Conversation,
    translation: Translation,
    *,
    thinks: bool,
    search: WebSearch | None = None,
) -> Json:
    """``tools`` and ``tool_choice``; among them the ``search``, if the upstream runs it.

    Raises ApiError for a tool that Messages cannot declare, and for a choice of one that is not there.
    """
    declared = _declare(_allowed(conversation, translation), translation)
    if search is not None:
        declared.append(search_tool(search, conversation, translation))
    choice = conversation.tool_choice
    if not declared:
        if choice is not None and choice.forces:
            translation.loss.refuse("tool_choice", "asks for a tool, but there is none to call")
        return _tools_of_history(conversation, translation)
    body: Json = {"tools": declared}
    choice_body = None
    if choice is not None:
        _check_choice(choice, declared, translation, searches=search is not None)
        choice_body = _choice(choice, translation, thinks)
    if conversation.parallel_tool_calls is False and choice_body != {"type": "none"}:
        choice_body = {**(choice_body or {"type": "auto"}), "disable_parallel_tool_use": True}
    if choice_body is not None:
        body["tool_choice"] = choice_body
    return body


def _allowed(conversation: Conversation, translation: Translation) -> list[Tool]:
    choice = conversation.tool_choice
    if choice is None or choice.allowed is None:
        return conversation.tools
    translation.loss.approximated("tool_choice", "only the allowed tools were sent")
    return [tool for tool in conversation.tools if tool.name in choice.allowed]


def _tools_of_history(conversation: Conversation, translation: Translation) -> Json:
    """Calls in the history must be of declared tools, also where there are none to call now."""
    calls = [item for item in conversation.items if isinstance(item, ToolCall)]
    if not calls:
        return {}
    translation.loss.approximated("tools", "the tools of the history were declared, none to call")
    names = [translation.aliases.tool(call.name, call.namespace, call.custom) for call in calls]
    return {
        "tools": [{"name": name, "input_schema": _NO_PARAMETERS} for name in dict.fromkeys(names)],
        "tool_choice": {"type": "none"},
    }


def _declare(tools: list[Tool], translation: Translation) -> list[Json]:
    declared: dict[str, Json] = {}
    for tool in tools:
        body = translation.loss.follow(tool, _tool(tool, translation))
        if body["name"] in declared:
            translation.loss.refuse(tool, f"there are two tools named {tool.name!r}")
        declared[body["name"]] = body
    return list(declared.values())


def _tool(given: Tool, translation: Translation) -> Json:
    tool = as_function(given, translation)
    body: Json = {"name": tool.name}
    if tool.description and tool.description.strip():
        body["description"] = tool.description
    body["input_schema"] = _input_schema(tool, given, translation)
    if _is_enforced(tool, translation):
        body["strict"] = True
    elif tool.strict:
        translation.loss.approximated(given, "the schema is not enforced upstream")
    if tool.cache:
        body["cache_control"] = tool.cache
        translation.breakpoints += 1
    return body


def _input_schema(tool: Tool, given: Tool, translation: Translation) -> Json:
    """With an object at its root, and, of a strict tool, what the API can enforce; the rest is only described."""
    if not tool.parameters:
        return _NO_PARAMETERS
    rooted = object_schema(tool.parameters)
    if rooted is None:
        translation.loss.refuse(
            given, f"the parameters of {given.name!r} must be a schema of type object"
        )
    schema, moved = rooted
    if _is_enforced(tool, translation):
        schema, unenforced = enforceable(schema)
        moved = moved + unenforced
    if moved:
        translation.loss.approximated(
            given, f"only described, not enforced: {', '.join(sorted(set(moved)))}"
        )
    return schema


def _is_enforced(tool: Tool, translation: Translation) -> bool:
    return bool(tool.strict) and translation.capabilities.strict_tools


def _check_choice(
    choice: ToolChoice, declared: list[Json], translation: Translation, *, searches: bool
) -> None:
    if choice.mode == "search" and not searches:
        translation.loss.refuse("tool_choice", "asks for a search, which the upstream does not run")
    if choice.mode == "tool":
        name = _name(choice, translation)
        if all(tool["name"] != name for tool in declared):
            translation.loss.refuse("tool_choice", f"there is no tool named {choice.name!r}")


def _name(choice: ToolChoice, translation: Translation) -> str:
    return translation.aliases.tool(choice.name or "", choice.namespace)


def _choice(choice: ToolChoice, translation: Translation, thinks: bool) -> Json:
    if choice.forces and not translation.capabilities.forced_tools:
        translation.loss.approximated("tool_choice", "became auto: the model cannot be forced")
        return {"type": "auto"}
    if choice.forces and thinks:
        translation.loss.approximated(
            "tool_choice", "became auto: a thinking model cannot be forced to call a tool"
        )
        return {"type": "auto"}
    match choice.mode:
        case "tool":
            return {"type": "tool", "name": _name(choice, translation)}
        case "search":
            return {"type": "tool", "name": NAME}
        case "required":
            return {"type": "any"}
        case mode:
            return {"type": mode}
