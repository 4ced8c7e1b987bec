"""A client's ``tool_choice``, in all the forms that name tools which some upstream may know."""

from typing import Any

from wsgi_gateway.protocols.conversation import Json, ToolChoice
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.responses.tools_reader import ToolsReader


def read_tool_choice(
    choice: str | Json | None, tools: ToolsReader, loss: Loss
) -> ToolChoice | None:
    """Raises ApiError for a tool that was not declared or runs at OpenAI only.

    Allowed tools without the search forbid it: then it leaves ``tools``.
    """
    match choice:
        case None:
            return None
        case "auto" | "none" | "required" as mode:
            return ToolChoice(mode=mode)
        case str(other):
            loss.refuse("tool_choice", f"unknown choice {other!r}")
        case {"type": "allowed_tools", "tools": [*allowed]}:
            return _allowed(choice.get("mode"), allowed, tools, loss)
    return _one(choice, tools, "tool_choice", loss)


def _allowed(mode: Any, allowed: list[Any], tools: ToolsReader, loss: Loss) -> ToolChoice:
    names = []
    searches = False
    for number, tool in enumerate(allowed):
        path = f"tool_choice.tools[{number}]"
        if not isinstance(tool, dict):
            loss.refuse(path, "must be an object")
        if _is_search(tool):
            searches = True
        else:
            names.append(_one(tool, tools, path, loss).name or "")
    if not searches:
        tools.web_search = None
    return ToolChoice(mode="required" if mode == "required" else "auto", allowed=names)


def _one(choice: Json, tools: ToolsReader, path: str, loss: Loss) -> ToolChoice:
    kind = choice.get("type")
    name = tools.client_tools.chosen(kind) if isinstance(kind, str) else None
    if name is not None:
        return ToolChoice(mode="tool", name=name)
    match choice:
        case {"type": "function" | "custom", "name": str(name)}:
            namespace = choice.get("namespace")
            return ToolChoice(
                mode="tool", name=name, namespace=namespace if isinstance(namespace, str) else None
            )
    if not _is_search(choice):
        loss.refuse(path, f"a choice of type {kind!r} cannot be translated")
    if tools.web_search is None:
        loss.refuse(path, "asks for a web search, but tools has none")
    return ToolChoice(mode="search")


def _is_search(choice: Json) -> bool:
    kind = choice.get("type")
    return isinstance(kind, str) and kind.startswith("web_search")
