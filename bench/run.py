"""One run from the start of the servers to all figures: which cases a gateway gets, in which order.

Here: the parts of a run and how long each takes. Not here: how one of them measures (costs.py, latency.py, paced.py,
concurrency.py, facts.py).
"""

import contextlib
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import canned_upstream, concurrency, facts, paced, paced_upstream
from bench.cases import (
    EVENTS,
    HISTORIES,
    JSON,
    LONG_REQUESTS,
    MESSAGES_JSON,
    MESSAGES_STREAM,
    PASSTHROUGH_STREAMS,
    STREAM,
    TRANSLATED_JSON,
    TRANSLATED_STREAMS,
    Case,
)
from bench.costs import measure
from bench.gateways import GATEWAYS, Gateway, direct, ours
from bench.latency import added_to_first_event
from bench.measured import ROUTES, Measured
from bench.processes import Server

PEER_CASES = (JSON, STREAM, MESSAGES_JSON, MESSAGES_STREAM)
CURVES = tuple(
    Case(client, "chat_completions", events, history)
    for client, _ in ROUTES
    for events, history in (*((n, 1) for n in EVENTS[1:]), *((0, n) for n in HISTORIES[1:]))
)
_BOTH = (STREAM, MESSAGES_STREAM)
"""What stands for all streams where a measurement takes long: passing, and translated."""


@dataclass(frozen=True)
class Length:
    """How much is measured: rounds of CPU costs, seconds of first events, events of a paced stream."""

    rounds: int
    latency_seconds: int
    paced_events: int
    curves: bool = True
    facts: bool = True


WHOLE = Length(rounds=5, latency_seconds=20, paced_events=100)
QUICK = Length(rounds=2, latency_seconds=4, paced_events=40, curves=False, facts=False)


def cases_of(gateway: str, length: Length) -> list[Case]:
    """What a gateway is asked: nginx cannot translate; the peers are slow, so they get few."""
    if gateway == "nginx":
        return [JSON, *PASSTHROUGH_STREAMS]
    if gateway != "ours":
        return list(PEER_CASES)
    streams = (*PASSTHROUGH_STREAMS, *TRANSLATED_STREAMS)
    cases = [JSON, *TRANSLATED_JSON, *streams, *LONG_REQUESTS]
    return list(dict.fromkeys([*cases, *(CURVES if length.curves else ())]))


def run(names: list[str], length: Length) -> Measured:
    """All of it, at the gateways with these names. Latency, memory and curves are measured where ``ours`` is named."""
    with serving(names) as (upstream, gateways, absent):
        jobs = [(one, case) for one in gateways for case in cases_of(one.name, length)]
        measured = Measured(measure(jobs, length.rounds, seconds=1), absent)
        for gateway in gateways:
            if gateway.name == "ours":
                _measure_delays(measured, gateway, direct(upstream), length)
    if "ours" in names:
        measured.paced = _follow_paced(length.paced_events)
    if length.facts:
        measured.facts = facts.gather()
    return measured


@contextlib.contextmanager
def serving(names: list[str]) -> Iterator[tuple[Server, list[Gateway], dict[str, str]]]:
    """The canned upstream, the gateways that started, and why the others did not."""
    absent: dict[str, str] = {}
    gateways = []
    with contextlib.ExitStack() as stack:
        folder = _folder(stack)
        upstream = canned_upstream.start(_made(folder / "upstream"))
        stack.callback(upstream.stop)
        for name in names:
            try:
                gateway = GATEWAYS[name](_made(folder / name), upstream.port)
            except RuntimeError as error:
                absent[name] = str(error)
                continue
            stack.callback(gateway.server.stop)
            gateways.append(gateway)
        yield upstream, gateways, absent


def _measure_delays(
    measured: Measured, gateway: Gateway, straight: Gateway, length: Length
) -> None:
    for case in _BOTH:
        seconds = length.latency_seconds
        measured.latency[case] = added_to_first_event(gateway, straight, case, seconds)
    for case in _BOTH if length.curves else ():
        measured.concurrency[case] = {
            count: statistics.median(concurrency.cpu_us(gateway, case, count) for _ in range(3))
            for count in concurrency.STREAMS_AT_ONCE
        }


def _follow_paced(events: int) -> paced.Paced:
    """With servers of their own: memory is measured from the start."""
    with alone(paced_upstream.start, (events,)) as (upstream, gateway):
        return paced.follow(gateway, direct(upstream), events)


@contextlib.contextmanager
def alone(
    start_upstream: Callable[[Path], Server],
    sizes: Sequence[int],
    environ: dict[str, str] | None = None,
) -> Iterator[tuple[Server, Gateway]]:
    """An upstream, and ours with models of these sizes."""
    with contextlib.ExitStack() as stack:
        folder = _folder(stack)
        upstream = start_upstream(_made(folder / "upstream"))
        stack.callback(upstream.stop)
        gateway = ours(_made(folder / "ours"), upstream.port, sizes, environ)
        stack.callback(gateway.server.stop)
        yield upstream, gateway


def _folder(stack: contextlib.ExitStack) -> Path:
    """nginx's workers are another user's, who must be able to enter."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wsgi-gateway-bench-")))
    folder.chmod(0o755)
    return folder


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
