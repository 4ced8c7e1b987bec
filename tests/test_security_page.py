"""docs/security.md: the tests that it names hold its promises, so they have to be there."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
_HELD_BY = re.compile(r"\[`(test_\w+)`\]\((\S+\.py)\)")


def test_each_named_test_is_there() -> None:
    named = _HELD_BY.findall((DOCS / "security.md").read_text("utf-8"))
    assert len(named) > 40
    missing = [
        f"{test} in {file}"
        for test, file in named
        if f"\ndef {test}(" not in (DOCS / file).resolve().read_text("utf-8")
    ]
    assert missing == []


def test_no_promise_is_without_one() -> None:
    promised = (DOCS / "security.md").read_text("utf-8").split("## What is promised")[1]
    rows = [line for line in promised.splitlines() if line.startswith("| ") and "---" not in line]
    assert [row for row in rows if "Held by" not in row and not _HELD_BY.search(row)] == []
