"""Whether a goal is met follows from the medians of the rounds."""

from __future__ import annotations

from bench.cases import JSON
from bench.costs import Costs
from bench.goals import Row, rows


def test_the_first_row_is_the_ratio_of_medians() -> None:
    costs = Costs({("ours", JSON): [900.0, 100.0, 120.0], ("nginx", JSON): [10.0, 11.0, 50.0]})
    row, *others = rows(costs)
    assert row.figure == 120 / 11
    assert row.verdict == "must met"
    assert {other.verdict for other in others} == {"not measured"}


def test_a_goal_may_be_a_least_figure() -> None:
    assert [Row("", figure, 30, 50, True).verdict for figure in (29.9, 30, 50)] == [
        "MISSED",
        "must met",
        "want met",
    ]
