"""Whether a JSON Schema keeps to the subset that OpenAI enforces with ``strict: true``.

Source: OpenAI guide "Structured outputs", section "Supported schemas". Other APIs' strictness asks for less, so a
schema that was strict there may be refused here.
"""

from typing import Any

from wsgi_gateway.protocols.conversation import Json

_UNSUPPORTED = ("allOf", "oneOf", "not", "if", "dependentRequired", "dependentSchemas")


def can_be_strict(schema: Json) -> bool:
    """True if the root is an object, and every object is closed and requires all its properties."""
    return schema.get("type") == "object" and _is_strict(schema)


def _is_strict(schema: Any) -> bool:
    if not isinstance(schema, dict) or any(word in schema for word in _UNSUPPORTED):
        return False
    properties = schema.get("properties") or {}
    definitions = schema.get("$defs") or schema.get("definitions") or {}
    if not isinstance(properties, dict) or not isinstance(definitions, dict):
        return False
    kind = schema.get("type")
    if properties or kind == "object" or (isinstance(kind, list) and "object" in kind):
        required = schema.get("required") or []
        if schema.get("additionalProperties") is not False or set(properties) != set(required):
            return False
    inner = [*properties.values(), *definitions.values(), *(schema.get("anyOf") or [])]
    if "items" in schema:
        inner.append(schema["items"])
    return all(_is_strict(part) for part in inner)
