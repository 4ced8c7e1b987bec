"""The tools of a client's Responses request, read into the conversation's tools.

Namespaces are flattened: each of their tools remembers where it came from. Tools that are the client's own to run
become functions (``client_tools``), and those that a search found earlier are offered like any other. Web search
is kept for upstreams that have it; what else runs at OpenAI only is refused.
"""

from collections.abc import Iterable

import msgspec

from wsgi_gateway.protocols.conversation import Json, Tool, WebSearch
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.responses import wire
from wsgi_gateway.protocols.responses.client_tools import ClientTool, ClientTools, client_tool
from wsgi_gateway.protocols.web_searches import location


class ToolsReader:
    """Collects ``tools`` and ``web_search`` from the request's own list and from the items that bring more."""

    def __init__(self, client_tools: ClientTools, loss: Loss) -> None:
        self.tools: list[Tool] = []
        self.web_search: WebSearch | None = None
        self.client_tools = client_tools
        self._loss = loss
        self._known: set[tuple[str | None, str]] = set()

    def add_declared(self, tools: Iterable[wire.Tool]) -> None:
        """The request's ``tools``. Raises ApiError for a tool that nobody here can run, and for doubles."""
        for number, tool in enumerate(tools):
            path = f"tools[{number}]"
            for found in self._read(tool, path):
                if not self._add(found):
                    self._loss.refuse(f"{path}.name", f"there are two tools named {found.name!r}")

    def add_found(self, tools: Iterable[wire.Tool], path: str) -> None:
        """Tools that an item of the history brings, perhaps again."""
        for number, tool in enumerate(tools):
            for found in self._read(tool, f"{path}[{number}]"):
                self._add(found)

    def _add(self, tool: Tool) -> bool:
        key = tool.namespace, tool.name
        if key in self._known:
            return False
        self._known.add(key)
        self.tools.append(tool)
        return True

    def _read(self, tool: wire.Tool, path: str) -> list[Tool]:
        if tool.allowed_callers is not None and "direct" not in tool.allowed_callers:
            self._loss.refuse(f"{path}.allowed_callers", "programs run at OpenAI only")
        own = client_tool(tool.type, tool.execution, tool.environment)
        if own is not None:
            return [self._client_tool(own, tool, path)]
        match tool.type:
            case "function" | "custom":
                return [self._callable(tool, path)]
            case "namespace":
                return self._namespace(tool, path)
            case "tool_search":
                self._loss.dropped(path, "tool search was left out: all tools are offered at once")
            case kind if kind.startswith("web_search"):
                self._web_search(tool, path)
            case other:
                self._loss.refuse(
                    path, f"tools of type {other!r} run at OpenAI only and cannot be translated"
                )
        return []

    def _callable(self, tool: wire.Tool, path: str, namespace: str | None = None) -> Tool:
        if not tool.name:
            self._loss.refuse(f"{path}.name", "is required")
        if tool.output_schema is not None:
            self._loss.dropped(f"{path}.output_schema")
        if tool.defer_loading:
            self._loss.dropped(f"{path}.defer_loading", "all tools are offered at once")
        if tool.is_async:
            self._loss.approximated(f"{path}.async", "the model waits for the tool's results")
        custom = tool.type == "custom"
        found = Tool(
            name=tool.name,
            description=tool.description,
            parameters=None if custom else tool.parameters,
            strict=None if custom else tool.strict,
            custom=custom,
            grammar=_grammar(tool.format) if custom else None,
            namespace=namespace,
        )
        return self._loss.at(path, found)

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

    def _client_tool(self, own: ClientTool, tool: wire.Tool, path: str) -> Tool:
        if own.type != "tool_search":
            self._loss.approximated(
                path, f"{own.type} was offered as a function, on which the model was not trained"
            )
        description = tool.description or own.description
        skills = tool.environment.get("skills") if isinstance(tool.environment, dict) else None
        if isinstance(skills, list) and skills:
            lines = "\n".join(_skill(skill) for skill in skills if isinstance(skill, dict))
            description += f"\n\nSkills, each described in the files of its directory:\n{lines}"
        found = Tool(
            name=self.client_tools.name(own),
            description=description,
            parameters=tool.parameters or own.parameters,
        )
        return self._loss.at(path, found)

    def _web_search(self, tool: wire.Tool, path: str) -> None:
        if tool.external_web_access is False:
            self._loss.approximated(
                f"{path}.external_web_access", "an upstream that searches does so in the live web"
            )
        if tool.search_content_types not in (None, ["text"]):
            self._loss.approximated(f"{path}.search_content_types", "a search finds text only")
        try:
            filters = msgspec.convert(tool.filters or {}, wire.SearchFilters)
        except msgspec.ValidationError as error:
            self._loss.refuse(f"{path}.filters", str(error))
        found = WebSearch(
            allowed_domains=filters.allowed_domains,
            blocked_domains=filters.blocked_domains,
            context_size=tool.search_context_size,
            location=location(tool.user_location),
        )
        if self.web_search not in (None, found):
            self._loss.refuse(path, "there is another web search")
        self.web_search = self._loss.at(path, found)


def _skill(skill: Json) -> str:
    return f"- {skill.get('name')}: {skill.get('description')} ({skill.get('path')})"


def _grammar(given: wire.CustomFormat | None) -> Json | None:
    if given is None or given.type != "grammar":
        return None
    return {"syntax": given.syntax, "definition": given.definition}
