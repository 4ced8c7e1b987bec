"""Which schemas OpenAI would enforce."""

from typing import Any

import pytest

from wsgi_gateway.protocols.strict_schema import can_be_strict

STRING = {"type": "string"}


def closed(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    "schema",
    [
        closed(),
        closed(a=STRING, b={"type": ["string", "null"]}),
        closed(a=closed(b=STRING), c={"type": "array", "items": closed(d=STRING)}),
        closed(a={"anyOf": [STRING, closed(b=STRING)]}),
        {**closed(a={"$ref": "#/$defs/x"}), "$defs": {"x": closed(b=STRING)}},
    ],
)
def test_strict(schema: dict[str, Any]) -> None:
    assert can_be_strict(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        STRING,
        {"type": "object"},
        {**closed(a=STRING), "required": []},
        {**closed(a=STRING), "additionalProperties": True},
        closed(a={"type": "object"}),
        closed(a={"type": "array", "items": {"type": "object", "properties": {"b": STRING}}}),
        closed(a={"oneOf": [STRING]}),
        closed(a=3),
        {**closed(), "properties": 3},
        {**closed(a=STRING), "required": [{}]},
        {**closed(a=STRING), "required": 3},
        {**closed(), "anyOf": 3},
        {**closed(a={"$ref": "#/$defs/x"}), "$defs": {"x": {"type": "object"}}},
    ],
)
def test_not_strict(schema: dict[str, Any]) -> None:
    assert not can_be_strict(schema)
