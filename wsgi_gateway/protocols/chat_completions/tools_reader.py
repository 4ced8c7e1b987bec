"""The tools of a client's Chat Completions request, the deprecated ``functions`` included."""

from typing import Any

from wsgi_gateway.protocols.chat_completions import wire
from wsgi_gateway.protocols.conversation import Json, Tool, ToolChoice, WebSearch
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.web_searches import location


def read_tools(request: wire.Request, loss: Loss) -> list[Tool]:
    """In the client's order. Raises ApiError for a tool type that no other API has."""
    tools = []
    for number, tool in enumerate(request.tools or ()):
        path = f"tools[{number}]"
        if tool.function is not None:
            tools.append(loss.at(path, _function(tool.function, tool.cache_control)))
        elif tool.custom is not None:
            tools.append(loss.at(path, _custom(tool.custom)))
        elif tool.type in ("function", "custom"):
            loss.refuse(f"{path}.{tool.type}", "is required")
        else:
            loss.refuse(f"{path}.type", f"no upstream API has tools of type {tool.type!r}")
    for number, function in enumerate(request.functions or ()):
        tools.append(loss.at(f"functions[{number}]", _function(function)))
    return tools


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


def read_web_search(request: wire.Request, loss: Loss) -> WebSearch | None:
    options = request.web_search_options
    if options is None:
        return None
    place = options.user_location
    search = WebSearch(
        context_size=options.search_context_size,
        location=location(place.approximate if place else None),
    )
    return loss.at("web_search_options", search)


def is_legacy(body: Json) -> bool:
    """Whether a request's body declares its tools as ``functions``: its client knows no other form of calls."""
    return bool(body.get("functions")) and not body.get("tools")


def read_tool_choice(request: wire.Request, loss: Loss) -> ToolChoice | None:
    """``tool_choice``, or the deprecated ``function_call``."""
    path, choice = "tool_choice", request.tool_choice
    if choice is None:
        path, legacy = "function_call", request.function_call
        choice = {"type": "function", "function": legacy} if isinstance(legacy, dict) else legacy
    match choice:
        case None:
            return None
        case "auto" | "none" | "required" as mode:
            return ToolChoice(mode=mode)
        case str():
            loss.refuse(path, f"unknown choice {choice!r}")
        case {"type": "function" | "custom" as kind}:
            where = f"{path}.{kind}" if path == "tool_choice" else path
            return ToolChoice(mode="tool", name=_name(choice.get(kind), where, loss))
        case {"type": "allowed_tools"}:
            return _allowed(choice.get("allowed_tools"), f"{path}.allowed_tools", loss)
    kind = choice.get("type")
    loss.refuse(path, f"a choice of type {kind!r} cannot be carried to the upstream's API")


def _allowed(allowed: Any, path: str, loss: Loss) -> ToolChoice:
    match allowed:
        case {"mode": "auto" | "required" as mode, "tools": list() as tools}:
            names = []
            for number, tool in enumerate(tools):
                named = tool.get("function") or tool.get("custom") if isinstance(tool, dict) else 0
                names.append(_name(named, f"{path}.tools[{number}].function", loss))
            return ToolChoice(mode=mode, allowed=names)
    loss.refuse(path, "needs a mode, auto or required, and a list of tools")


def _name(holder: Any, path: str, loss: Loss) -> str:
    name = holder.get("name") if isinstance(holder, dict) else None
    if not isinstance(name, str) or not name:
        loss.refuse(f"{path}.name", "is required")
    return name
