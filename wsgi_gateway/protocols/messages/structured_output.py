"""How an upstream of Messages is asked for JSON (protocols digest 6.7).

Natively where the model knows ``output_config.format``. Else a tool that it must call stands for the answer, whose
arguments ``reply_builder`` turns into text; and where no call can be forced, words must do.
"""

from msgspec import Struct

from wsgi_gateway.protocols.conversation import Conversation, Json, OutputFormat, ToolCall
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.messages.blocks_writer import text_block
from wsgi_gateway.protocols.messages.output_schema import enforceable, object_schema
from wsgi_gateway.protocols.translation import Translation

_JSON_ONLY = "Answer with one JSON object and nothing else."
_BY_SCHEMA = "Answer with JSON and nothing else. It must match this JSON Schema:\n"


class StructuredOutput(Struct):
    """One of the three, or none: ``output_config.format``, ``tools`` and ``tool_choice``, a block of ``system``."""

    format: Json | None = None
    tools: Json | None = None
    system: Json | None = None


def write_output_format(
    conversation: Conversation, translation: Translation, *, may_force: bool
) -> StructuredOutput:
    """``may_force`` says that nothing else in the request speaks against a forced tool."""
    given, loss = conversation.output_format, translation.loss
    if given is None or given.type == "text":
        return StructuredOutput()
    if given.type == "json_object" or given.schema is None:
        loss.approximated("output_format", "JSON was asked for in the instructions")
        return StructuredOutput(system=text_block(_JSON_ONLY))
    if translation.capabilities.structured_output:
        return StructuredOutput(format=_native(given, given.schema, translation))
    root = object_schema(given.schema)
    if root is not None and may_force:
        loss.approximated("output_format", "asked for as a tool's arguments, and not enforced")
        return StructuredOutput(tools=_forced_tool(given, root[0], conversation, translation))
    loss.approximated("output_format", "the schema was told in the instructions, and not enforced")
    return StructuredOutput(system=text_block(_BY_SCHEMA + encode(given.schema).decode()))


def _native(given: OutputFormat, wanted: Json, translation: Translation) -> Json:
    loss = translation.loss
    schema, moved = enforceable(wanted)
    if moved:
        loss.approximated("output_format", f"only described, not enforced: {', '.join(moved)}")
    if given.strict is False:
        loss.approximated("output_format", "the schema is enforced all the same")
    if given.description:
        described = f"{given.description}\n{schema.get('description', '')}".strip()
        schema = {**schema, "description": described}
    return {"type": "json_schema", "schema": schema}


def _forced_tool(
    given: OutputFormat, schema: Json, conversation: Conversation, translation: Translation
) -> Json:
    """Under a name that no call of the history has."""
    aliases = translation.aliases
    calls = [item for item in conversation.items if isinstance(item, ToolCall)]
    taken = {aliases.tool(call.name, call.namespace, call.custom) for call in calls}
    name = "json"
    while name in taken:
        name += "_"
    aliases.output_tool = name
    description = given.description or "Call this with the answer."
    return {
        "tools": [{"name": name, "description": description, "input_schema": schema}],
        "tool_choice": {"type": "tool", "name": name, "disable_parallel_tool_use": True},
    }
