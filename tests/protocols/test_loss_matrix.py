"""The loss matrix, cell by cell: what the gateway makes of a field is what tests/loss says, and docs/loss.md shows it.

A cell's id is its test's id. Here: verdict, path and what the other side gets, of requests and of replies, the
latter plain and streamed. Not here: that no field is missing (test_loss_completeness.py).
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from support.loss_cases import Cell, Direction, Outcome, cells, written
from support.loss_page import page
from support.loss_run import actual, expected

PAGE = Path(__file__).parents[2] / "docs/loss.md"


def _params(direction: Direction) -> list[ParameterSet]:
    """A cell to be mended must fail, so that its mark goes when it is."""
    return [
        pytest.param(
            cell,
            id=cell.id,
            marks=[pytest.mark.xfail(reason=cell.mend, strict=True)] if cell.mend else [],
        )
        for cell in cells(direction)
    ]


@pytest.mark.parametrize("cell", _params("requests"))
def test_request(cell: Cell) -> None:
    _check(cell)


@pytest.mark.parametrize("cell", _params("replies"))
def test_reply(cell: Cell) -> None:
    _check(cell)


def test_every_id_is_one_cell_s() -> None:
    ids = Counter(cell.id for direction in ("requests", "replies") for cell in cells(direction))
    assert not [name for name, count in ids.items() if count > 1]


def test_the_tests_that_the_page_names_are_there() -> None:
    named = set(re.findall(r"\[`(test_\w+)`\]\((\S+\.py)\)", PAGE.read_text("utf-8")))
    assert len(named) >= 3
    for test, file in named:
        assert f"\ndef {test}(" in (PAGE.parent / file).read_text("utf-8")


def test_the_page_is_current() -> None:
    assert page() == PAGE.read_text("utf-8"), "run: python docs/generate.py"


def _check(cell: Cell) -> None:
    got = actual(cell)
    assert _told(got) == _told(expected(cell)), f"the code: {written(got)}"


def _told(outcome: Outcome) -> tuple[str, list[str], object]:
    return outcome.verdict, sorted(outcome.paths), outcome.gets
