"""The goals, and whether they are met.

Here: each row's must and want, and how it follows from what was measured. Not here: how that is measured.
"""

from dataclasses import dataclass

from bench.cases import (
    JSON,
    LONG_REQUESTS,
    PASSTHROUGH_STREAMS,
    STREAM,
    TRANSLATED_STREAMS,
    Case,
)
from bench.costs import Costs
from bench.facts import MOST_MEGABYTES, MOST_PACKAGES
from bench.measured import Measured


@dataclass(frozen=True)
class Row:
    """A figure beside its goals; `at_least` turns the comparison round.

    `figure` is None where it could not be measured; `must` is None where there is no goal, `want` where it is no other.
    """

    name: str
    figure: float | None
    must: float | None = None
    want: float | None = None
    at_least: bool = False
    unit: str = "x"

    @property
    def verdict(self) -> str:
        if self.figure is None:
            return "not measured"
        if self.must is None:
            return "no goal"
        if self.want is not None and self._reaches(self.want):
            return "want met"
        return "must met" if self._reaches(self.must) else "MISSED"

    def _reaches(self, goal: float) -> bool:
        assert self.figure is not None
        return self.figure >= goal if self.at_least else self.figure <= goal


def rows(measured: Measured) -> list[Row]:
    """All rows of the table, those that a run could not measure too."""
    return [
        *_cpu(measured.costs),
        *_first_events(measured),
        *_paced(measured),
        *_facts(measured),
        *_long_requests(measured.costs),
    ]


def _cpu(costs: Costs) -> list[Row]:
    found = [
        Row("JSON passthrough, CPU / nginx", _ratio(costs, "ours", "nginx", JSON), 16, 10),
        Row(
            "100-event stream passthrough, CPU / nginx",
            _ratio(costs, "ours", "nginx", STREAM),
            10,
            6,
        ),
    ]
    for case in TRANSLATED_STREAMS:
        figure = _divided(costs.median("ours", case), costs.median("ours", passthrough_of(case)))
        found.append(Row(f"{case}, CPU / passthrough of the upstream's API", figure, 1.7, 1.3))
    litellm_json = _ratio(costs, "LiteLLM", "ours", JSON)
    litellm_stream = _ratio(costs, "LiteLLM", "ours", STREAM)
    return [
        *found,
        Row("JSON, CPU of LiteLLM / ours", litellm_json, 30, 50, True),
        Row("100-event stream, CPU of LiteLLM / ours", litellm_stream, 120, 200, True),
    ]


def _first_events(measured: Measured) -> list[Row]:
    found = []
    goals = ((0.5, 1.5, 0.8), (0.99, 8.0, 3.0))
    passing = measured.latency.get(STREAM)
    for share, must, want in goals:
        name = f"added time to first event, 50 requests/s, p{share * 100:.0f}"
        figure = passing.added(share) if passing else None
        found.append(Row(name, figure, must, want, unit=" ms"))
    for case, delays in measured.latency.items():
        if case.translated:
            found += [
                Row(f"the same, {case}, p{share * 100:.0f}", delays.added(share), unit=" ms")
                for share, _, _ in goals
            ]
    return found


def _paced(measured: Measured) -> list[Row]:
    paced = measured.paced
    name = "added delay per event, 500 paced streams"
    per_stream = paced.kilobytes_per_stream if paced else None
    idle = paced.idle.rss / 1e6 if paced else None
    found = [
        Row(f"{name}, p99", paced.passed.added(0.99) if paced else None, 30, 10, unit=" ms"),
        Row("memory per open stream", per_stream, 80, 40, unit=" KB"),
        Row("idle worker (RSS)", idle, 60, 45, unit=" MB"),
    ]
    if paced:
        found += [
            Row(f"{name}, p50", paced.passed.added(0.5), unit=" ms"),
            Row(f"{name}, translated, p50", paced.translated.added(0.5), unit=" ms"),
            Row(f"{name}, translated, p99", paced.translated.added(0.99), unit=" ms"),
            Row("idle worker (PSS)", paced.idle.pss / 1e6, unit=" MB"),
            Row("CPU per event, 500 paced streams", paced.cpu_us, unit=" us"),
        ]
    return found


def _facts(measured: Measured) -> list[Row]:
    facts = measured.facts
    return [
        Row("start to healthy", facts.start if facts else None, 1.0, 0.6, unit=" s"),
        Row("installed size", facts.megabytes if facts else None, MOST_MEGABYTES, unit=" MB"),
        Row("installed packages", facts.packages if facts else None, MOST_PACKAGES, unit=""),
    ]


def _long_requests(costs: Costs) -> list[Row]:
    """The worst pair counts, so there is no row without all six."""
    figures = {case: long_request(costs, case) for case in LONG_REQUESTS}
    known = {case: figure for case, figure in figures.items() if figure is not None}
    worst = max(known, key=lambda case: known[case]) if len(known) == len(figures) else None
    name = "a request of 1 MB translated, CPU / json.loads + json.dumps, worst pair"
    found = [Row(name, known[worst] if worst else None, 1.0, 0.6)]
    return found + [Row(f"the same, {case}", figure) for case, figure in known.items()]


def long_request(costs: Costs, case: Case) -> float | None:
    """What the length costs, the same exchange of a short request taken off, over the standard library's JSON."""
    short = costs.median("ours", Case(case.client, case.upstream))
    return None if short is None else costs.over_reference(case, short)


def passthrough_of(case: Case) -> Case:
    """The stream of the same upstream, passed through."""
    (same,) = (one for one in PASSTHROUGH_STREAMS if one.upstream == case.upstream)
    return same


def _ratio(costs: Costs, over: str, under: str, case: Case) -> float | None:
    return _divided(costs.median(over, case), costs.median(under, case))


def _divided(upper: float | None, lower: float | None) -> float | None:
    return upper / lower if upper and lower else None
