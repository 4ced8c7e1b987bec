"""Tools and the choice among them, as an upstream of Messages gets them (digest 6.3, 6.4)."""

from wsgi_gateway.protocols.conversation import Conversation, Json, Tool, ToolCall, ToolChoice
from wsgi_gateway.protocols.custom_tools import as_function
from wsgi_gateway.protocols.translation import Translation

_NO_PARAMETERS: Json = {"type": "object", "properties": {}}
_COMBINATORS = ("anyOf", "oneOf", "allOf", "$ref", "enum", "const", "not")


def write_tools(conversation: Conversation, translation: Translation, *, thinks: bool) -> Json:
    """``tools`` and ``tool_choice``. Raises ApiError for a tool that Messages cannot declare."""
    choice = conversation.tool_choice
    tools = conversation.tools
    if choice is not None and choice.allowed is not None:
        translation.loss.approximated("tool_choice", "only the allowed tools were sent")
        tools = [tool for tool in tools if tool.name in choice.allowed]
    if not tools:
        if choice is not None and choice.mode in ("required", "tool"):
            translation.loss.refuse("tool_choice", "asks for a tool, but there is none to call")
        return _tools_of_history(conversation, translation)
    body: Json = {"tools": _declare(tools, translation)}
    choice_body = _choice(choice, translation, thinks)
    if conversation.parallel_tool_calls is False and choice_body != {"type": "none"}:
        choice_body = {**(choice_body or {"type": "auto"}), "disable_parallel_tool_use": True}
    if choice_body is not None:
        body["tool_choice"] = choice_body
    return body


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
        body = _tool(tool, translation)
        if body["name"] in declared:
            translation.loss.refuse("tools", f"there are two tools named {tool.name!r}")
        declared[body["name"]] = body
    return list(declared.values())


def _tool(given: Tool, translation: Translation) -> Json:
    tool = as_function(given, translation)
    body: Json = {"name": tool.name}
    if tool.description and tool.description.strip():
        body["description"] = tool.description
    body["input_schema"] = _input_schema(tool, translation)
    if tool.strict:
        translation.loss.approximated("tools.strict", "the schema is not enforced upstream")
    if tool.cache:
        body["cache_control"] = tool.cache
    return body


def _input_schema(tool: Tool, translation: Translation) -> Json:
    """The API insists on an object at the top."""
    schema = tool.parameters
    if not schema:
        return _NO_PARAMETERS
    type_ = schema.get("type")
    if type_ == "object":
        return schema
    if isinstance(type_, list) and "object" in type_:
        return {**schema, "type": "object"}
    if type_ is None and not any(name in schema for name in _COMBINATORS):
        return {"type": "object", **schema}
    translation.loss.refuse(
        "tools", f"the parameters of {tool.name!r} must be a schema of type object"
    )


def _choice(choice: ToolChoice | None, translation: Translation, thinks: bool) -> Json | None:
    if choice is None:
        return None
    if choice.mode in ("required", "tool") and thinks:
        translation.loss.approximated(
            "tool_choice", "became auto: a thinking model cannot be forced to call a tool"
        )
        return {"type": "auto"}
    if choice.mode == "tool":
        name = translation.aliases.tool(choice.name or "", choice.namespace)
        return {"type": "tool", "name": name}
    return {"type": "any" if choice.mode == "required" else choice.mode}
