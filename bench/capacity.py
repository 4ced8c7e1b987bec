"""What the capacity model is made of: CPU of streams that arrive at once, and of events that arrive one by one.

Here: the measuring, at a gateway with any number of workers. Not here: the model and its check (scaling.py).
"""

import os
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.cases import STREAM, Case
from bench.costs import SETTLE
from bench.gateways import Gateway
from bench.load import send, wrk
from bench.paced_upstream import PAUSE
from bench.processes import CORES, Server

UNTIL_OPEN, MEASURED = 2, 2
"""Seconds of a paced run: until all its streams are open, and then."""
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Burst:
    """CPU microseconds per request of the gateway and of what stands around it, and requests per second."""

    gateway: float
    around: float
    rate: float
    cores: float
    """CPU seconds per second that were there for all of these: what they used, and what nobody did."""


@dataclass(frozen=True)
class Paced:
    """CPU microseconds per event while all streams were open, and bytes of the workers' growth per stream."""

    event: float
    memory: float


def burst(gateway: Gateway, upstream: Server, case: Case, seconds: int = 1) -> Burst:
    """Requests one behind the other on 8 connections, whose answers arrive at once."""
    start = time.monotonic()
    ours, theirs, load, busy = gateway.server.cpu_ns(), upstream.cpu_ns(), _children_s(), _busy_s()
    count = wrk(gateway, case, seconds)
    elapsed = time.monotonic() - start
    load, busy = _children_s() - load, _busy_s() - busy
    time.sleep(SETTLE)
    used = (gateway.server.cpu_ns() - ours) / 1e9
    around = (upstream.cpu_ns() - theirs) / 1e9 + load
    others = max(0.0, busy - used - around)
    return Burst(
        used / count * 1e6, around / count * 1e6, count / elapsed, len(CORES) - others / elapsed
    )


def warm_up(gateway: Gateway, upstream: Server) -> None:
    """Waits for the first worker's first answer, and gives the others some work too."""
    send(gateway, STREAM, 1)
    burst(gateway, upstream, STREAM)


def _children_s() -> float:
    """CPU seconds of wrk so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _busy_s() -> float:
    """CPU seconds of this machine that somebody used (proc(5), /proc/stat)."""
    line = Path("/proc/stat").read_text().partition("\n")[0]
    user, nice, system, _, _, irq, softirq = map(int, line.split()[1:8])
    return (user + nice + system + irq + softirq) / _TICK


def paced(gateway: Gateway, case: Case, streams: int) -> Paced:
    """So many streams at once, of which none ends meanwhile."""
    server = gateway.server
    before = server.memory()
    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(wrk, gateway, case, UNTIL_OPEN + MEASURED + 1, streams)
        time.sleep(UNTIL_OPEN)
        during = server.memory()
        start, used = time.monotonic(), server.cpu_ns()
        time.sleep(MEASURED)
        used = server.cpu_ns() - used
        events = (time.monotonic() - start) / PAUSE * streams
        load.result()
    time.sleep(SETTLE)
    return Paced(used / events / 1e3, (during - before) / streams)
