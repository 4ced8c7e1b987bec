"""Schemas in the subset that Messages enforces."""

from typing import Any

import pytest

from wsgi_gateway.protocols.messages.output_schema import enforceable

CLOSED = {"type": "object", "additionalProperties": False}


@pytest.mark.parametrize(
    "schema",
    [
        {**CLOSED, "properties": {"a": {"type": "string", "format": "date"}}, "required": ["a"]},
        {**CLOSED, "properties": {"minimum": {"type": "array", "items": CLOSED, "minItems": 1}}},
        {**CLOSED, "$defs": {"x": CLOSED}, "properties": {"a": {"$ref": "#/$defs/x"}}},
        {"enum": ["a"]},
    ],
)
def test_what_is_enforced_stays(schema: dict[str, Any]) -> None:
    assert enforceable(schema) == (schema, [])


@pytest.mark.parametrize(
    ("schema", "expected", "moved"),
    [
        ({"minimum": 1}, {"description": "(minimum: 1)"}, ["minimum"]),
        (
            {"description": "d", "pattern": "^x", "maxLength": 3},
            {"description": 'd (pattern: "^x", maxLength: 3)'},
            ["maxLength", "pattern"],
        ),
        ({"minItems": 2}, {"description": "(minItems: 2)"}, ["minItems"]),
        ({"format": "color"}, {"description": '(format: "color")'}, ["format"]),
        ({"format": ["date"]}, {"description": '(format: ["date"])'}, ["format"]),
        (
            {"type": ["object", "null"]},
            {"type": ["object", "null"], "additionalProperties": False},
            [],
        ),
        ({"oneOf": [{"type": "null"}]}, {"anyOf": [{"type": "null"}]}, []),
        ({"type": "object"}, CLOSED, []),
        (
            {"type": "object", "additionalProperties": True},
            {**CLOSED, "description": "(additionalProperties: true)"},
            ["additionalProperties"],
        ),
    ],
)
def test_what_is_not_moves_into_the_description(
    schema: dict[str, Any], expected: dict[str, Any], moved: list[str]
) -> None:
    assert enforceable(schema) == (expected, moved)
    nested = {**CLOSED, "properties": {"a": {"items": schema, "anyOf": [schema]}}}
    inner = {"items": expected, "anyOf": [expected]}
    assert enforceable(nested) == ({**CLOSED, "properties": {"a": inner}}, moved)


def test_the_given_schema_is_not_touched() -> None:
    schema = {"type": "object", "properties": {"a": {"minimum": 1}}}
    enforceable(schema)
    assert schema == {"type": "object", "properties": {"a": {"minimum": 1}}}
