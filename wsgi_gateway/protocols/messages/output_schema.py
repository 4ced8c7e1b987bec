"""A JSON schema for structured output, brought into the subset that Messages enforces.

What the API refuses is moved into the description, where the model still reads it.
Source: Anthropic's page "Structured outputs", "JSON Schema limitations".
"""

from typing import Any

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import encode

_REFUSED = frozenset(
    {
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "pattern",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
        "not",
    }
)
_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
)
_OF_NAMES = ("properties", "$defs", "definitions")
_LISTS = ("anyOf", "allOf", "oneOf")


def enforceable(schema: Json) -> tuple[Json, list[str]]:
    """The schema to send, and the names of the keywords that only the description still tells."""
    moved: set[str] = set()
    return _enforceable(schema, moved), sorted(moved)


def _enforceable(schema: Json, moved: set[str]) -> Json:
    kept: Json = {}
    told: Json = {}
    for name, value in schema.items():
        if _is_refused(name, value) or (name == "oneOf" and "anyOf" in schema):
            told[name] = value
        elif name in _OF_NAMES and isinstance(value, dict):
            kept[name] = {key: _nested(entry, moved) for key, entry in value.items()}
        elif name in _LISTS and isinstance(value, list):
            kept["anyOf" if name == "oneOf" else name] = [_nested(entry, moved) for entry in value]
        else:
            kept[name] = _nested(value, moved) if name == "items" else value
    if kept.get("type") == "object":
        if kept.get("additionalProperties"):
            told["additionalProperties"] = kept["additionalProperties"]
        kept["additionalProperties"] = False
    if told:
        moved.update(told)
        words = ", ".join(f"{name}: {encode(value).decode()}" for name, value in told.items())
        kept["description"] = f"{kept.get('description', '')} ({words})".strip()
    return kept


def _nested(value: Any, moved: set[str]) -> Any:
    return _enforceable(value, moved) if isinstance(value, dict) else value


def _is_refused(name: str, value: object) -> bool:
    if name == "format":
        return value not in _FORMATS
    if name == "minItems":
        return value not in (0, 1)
    return name in _REFUSED
