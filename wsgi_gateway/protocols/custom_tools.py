"""Custom (freeform) tools for upstreams that know functions only.

A function with one text property ``input`` stands for each; ``reply_builder`` takes the text out of
its calls.
"""

import msgspec

from wsgi_gateway.protocols.conversation import Json, Tool, ToolCall
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.translation import Translation

_PARAMETERS: Json = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}


def as_function(tool: Tool, translation: Translation) -> Tool:
    """The tool as a function under the upstream's name for it."""
    name = translation.aliases.tool(tool.name, tool.namespace, tool.custom)
    if not tool.custom:
        return msgspec.structs.replace(tool, name=name, namespace=None)
    translation.loss.approximated(tool, "a custom tool was offered as a function")
    description = tool.description or ""
    if tool.grammar:
        definition = tool.grammar.get("definition", "")
        description = f"{description}\n\nThe input must follow this grammar:\n{definition}".lstrip()
    return Tool(name=name, description=description, parameters=_PARAMETERS, cache=tool.cache)


def function_arguments(call: ToolCall) -> str:
    """A call's arguments as JSON text, also where they are a custom tool's free text."""
    return wrapped_input(call.arguments) if call.custom else call.arguments


def wrapped_input(text: str) -> str:
    """A custom tool's free text as the arguments of the function that stands for it."""
    return encode({"input": text}).decode()
