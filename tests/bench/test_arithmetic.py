"""What is computed from figures, beside what the textbook says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.arithmetic import least_squares, percentile

figures = st.floats(-1e6, 1e6)


@given(st.lists(figures, min_size=1), st.floats(0, 1))
def test_so_large_a_share_of_the_values_is_not_above_the_percentile(
    values: list[float], share: float
) -> None:
    found = percentile(values, share)
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) <= max(0, share * len(values))


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_points_on_a_line_give_the_line() -> None:
    line = least_squares([(x, 3 + 2 * x) for x in (1.0, 10.0, 100.0)])
    assert (line.slope, line.intercept) == (pytest.approx(2), pytest.approx(3))
    assert line.is_straight


def test_a_parabola_is_no_line() -> None:
    assert not least_squares([(x, x * x) for x in (1.0, 2.0, 5.0, 10.0, 20.0)]).is_straight
