"""docs/reliability.md names tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.findall(
    r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "docs" / "reliability.md").read_text("utf-8")
)


@cache
def functions_of(path: Path) -> set[str]:
    """Without importing it."""
    return {node.name for node in ast.parse(path.read_text("utf-8")).body if _is_function(node)}


def _is_function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef)


@pytest.mark.parametrize("path", sorted({path for path, _ in NAMED}))
def test_the_tests_that_are_named_exist(path: str) -> None:
    named = {name for other, name in NAMED if other == path and name}
    assert named <= functions_of(ROOT / path)
    assert functions_of(ROOT / path)


def test_every_promise_names_a_test() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    promises = re.split(r"^(?:- \*\*|## )", page, flags=re.MULTILINE)
    bare = [text for text in promises if "**" in text and "`tests/" not in text]
    assert not bare
    assert len(NAMED) > 80
