"""The tools of a client's Chat Completions request, the deprecated ``functions`` included."""

from typing import Any

from wsgi_gateway.protocols.chat_completions import wire
from wsgi_gateway.protocols.conversation import Json, Tool, ToolChoice
from wsgi_gateway.protocols.loss import Loss


def read_tools(request: wire.Request, loss: Loss) -> list[Tool]:
    """In the client's order. Raises ApiError for a tool type that no other API has."""
    tools = []
    for number, tool in enumerate(request.tools or ()):
        if tool.function is not None:
            tools.append(_function(tool.function, tool.cache_control))
        elif tool.custom is not None:
            tools.append(_custom(tool.custom))
        else:
            loss.refuse(f"tools[{number}].type", f"no upstream API has tools of type {tool.type!r}")
    return tools + [_function(function) for function in request.functions or ()]


def _function(function: wire.FunctionTool, cache: Json | None = None) -> Tool:
    return Tool(
        name=function.name,
        description=function.description,
        parameters=function.parameters,
        strict=function.strict,
        cache=cache,
    )


def _custom(tool: wire.CustomTool) -> Tool:
    grammar = tool.format.grammar if tool.format else None
    return Tool(name=tool.name, description=tool.description, custom=True, grammar=grammar)


def read_tool_choice(request: wire.Request, loss: Loss) -> ToolChoice | None:
    """``tool_choice``, or the deprecated ``function_call``."""
    choice = request.tool_choice
    if choice is None:
        legacy = request.function_call
        choice = {"type": "function", "function": legacy} if isinstance(legacy, dict) else legacy
    if choice is None:
        return None
    if isinstance(choice, str):
        if choice == "auto":
            return ToolChoice(mode="auto")
        if choice == "none":
            return ToolChoice(mode="none")
        if choice == "required":
            return ToolChoice(mode="required")
        loss.refuse("tool_choice", f"unknown choice {choice!r}")
    return _choice_object(choice, loss)


def _choice_object(choice: Json, loss: Loss) -> ToolChoice:
    kind = choice.get("type")
    if kind in ("function", "custom"):
        name = _name(choice.get(str(kind)))
        if name is not None:
            return ToolChoice(mode="tool", name=name)
        loss.refuse(f"tool_choice.{kind}.name", "is required")
    if kind == "allowed_tools":
        allowed = choice.get("allowed_tools")
        if isinstance(allowed, dict) and _is_list_of_objects(allowed.get("tools")):
            names = [_name(tool.get("function") or tool.get("custom")) for tool in allowed["tools"]]
            required = allowed.get("mode") == "required"
            return ToolChoice(
                mode="required" if required else "auto", allowed=[name for name in names if name]
            )
    loss.refuse("tool_choice", f"a choice of type {kind!r} cannot be carried to the upstream's API")


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)


def _name(holder: Any) -> str | None:
    name = holder.get("name") if isinstance(holder, dict) else None
    return name if isinstance(name, str) else None
