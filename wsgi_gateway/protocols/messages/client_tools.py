"""Anthropic's client tools as plain functions, with the schemas that its models are trained on.

Source: Anthropic's pages "Bash tool", "Text editor tool" and "Memory tool". The descriptions are
the gateway's own.
"""

import re

from wsgi_gateway.protocols.conversation import Json, Tool

_TEXT: Json = {"type": "string"}
_NUMBER: Json = {"type": "integer"}
_VIEW_RANGE: Json = {
    "type": "array",
    "items": _NUMBER,
    "description": "First and last line to show; -1 as the last means to the end.",
}


def _command(*commands: str) -> Json:
    return {"type": "string", "enum": list(commands)}


def _object(properties: Json, *required: str) -> Json:
    return {"type": "object", "properties": properties, "required": list(required)}


_EDITOR: Json = {
    "path": _TEXT,
    "file_text": {"type": "string", "description": "For create: the whole file."},
    "old_str": {"type": "string", "description": "For str_replace: occurs exactly once."},
    "new_str": {"type": "string", "description": "The new text."},
    "insert_line": {"type": "integer", "description": "For insert: the line to insert after."},
    "view_range": _VIEW_RANGE,
}
_EDITOR_2025_07: Json = {
    **_EDITOR,
    "new_str": {"type": "string", "description": "For str_replace: the new text."},
    "insert_text": {"type": "string", "description": "For insert: the new lines."},
}
_EDITING = ("view", "create", "str_replace", "insert")

# Pattern of the type, name, description, input schema.
_TABLE: tuple[tuple[str, str, str, Json], ...] = (
    (
        r"bash_\d+",
        "bash",
        "Run a command in a bash session that keeps its state between calls.",
        _object(
            {
                "command": _TEXT,
                "restart": {"type": "boolean", "description": "Start the session anew."},
            }
        ),
    ),
    (
        r"text_editor_20250124",
        "str_replace_editor",
        "View, create and edit text files.",
        _object({"command": _command(*_EDITING, "undo_edit"), **_EDITOR}, "command", "path"),
    ),
    (
        r"text_editor_20250429",
        "str_replace_based_edit_tool",
        "View, create and edit text files.",
        _object({"command": _command(*_EDITING), **_EDITOR}, "command", "path"),
    ),
    (
        r"text_editor_\d+",
        "str_replace_based_edit_tool",
        "View, create and edit text files.",
        _object({"command": _command(*_EDITING), **_EDITOR_2025_07}, "command", "path"),
    ),
    (
        r"memory_\d+",
        "memory",
        "Keep notes in files under /memories that last beyond this conversation.",
        _object(
            {
                "command": _command(*_EDITING, "delete", "rename"),
                **_EDITOR_2025_07,
                "old_path": _TEXT,
                "new_path": _TEXT,
            },
            "command",
        ),
    ),
)


def client_tool(type_: str) -> Tool | None:
    """The function that stands for a tool type; None for a type that is none of these."""
    for pattern, name, description, schema in _TABLE:
        if re.fullmatch(pattern, type_):
            return Tool(name=name, description=description, parameters=schema)
    return None
