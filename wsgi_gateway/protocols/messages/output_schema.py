"""JSON schemas, brought into the form that Messages takes: objects at the top of a tool's input, and of what is
enforced (structured output, strict tools) a subset.

What the API refuses to enforce is moved into the description, where the model still reads it.
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
_COMBINATORS = (*_LISTS, "$ref", "enum", "const", "not")
_BESIDE_REF = frozenset({"$ref", "$defs", "definitions", "$schema", "$id"})


def object_schema(schema: Json) -> tuple[Json, list[str]] | None:
    """The schema with ``type: object`` at its root, and the names of the keywords there that only the description
    still tells; None where the root may be something else.

    A root that only refers to a definition of its own, as generators write for recursive types, becomes a copy of that.
    """
    type_ = schema.get("type")
    if type_ == "object":
        return _without_combinators(schema)
    if _is_object(type_):
        return _without_combinators({**schema, "type": "object"})
    if type_ is None and not any(name in schema for name in _COMBINATORS):
        return {"type": "object", **schema}, []
    target = _definition(schema)
    return None if target is None else object_schema(target)


def _without_combinators(schema: Json) -> tuple[Json, list[str]]:
    """The API takes none at the root of a tool's input."""
    told = {name: schema[name] for name in _LISTS if name in schema}
    if not told:
        return schema, []
    kept = {name: value for name, value in schema.items() if name not in told}
    return _describe(kept, told), sorted(told)


def _definition(schema: Json) -> Json | None:
    """What ``#/$defs/Name`` at the root stands for, with the definitions beside it."""
    ref = schema.get("$ref")
    if not isinstance(ref, str) or not schema.keys() <= _BESIDE_REF:
        return None
    head, _, name = ref.removeprefix("#/").partition("/")
    definitions = schema.get(head)
    target = definitions.get(name) if isinstance(definitions, dict) else None
    if not ref.startswith("#/") or not isinstance(target, dict) or "$ref" in target:
        return None
    return {**{key: value for key, value in schema.items() if key != "$ref"}, **target}


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
    if _is_object(kept.get("type")):
        if kept.get("additionalProperties"):
            told["additionalProperties"] = kept["additionalProperties"]
        kept["additionalProperties"] = False
    if told:
        moved.update(told)
        _describe(kept, told)
    return kept


def _describe(kept: Json, told: Json) -> Json:
    words = ", ".join(f"{name}: {encode(value).decode()}" for name, value in told.items())
    kept["description"] = f"{kept.get('description', '')} ({words})".strip()
    return kept


def _nested(value: Any, moved: set[str]) -> Any:
    return _enforceable(value, moved) if isinstance(value, dict) else value


def _is_object(type_: object) -> bool:
    return type_ == "object" or (isinstance(type_, list) and "object" in type_)


def _is_refused(name: str, value: object) -> bool:
    if name == "format":
        return not isinstance(value, str) or value not in _FORMATS
    if name == "minItems":
        return value not in (0, 1)
    return name in _REFUSED
