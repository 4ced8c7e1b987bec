"""What is computed from measured figures: percentiles, differences of percentiles, least squares.

Here: pure functions of lists of numbers. Not here: what is measured, and what it should be (goals.py).
"""

import math
import statistics
from dataclasses import dataclass

STRAIGHT = 0.99
"""The least R^2 of a curve that is called linear."""


def percentile(values: list[float], share: float) -> float:
    """The smallest value that `share` (0 to 1) of the values do not exceed. Raises ValueError if there are none."""
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


@dataclass(frozen=True)
class Delays:
    """Milliseconds, straight to the upstream and through a gateway, measured side by side."""

    direct: list[float]
    through: list[float]

    def added(self, share: float) -> float:
        """What the gateway adds to this percentile."""
        return percentile(self.through, share) - percentile(self.direct, share)


@dataclass(frozen=True)
class Line:
    """y = intercept + slope * x, and how much of y's variance it explains."""

    slope: float
    intercept: float
    r_squared: float

    @property
    def is_straight(self) -> bool:
        return self.r_squared >= STRAIGHT


def least_squares(points: list[tuple[float, float]]) -> Line:
    """The line through the points. Raises statistics.StatisticsError if there are fewer than two x."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    slope, intercept = statistics.linear_regression(xs, ys)
    mean = statistics.fmean(ys)
    whole = sum((y - mean) ** 2 for y in ys)
    left = sum((y - intercept - slope * x) ** 2 for x, y in points)
    return Line(slope, intercept, 1 - left / whole if whole else 1.0)
