"""`python -m bench.scaling`: fits the capacity model to one worker, predicts two, measures two, and prints both.

Here: the model and its check, by CPU time, which other work on the machine disturbs least; `--write` puts the tables
into docs/scaling.md. Not here: how a figure is measured (capacity.py).
"""

import argparse
import contextlib
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench import canned_upstream, paced_upstream
from bench.arithmetic import Line, least_squares
from bench.capacity import Burst, Paced, burst, paced, warm_up
from bench.cases import EVENTS, JSON, MESSAGES_JSON, Api, Case
from bench.gateways import Gateway
from bench.measured import ROUTES
from bench.processes import Server
from bench.run import alone
from bench.versions import versions

PAGE = Path(__file__).parents[1] / "docs" / "scaling.md"
BEGIN, END = "<!-- scaling: generated -->", "<!-- scaling: end -->"
ROUNDS = 3
FITTED, PREDICTED = (100, 1000, 3000), 300
"""Events of streams that arrive at once: what is predicted is none of what the model was fitted to."""
STREAMS, CHECKED = (300, 900), 900
"""Paced streams of a worker; what is checked with as many for each of two."""
PACED_EVENTS = 1000
"""More than a paced stream gets while it is measured."""


@dataclass
class Figures:
    """Those of each round, by the number of workers, what was asked, and how many paced streams there were."""

    bursts: dict[tuple[int, Case], list[Burst]] = field(default_factory=dict)
    paced: dict[tuple[int, Case, int], list[Paced]] = field(default_factory=dict)

    def request(self, workers: int, case: Case) -> float:
        """CPU microseconds of a request whose answer arrives at once."""
        return statistics.median(one.gateway for one in self.bursts[workers, case])

    def event(self, workers: int, case: Case, streams: int) -> float:
        """CPU microseconds of an event that arrives alone."""
        return statistics.median(one.event for one in self.paced[workers, case, streams])

    def line(self, client: Api) -> Line:
        """The model: CPU of one worker's streams over their events."""
        cases = [(events, _case(client, events)) for events in FITTED]
        return least_squares([(float(events), self.request(1, case)) for events, case in cases])


@dataclass(frozen=True)
class Check:
    """A figure of two workers, unless it says otherwise, as the model has it and as it is."""

    name: str
    predicted: float
    measured: float

    @property
    def difference(self) -> float:
        return self.measured / self.predicted - 1


def _case(client: Api, events: int) -> Case:
    return Case(client, "chat_completions", events)


def gather() -> Figures:
    """One round after the other, one worker and two in turn: what slows the machine slows both."""
    figures = Figures()
    clients = [client for client, _ in ROUTES]
    fitted = [_case(client, events) for client in clients for events in FITTED]
    predicted = [_case(client, PREDICTED) for client in clients]
    with contextlib.ExitStack() as stack:

        def start(
            upstream: Callable[[Path], Server], sizes: tuple[int, ...], workers: int
        ) -> tuple[Server, Gateway]:
            environ = {"WSGI_GATEWAY_WORKERS": str(workers)}
            servers = stack.enter_context(alone(upstream, sizes, environ))
            servers[1].server.spread()
            return servers

        canned = {n: start(canned_upstream.start, (0, *EVENTS), n) for n in (1, 2)}
        told = {n: start(paced_upstream.start, (PACED_EVENTS,), n)[1] for n in (1, 2)}
        for upstream, gateway in canned.values():
            warm_up(gateway, upstream)
        for _ in range(ROUNDS):
            for workers, cases in ((1, [*fitted, *predicted]), (2, predicted)):
                upstream, gateway = canned[workers]
                for case in (JSON, MESSAGES_JSON, *cases):
                    found = burst(gateway, upstream, case)
                    figures.bursts.setdefault((workers, case), []).append(found)
            for client in clients:
                for workers, streams in (*((1, count) for count in STREAMS), (2, 2 * CHECKED)):
                    asked = _case(client, PACED_EVENTS)
                    one = paced(told[workers], asked, streams)
                    figures.paced.setdefault((workers, asked, streams), []).append(one)
    return figures


def checks(figures: Figures) -> list[Check]:
    found = []
    for case in (JSON, MESSAGES_JSON):
        predicted = figures.request(1, case)
        found.append(Check(f"{case}, CPU us", predicted, figures.request(2, case)))
    for client, _ in ROUTES:
        line, case = figures.line(client), _case(client, PREDICTED)
        predicted = line.intercept + line.slope * PREDICTED
        found.append(Check(f"{case}, CPU us, of one worker", predicted, figures.request(1, case)))
        found.append(Check(f"{case}, CPU us", predicted, figures.request(2, case)))
        rounds = figures.bursts[2, case]
        rate = statistics.median(one.cores / (predicted + one.around) * 1e6 for one in rounds)
        measured = statistics.median(one.rate for one in rounds)
        found.append(Check(f"{case}, requests/s", rate, measured))
    for client, name in ROUTES:
        case = _case(client, PACED_EVENTS)
        predicted = figures.event(1, case, CHECKED)
        measured = figures.event(2, case, 2 * CHECKED)
        found.append(Check(f"an event that arrives alone, {name}, CPU us", predicted, measured))
    return found


def page(figures: Figures) -> str:
    """The tables, in Markdown."""
    used = versions()
    lines = [f"{used['CPU']}, Python {used['Python']}, {used['system']}.", ""]
    heads = [f"us per event, alone, {count} streams" for count in STREAMS]
    heads = ["One worker", "us fixed", "us per event, together", "R^2", *heads, "KB per stream"]
    lines += [f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|"]
    for client, name in ROUTES:
        line, case = figures.line(client), _case(client, PACED_EVENTS)
        events = [f"{figures.event(1, case, count):.0f}" for count in STREAMS]
        memory = max(one.memory for one in figures.paced[1, case, STREAMS[-1]]) / 1e3
        fit = (f"{line.intercept:.0f}", f"{line.slope:.2f}", f"{line.r_squared:.4f}")
        lines.append(f"| {' | '.join((name, *fit, *events, f'{memory:.0f}'))} |")
    lines += [
        "",
        "| Two workers | Predicted | Measured | Difference |",
        "| --- | --- | --- | --- |",
    ]
    for check in checks(figures):
        cells = (f"{check.predicted:,.0f}", f"{check.measured:,.0f}", f"{check.difference:+.0%}")
        lines.append(f"| {check.name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scaling", description=__doc__)
    parser.add_argument("--write", action="store_true", help="into docs/scaling.md too")
    options = parser.parse_args()
    made = page(gather())
    print(made)
    if options.write:
        before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n\n{made}\n{END}{rest.partition(END)[2]}", "utf-8")


if __name__ == "__main__":
    main()
