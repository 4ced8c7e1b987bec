"""The tools of a client's Messages request.

Anthropic's own client tools have no schema on the wire, since its models know them by type;
``client_tools`` has it.
"""

from wsgi_gateway.protocols.conversation import Tool, ToolChoice
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages import wire
from wsgi_gateway.protocols.messages.client_tools import client_tool


def read_tools(tools: list[wire.Tool], loss: Loss) -> list[Tool]:
    """In the client's order. Raises ApiError for a tool that only Anthropic can run."""
    read: list[Tool] = []
    names: set[str] = set()
    for number, tool in enumerate(tools):
        path = f"tools[{number}]"
        given = _read_tool(tool, path, loss)
        if given is None:
            continue
        if given.name in names:
            loss.refuse(f"{path}.name", f"there is another tool named {given.name!r}")
        names.add(given.name)
        read.append(given)
    return read


def _read_tool(tool: wire.Tool, path: str, loss: Loss) -> Tool | None:
    if tool.type in (None, "custom"):
        return _custom(tool, path, loss)
    known = client_tool(tool.type or "")
    if known is not None:
        loss.approximated("tools", f"{tool.type} was offered as a plain function")
        known.cache = tool.cache_control
        return known
    if (tool.type or "").startswith("web_search_"):
        loss.approximated("tools", "web search was left out: the upstream does not run it")
        return None
    if (tool.type or "").startswith("tool_search_tool_"):
        loss.approximated("tools", "tool search was left out: all tools are offered at once")
        return None
    loss.refuse(f"{path}.type", f"tools of type {tool.type!r} run at Anthropic only")


def _custom(tool: wire.Tool, path: str, loss: Loss) -> Tool:
    if not tool.name:
        loss.refuse(f"{path}.name", "is required")
    if tool.input_schema is None:
        loss.refuse(f"{path}.input_schema", "is required")
    if tool.allowed_callers and "direct" not in tool.allowed_callers:
        loss.refuse(f"{path}.allowed_callers", "the upstream's model can only call tools directly")
    if tool.eager_input_streaming:
        loss.dropped("tools.eager_input_streaming")
    description = tool.description
    if tool.input_examples:
        loss.approximated("tools.input_examples", "became part of the description")
        examples = "\n".join(encode(example).decode() for example in tool.input_examples)
        description = f"{description or ''}\n\nExamples of input:\n{examples}".strip()
    return Tool(
        name=tool.name,
        description=description,
        parameters=tool.input_schema,
        strict=tool.strict,
        cache=tool.cache_control,
    )


def read_tool_choice(choice: wire.ToolChoice | None, loss: Loss) -> ToolChoice | None:
    if choice is None:
        return None
    match choice.type:
        case "any":
            return ToolChoice(mode="required")
        case "tool":
            if not choice.name:
                loss.refuse("tool_choice.name", "is required for type tool")
            return ToolChoice(mode="tool", name=choice.name)
        case mode:
            return ToolChoice(mode=mode)
