"""The tools of a client's Messages request.

Anthropic's own client tools have no schema on the wire, since its models know them by type;
``client_tools`` has it.
"""

from msgspec import Struct, field
from msgspec.structs import replace

from wsgi_gateway.protocols.conversation import Tool, ToolChoice, WebSearch
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages import wire
from wsgi_gateway.protocols.messages.client_tools import client_tool
from wsgi_gateway.protocols.web_searches import location


class Tools(Struct):
    """``search_name`` is what a ``tool_choice`` calls the web search."""

    tools: list[Tool] = field(default_factory=list)
    web_search: WebSearch | None = None
    search_name: str | None = None


def read_tools(tools: list[wire.Tool], loss: Loss) -> Tools:
    """In the client's order, each placed. Raises ApiError for a tool that only Anthropic can run."""
    read = Tools()
    names: set[str] = set()
    for number, tool in enumerate(tools):
        path = f"tools[{number}]"
        given = _read_tool(tool, path, loss)
        if given is None:
            continue
        name = given.name if isinstance(given, Tool) else tool.name or "web_search"
        if name in names:
            loss.refuse(f"{path}.name", f"there is another tool named {name!r}")
        names.add(name)
        loss.at(path, given)
        if isinstance(given, Tool):
            read.tools.append(given)
        elif read.web_search is not None:
            loss.refuse(path, "there is another web search")
        else:
            read.web_search, read.search_name = given, name
    return read


def _read_tool(tool: wire.Tool, path: str, loss: Loss) -> Tool | WebSearch | None:
    type_ = tool.type or "custom"
    known = client_tool(type_)
    if type_.startswith("tool_search_tool_"):
        loss.dropped(path, "tool search was left out: all tools are offered at once")
        return None
    if type_ != "custom" and known is None and not type_.startswith("web_search_"):
        loss.refuse(f"{path}.type", f"tools of type {type_!r} run at Anthropic only")
    _check_options(tool, path, loss)
    if type_ == "custom":
        return _custom(tool, path, loss)
    if known is None:
        return _web_search(tool, path, loss)
    loss.approximated(path, f"{type_} was offered as a plain function")
    return replace(
        known,
        description=_with_examples(known.description, tool, path, loss),
        cache=tool.cache_control,
    )


def _check_options(tool: wire.Tool, path: str, loss: Loss) -> None:
    """What tools of all types may have."""
    if tool.allowed_callers and "direct" not in tool.allowed_callers:
        loss.refuse(f"{path}.allowed_callers", "the upstream's model can only call tools directly")
    if tool.eager_input_streaming:
        loss.dropped(f"{path}.eager_input_streaming")
    if tool.defer_loading:
        loss.dropped(f"{path}.defer_loading", "all tools are offered at once")


def _web_search(tool: wire.Tool, path: str, loss: Loss) -> WebSearch:
    if tool.cache_control:
        loss.dropped(f"{path}.cache_control")
    if tool.response_inclusion == "excluded":
        loss.dropped(f"{path}.response_inclusion", "no code runs that could consume the results")
    return WebSearch(
        allowed_domains=tool.allowed_domains,
        blocked_domains=tool.blocked_domains,
        max_uses=tool.max_uses,
        location=location(tool.user_location),
    )


def _custom(tool: wire.Tool, path: str, loss: Loss) -> Tool:
    if not tool.name:
        loss.refuse(f"{path}.name", "is required")
    if tool.input_schema is None:
        loss.refuse(f"{path}.input_schema", "is required")
    return Tool(
        name=tool.name,
        description=_with_examples(tool.description, tool, path, loss),
        parameters=tool.input_schema,
        strict=tool.strict,
        cache=tool.cache_control,
    )


def _with_examples(description: str | None, tool: wire.Tool, path: str, loss: Loss) -> str | None:
    if not tool.input_examples:
        return description
    loss.approximated(f"{path}.input_examples", "became part of the description")
    examples = "\n".join(encode(example).decode() for example in tool.input_examples)
    return f"{description or ''}\n\nExamples of input:\n{examples}".strip()


def read_tool_choice(
    choice: wire.ToolChoice | None, search_name: str | None, loss: Loss
) -> ToolChoice | None:
    """Raises ApiError for the choice of a tool that is not named."""
    if choice is None:
        return None
    match choice.type:
        case "any":
            return ToolChoice(mode="required")
        case "tool":
            if not choice.name:
                loss.refuse("tool_choice.name", "is required for type tool")
            if choice.name == search_name:
                return ToolChoice(mode="search")
            return ToolChoice(mode="tool", name=choice.name)
        case mode:
            return ToolChoice(mode=mode)
