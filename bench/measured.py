"""All that one run measured, as the page, the plots, the goals and the raw JSON read it.

Here: data, and the curves that follow from it. Not here: how it was measured, nor what it should be (goals.py).
"""

from dataclasses import dataclass, field

from bench.arithmetic import Delays
from bench.cases import EVENTS, HISTORIES, Api, Case
from bench.costs import Costs
from bench.facts import Facts
from bench.paced import Paced

ROUTES: tuple[tuple[Api, str], ...] = (
    ("chat_completions", "Chat"),
    ("messages", "Messages client, Chat upstream"),
)
"""The clients that the curves are drawn for, all over a Chat upstream."""


@dataclass(frozen=True)
class Curve:
    """CPU in microseconds over what grows."""

    over: str
    name: str
    points: list[tuple[float, float]]


@dataclass
class Measured:
    """`absent` tells why a gateway was left out; what was not measured is None or empty."""

    costs: Costs
    absent: dict[str, str] = field(default_factory=dict)
    latency: dict[Case, Delays] = field(default_factory=dict)
    paced: Paced | None = None
    facts: Facts | None = None
    concurrency: dict[Case, dict[int, float]] = field(default_factory=dict)
    """CPU microseconds per stream, by the number of streams at once."""


def curves(measured: Measured) -> list[Curve]:
    """Those that have enough points for a line to be more than their connection."""
    found = []
    for client, name in ROUTES:
        by_events = [(events, Case(client, "chat_completions", events)) for events in EVENTS]
        by_history = [(size, Case(client, "chat_completions", 0, size)) for size in HISTORIES]
        found.append(Curve("events per stream", name, _medians(measured.costs, by_events)))
        found.append(Curve("messages of history", name, _medians(measured.costs, by_history)))
    for case, costs in measured.concurrency.items():
        points = [(float(count), count * cost) for count, cost in costs.items()]
        name = dict(ROUTES)[case.client]
        found.append(Curve("streams at once", name, points))
    return sorted((one for one in found if len(one.points) > 2), key=lambda curve: curve.over)


def _medians(costs: Costs, cases: list[tuple[int, Case]]) -> list[tuple[float, float]]:
    medians = ((float(x), costs.median("ours", case)) for x, case in cases)
    return [(x, y) for x, y in medians if y is not None]
