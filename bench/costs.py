"""CPU per request: the same cases at every gateway, in interleaved rounds.

Here: the measuring. A slow round of the machine hits all gateways alike, and medians of the rounds are compared.
Not here: what the figures should be (goals.py).
"""

import statistics
import time
from dataclasses import dataclass, field

from bench import stdlib_json
from bench.asks import ask
from bench.cases import LONG_REQUESTS, Case
from bench.gateways import Gateway
from bench.load import send, wrk

SETTLE = 0.1
"""Seconds for a gateway to finish what wrk left behind."""
FEW = 12
"""Requests of a round to a slow gateway."""


@dataclass
class Costs:
    """CPU microseconds per request, of each round; and what could not be measured, with the reason."""

    rounds: dict[tuple[str, Case], list[float]] = field(default_factory=dict)
    refused: dict[tuple[str, Case], str] = field(default_factory=dict)

    reference: dict[Case, list[float]] = field(default_factory=dict)
    """The same of json.loads and json.dumps for ours' long requests: the mean of right before each and right behind."""

    def median(self, gateway: str, case: Case) -> float | None:
        """Microseconds; None where the gateway cannot do the case or is not there."""
        figures = self.rounds.get((gateway, case))
        return statistics.median(figures) if figures else None

    def over_reference(self, case: Case, without: float) -> float | None:
        """The median of the rounds' ratios, each less ``without`` microseconds: the pace of machines changes."""
        figures = self.rounds.get(("ours", case))
        if not figures:
            return None
        given = zip(figures, self.reference[case], strict=True)
        return statistics.median((figure - without) / reference for figure, reference in given)


def measure(jobs: list[tuple[Gateway, Case]], rounds: int, seconds: int) -> Costs:
    """Each job once per round, after a warm-up."""
    costs = Costs()
    for gateway, case in jobs:
        try:
            send(gateway, case, FEW if gateway.slow else 50)
        except RuntimeError as error:
            costs.refused[gateway.name, case] = str(error)
    able = [job for job in jobs if (job[0].name, job[1]) not in costs.refused]
    for _ in range(rounds):
        for gateway, case in able:
            is_long = gateway.name == "ours" and case in LONG_REQUESTS
            before = stdlib_json.cpu_us(ask(case)) if is_long else 0.0
            costs.rounds.setdefault((gateway.name, case), []).append(_cost(gateway, case, seconds))
            if is_long:
                mean = (before + stdlib_json.cpu_us(ask(case))) / 2
                costs.reference.setdefault(case, []).append(mean)
    return costs


def _cost(gateway: Gateway, case: Case, seconds: int) -> float:
    before = gateway.server.cpu_ns()
    if gateway.slow:
        count = send(gateway, case, FEW)
    elif case.history > 1:
        # What wrk leaves unanswered in the end is paid but not counted: of long requests that may be one, not eight.
        count = wrk(gateway, case, 2 * seconds, connections=1)
    else:
        count = wrk(gateway, case, seconds)
    time.sleep(SETTLE)
    return (gateway.server.cpu_ns() - before) / count / 1e3
