"""etc/openapi.yaml has the routes that the application serves, and what the code says of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from support.streams import Json

from wsgi_gateway import create_app
from wsgi_gateway.config import Overload, load_config

ROOT = Path(__file__).parents[1]
CONFIG = {"version": "v0.4.0", "model_providers": [{"model": "openai/m", "access_key": "k"}]}
_OF_FLASK = {"HEAD", "OPTIONS"}
"""Methods that come with the others."""


@pytest.fixture(scope="module")
def document() -> Json:
    read: Json = yaml.safe_load((ROOT / "etc/openapi.yaml").read_text("utf-8"))
    return read


def test_it_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs")
    import openapi

    assert (ROOT / "etc/openapi.yaml").read_text("utf-8") == openapi.text(), (
        "run: python docs/generate.py"
    )


def test_it_has_all_routes_and_no_others(document: Json) -> None:
    rules = create_app(load_config(CONFIG, {})).url_map.iter_rules()
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in rules
        for method in (rule.methods or set()) - _OF_FLASK
    }
    told = {
        (path, method.upper())
        for path, operations in document["paths"].items()
        for method in operations
        if method != "parameters"
    }
    # A model's name may have slashes, for which OpenAPI has no word.
    assert {(path.replace("{name}", "{model}"), method) for path, method in served} == told


def test_each_operation_tells_its_errors_in_its_own_dialect(document: Json) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method == "parameters" or operation.get("security") == []:
                continue
            errors = [
                answer["$ref"].rpartition("/")[2]
                for status, answer in operation["responses"].items()
                if "$ref" in answer and status != "101"
            ]
            assert "401" in operation["responses"], path
            wanted = "Either" if "/models" in path else "Messages" if "/messages" in path else ""
            assert all(re.match(f"{wanted}[A-Z]", name) for name in errors), path
            assert wanted or not any(re.match("Either|Messages", name) for name in errors), path


def test_the_limit_of_bodies_is_the_code_s(document: Json) -> None:
    answers = document["components"]["responses"]
    for name in ("TooLarge", "MessagesTooLarge"):
        assert f"{Overload().max_body_size // 1024 // 1024} MiB" in answers[name]["description"]
