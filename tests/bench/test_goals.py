"""Whether a goal is met follows from what was measured."""

from __future__ import annotations

import pytest

from bench.arithmetic import Delays
from bench.cases import JSON, LONG_REQUESTS, STREAM, Case
from bench.costs import Costs
from bench.goals import Row, rows
from bench.measured import Measured


def named(measured: Measured, name: str) -> Row:
    (row,) = (row for row in rows(measured) if row.name == name)
    return row


def test_the_first_row_is_the_ratio_of_medians() -> None:
    costs = Costs({("ours", JSON): [900.0, 100.0, 120.0], ("nginx", JSON): [10.0, 11.0, 50.0]})
    row, *others = rows(Measured(costs))
    assert row.figure == 120 / 11
    assert row.verdict == "must met"
    assert {other.verdict for other in others} == {"not measured"}


def test_a_goal_may_be_a_least_figure() -> None:
    assert [Row("", figure, 30, 50, True).verdict for figure in (29.9, 30, 50)] == [
        "MISSED",
        "must met",
        "want met",
    ]


def test_a_figure_may_stand_without_a_goal() -> None:
    assert Row("", 5).verdict == "no goal"


def test_what_is_added_to_a_delay_is_the_difference_of_the_percentiles() -> None:
    measured = Measured(Costs(), latency={STREAM: Delays([1.0, 1.0, 2.0], [9.0, 2.5, 2.0])})
    assert named(measured, "added time to first event, 50 requests/s, p50").figure == 1.5
    assert named(measured, "added time to first event, 50 requests/s, p99").figure == 7.0


def test_a_long_request_counts_by_its_worst_pair_and_only_with_all_pairs() -> None:
    costs = Costs()
    for number, case in enumerate(LONG_REQUESTS):
        costs.rounds["ours", case] = [25.0 + number]
        costs.reference[case] = [10.0]
        costs.rounds["ours", Case(case.client, case.upstream)] = [20.0]
    name = "a request of 1 MB translated, CPU / json.loads + json.dumps, worst pair"
    assert named(Measured(costs), name).figure == pytest.approx(1.0)
    del costs.rounds["ours", LONG_REQUESTS[0]]
    assert named(Measured(costs), name).verdict == "not measured"


def test_of_a_long_request_each_round_counts_at_its_own_pace() -> None:
    """A machine that is twice as slow for two rounds of three makes nobody slower."""
    case = LONG_REQUESTS[0]
    costs = Costs(rounds={("ours", case): [9.0, 18.0, 18.0]}, reference={case: [10.0, 20.0, 20.0]})
    assert costs.over_reference(case, without=0.0) == pytest.approx(0.9)
