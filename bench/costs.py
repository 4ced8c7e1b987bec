"""CPU per request: the same cases at every gateway, in interleaved rounds.

Here: the measuring. A slow round of the machine hits all gateways alike, and medians of the rounds are compared.
Not here: what the figures should be (goals.py).
"""

import statistics
import time
from dataclasses import dataclass, field

from bench import stdlib_json
from bench.asks import ask
from bench.cases import LONG_REQUESTS, Api, Case
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

    reference: dict[Api, list[float]] = field(default_factory=dict)
    """The same of json.loads and json.dumps, for the client API's long request."""

    def median(self, gateway: str, case: Case) -> float | None:
        """Microseconds; None where the gateway cannot do the case or is not there."""
        figures = self.rounds.get((gateway, case))
        return statistics.median(figures) if figures else None

    def reference_median(self, client: Api) -> float | None:
        figures = self.reference.get(client)
        return statistics.median(figures) if figures else None


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
            costs.rounds.setdefault((gateway.name, case), []).append(_cost(gateway, case, seconds))
            if gateway.name == "ours" and case in LONG_REQUESTS:
                figure = stdlib_json.cpu_us(ask(case))
                costs.reference.setdefault(case.client, []).append(figure)
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
