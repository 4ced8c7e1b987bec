"""The JSON Schema for editors, and that the documented keys are the ones that are read."""

import json
from pathlib import Path

import msgspec
import pytest

from wsgi_gateway.config.key_types import NOT_SERVED
from wsgi_gateway.config.schema import WITHOUT, ConfigFile, ListenerEntry, json_schema

ETC = Path(__file__).parents[2] / "etc"


def test_the_shipped_schema_is_current() -> None:
    shipped = json.loads((ETC / "config_schema.json").read_text("utf-8"))
    assert shipped == json_schema(), "run: python docs/generate.py"


def test_the_schema_refuses_unknown_keys_and_describes_the_known_ones() -> None:
    schema = json_schema()
    entry = schema["$defs"]["ProviderEntry"]
    assert entry["additionalProperties"] is False
    assert entry["required"] == ["model"]
    assert all(
        "description" in key for name, key in entry["properties"].items() if name not in WITHOUT
    )
    assert entry["properties"]["access_key"]["anyOf"][0] == {"type": "string"}


@pytest.mark.parametrize("kind", [ConfigFile, ListenerEntry])
def test_what_is_missing_without_a_key_is_said_for_each_one_not_served(
    kind: type[msgspec.Struct],
) -> None:
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, msgspec.inspect.StructType)
    for field in info.fields:
        if isinstance(field.type, msgspec.inspect.Metadata) and field.type.extra == {
            NOT_SERVED: True
        }:
            assert field.name in WITHOUT


@pytest.mark.parametrize("path", sorted(ETC.glob("config_*.yaml")), ids=lambda path: path.name)
def test_examples_point_editors_at_the_schema(path: Path) -> None:
    assert "# yaml-language-server: $schema=./config_schema.json" in path.read_text("utf-8")
