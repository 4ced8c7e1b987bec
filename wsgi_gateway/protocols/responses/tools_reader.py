"""The tools of a client's Responses request, and its choice among them.

Namespaces are flattened: each of their tools remembers where it came from. Tools that the client itself searches for
(``tool_search`` with ``execution: client``) become one function, and those that a search found earlier are
offered like any other.
"""

from collections.abc import Iterable
from typing import Any

from wsgi_gateway.protocols.conversation import Json, Tool, ToolChoice
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.responses import wire

TOOL_SEARCH = "tool_search"
"""The name of the function that stands for the client's own search."""

_SEARCH_PARAMETERS: Json = {
    "type": "object",
    "properties": {"query": {"type": "string"}},
    "required": ["query"],
}


class ToolsReader:
    """Collects ``tools`` from the request's own list and from the items that bring more."""

    def __init__(self, loss: Loss) -> None:
        self.tools: list[Tool] = []
        self._loss = loss
        self._known: set[tuple[str | None, str]] = set()

    def add_declared(self, tools: Iterable[wire.Tool]) -> None:
        """The request's ``tools``. Raises ApiError for a tool that nobody here can run, and for doubles."""
        for number, tool in enumerate(tools):
            path = f"tools[{number}]"
            for found in self._read(tool, path):
                if not self._add(found):
                    self._loss.refuse(f"{path}.name", f"there are two tools named {found.name!r}")

    def add_found(self, tools: Iterable[wire.Tool], path: str) -> list[Tool]:
        """Tools that an item of the history brings, perhaps again. Returns all that it names."""
        found: list[Tool] = []
        for number, tool in enumerate(tools):
            found += self._read(tool, f"{path}[{number}]")
        for known in found:
            self._add(known)
        return found

    def _add(self, tool: Tool) -> bool:
        key = tool.namespace, tool.name
        if key in self._known:
            return False
        self._known.add(key)
        self.tools.append(tool)
        return True

    def _read(self, tool: wire.Tool, path: str) -> list[Tool]:
        match tool.type:
            case "function" | "custom":
                return [self._callable(tool, path)]
            case "namespace":
                return self._namespace(tool, path)
            case "tool_search":
                return self._search(tool)
            case kind if kind.startswith("web_search"):
                self._loss.dropped(path, "the upstream's API has no web search")
                return []
            case other:
                self._loss.refuse(
                    path, f"tools of type {other!r} run at OpenAI only and cannot be translated"
                )

    def _callable(self, tool: wire.Tool, path: str, namespace: str | None = None) -> Tool:
        if not tool.name:
            self._loss.refuse(f"{path}.name", "is required")
        if tool.output_schema is not None:
            self._loss.dropped("tools.output_schema")
        if tool.defer_loading:
            self._loss.approximated("tools.defer_loading", "the tools were offered at once")
        custom = tool.type == "custom"
        return Tool(
            name=tool.name,
            description=tool.description,
            parameters=None if custom else tool.parameters,
            strict=None if custom else tool.strict,
            custom=custom,
            grammar=_grammar(tool.format) if custom else None,
            namespace=namespace,
        )

    def _namespace(self, space: wire.Tool, path: str) -> list[Tool]:
        if not space.name:
            self._loss.refuse(f"{path}.name", "is required")
        self._loss.approximated(
            path, "the namespace became a prefix of its tools' names; its description was left out"
        )
        tools = []
        for number, tool in enumerate(space.tools or ()):
            inner = f"{path}.tools[{number}]"
            if tool.type not in ("function", "custom"):
                self._loss.refuse(inner, f"a namespace cannot hold tools of type {tool.type!r}")
            tools.append(self._callable(tool, inner, space.name))
        return tools

    def _search(self, tool: wire.Tool) -> list[Tool]:
        if tool.execution != "client":
            self._loss.approximated("tools.tool_search", "all tools were offered at once")
            return []
        return [
            Tool(
                name=TOOL_SEARCH,
                description=tool.description,
                parameters=tool.parameters or _SEARCH_PARAMETERS,
            )
        ]


def has_client_search(body: Json) -> bool:
    """Whether a request lets the model search among the client's own tools."""
    tools = body.get("tools")
    return isinstance(tools, list) and any(
        tool.get("type") == "tool_search" and tool.get("execution") == "client"
        for tool in tools
        if isinstance(tool, dict)
    )


def _grammar(given: wire.CustomFormat | None) -> Json | None:
    if given is None or given.type != "grammar":
        return None
    return {"syntax": given.syntax, "definition": given.definition}


def read_tool_choice(choice: str | Json | None, loss: Loss) -> ToolChoice | None:
    """All the forms that name functions and custom tools; raises ApiError for those of hosted tools."""
    if isinstance(choice, dict):
        return _choice_object(choice, loss)
    match choice:
        case None:
            return None
        case "auto" | "none" | "required" as mode:
            return ToolChoice(mode=mode)
        case other:
            loss.refuse("tool_choice", f"unknown choice {other!r}")


def _choice_object(choice: Json, loss: Loss) -> ToolChoice:
    match choice:
        case {"type": "function" | "custom", "name": str(name)}:
            namespace = choice.get("namespace")
            return ToolChoice(
                mode="tool", name=name, namespace=namespace if isinstance(namespace, str) else None
            )
        case {"type": "allowed_tools", "tools": [*tools]}:
            required = choice.get("mode") == "required"
            return ToolChoice(
                mode="required" if required else "auto",
                allowed=[name for name in map(_name, tools) if name],
            )
        case other:
            kind = other.get("type")
            loss.refuse("tool_choice", f"a choice of type {kind!r} cannot be translated")


def _name(tool: Any) -> str | None:
    name = tool.get("name") if isinstance(tool, dict) else None
    return name if isinstance(name, str) else None
