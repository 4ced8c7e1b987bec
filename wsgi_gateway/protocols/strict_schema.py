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
    required, choices = schema.get("required") or [], schema.get("anyOf") or []
    if not (isinstance(properties, dict) and isinstance(definitions, dict)):
        return False
    if not (_are_names(required) and isinstance(choices, list)):
        return False
    kind = schema.get("type")
    is_object = properties or kind == "object" or (isinstance(kind, list) and "object" in kind)
    is_closed = schema.get("additionalProperties") is False and set(properties) == set(required)
    if is_object and not is_closed:
        return False
    inner = [*properties.values(), *definitions.values(), *choices]
    if "items" in schema:
        inner.append(schema["items"])
    return all(_is_strict(part) for part in inner)


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)
