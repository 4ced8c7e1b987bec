"""The goals, and whether they are met.

Here: each row's must and want, and how it follows from the costs. Not here: how costs are measured (costs.py).
"""

from dataclasses import dataclass

from bench.cases import JSON, PASSTHROUGH_STREAMS, STREAM, TRANSLATED_STREAMS, Case
from bench.costs import Costs


@dataclass(frozen=True)
class Row:
    """A ratio; `at_least` turns the comparison round. `figure` is None where it could not be measured."""

    name: str
    figure: float | None
    must: float
    want: float
    at_least: bool = False

    @property
    def verdict(self) -> str:
        if self.figure is None:
            return "not measured"
        if self._reaches(self.want):
            return "want met"
        return "must met" if self._reaches(self.must) else "MISSED"

    def _reaches(self, goal: float) -> bool:
        assert self.figure is not None
        return self.figure >= goal if self.at_least else self.figure <= goal


def rows(costs: Costs) -> list[Row]:
    """The goals that are ratios of CPU per request."""
    found = [
        Row("JSON passthrough / nginx", _ratio(costs, "ours", "nginx", JSON), 16, 10),
        Row("100-event stream passthrough / nginx", _ratio(costs, "ours", "nginx", STREAM), 10, 6),
    ]
    for case in TRANSLATED_STREAMS:
        translated = costs.median("ours", case)
        own = costs.median("ours", passthrough_of(case))
        figure = translated / own if translated and own else None
        found.append(Row(f"{case} / passthrough of the upstream's API", figure, 1.7, 1.3))
    return [
        *found,
        Row("JSON, LiteLLM / ours", _ratio(costs, "LiteLLM", "ours", JSON), 30, 50, True),
        Row(
            "100-event stream, LiteLLM / ours",
            _ratio(costs, "LiteLLM", "ours", STREAM),
            120,
            200,
            True,
        ),
    ]


def passthrough_of(case: Case) -> Case:
    """The stream of the same upstream, passed through."""
    (same,) = (one for one in PASSTHROUGH_STREAMS if one.upstream == case.upstream)
    return same


def _ratio(costs: Costs, over: str, under: str, case: Case) -> float | None:
    upper, lower = costs.median(over, case), costs.median(under, case)
    return upper / lower if upper and lower else None
