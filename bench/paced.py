"""Many open streams of few events a second: what the gateway adds to each event's delay, and what a stream holds.

Here: the client of paced_upstream.py, which compares an event's stamp with the clock. Not here: the load of streams
that are sent at once (load.py, concurrency.py).
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.arithmetic import Delays
from bench.cases import Case
from bench.gateways import Gateway
from bench.paced_upstream import PAUSE, STAMP
from bench.processes import Memory
from bench.stream_client import Connection, undisturbed, wire

STREAMS = 500
RAMP = 1.0
"""Seconds in which the streams are opened, so that their events are spread evenly."""


@dataclass(frozen=True)
class Paced:
    """Delays of the events that were sent while all streams were open."""

    passed: Delays
    translated: Delays
    cpu_us: float
    """CPU per event that passes."""
    idle: Memory
    """Of the worker, after the start."""
    before: Memory
    """Of the worker, when it had served a stream of each kind."""
    during: Memory

    @property
    def kilobytes_per_stream(self) -> float:
        """The growth of the worker's RSS. 1 KB = 1,000 bytes."""
        return (self.during.rss - self.before.rss) / STREAMS / 1e3


def follow(gateway: Gateway, direct: Gateway, events: int) -> Paced:
    """`gateway` must be fresh. Streams of so many events: straight, passing, and from Chat to Messages."""
    passing, translated = (
        Case("chat_completions", "chat_completions", events),
        Case("messages", "chat_completions", events),
    )
    server = gateway.server
    idle = server.worker_memory()
    with undisturbed():
        # One of each at first: what is loaded and made once is no stream's.
        for case in (passing, translated):
            asyncio.run(_follow(gateway, case, streams=1))
        before, during = server.worker_memory(), []
        straight = asyncio.run(_follow(direct, passing))
        start = server.cpu_ns()
        through = asyncio.run(
            _follow(gateway, passing, when_open=lambda: during.append(server.worker_memory()))
        )
        cpu = (server.cpu_ns() - start) / (STREAMS * events) / 1e3
        other = asyncio.run(_follow(gateway, translated))
    return Paced(Delays(straight, through), Delays(straight, other), cpu, idle, before, during[0])


async def _follow(
    gateway: Gateway,
    case: Case,
    streams: int = STREAMS,
    when_open: Callable[[], None] | None = None,
) -> list[float]:
    """The delays in ms. Raises RuntimeError if an event is missing."""
    request, port = wire(gateway, case), gateway.server.port
    seen: list[list[tuple[int, int]]] = [[] for _ in range(streams)]

    async def follow_one(number: int) -> None:
        await asyncio.sleep(number * RAMP / streams)
        connection = await Connection.open(port)
        async for piece in connection.exchange(request):
            now = time.monotonic_ns()
            seen[number] += [(int(stamp), now) for stamp in STAMP.findall(piece)]
        connection.close()

    async with asyncio.TaskGroup() as group:
        for number in range(streams):
            group.create_task(follow_one(number))
        await asyncio.sleep(RAMP + case.events * PAUSE / 2 - RAMP / 2)
        if when_open is not None:
            when_open()
    if any(len(one) != case.events for one in seen):
        raise RuntimeError(f"{case}: events are missing")
    opened, ended = max(one[0][1] for one in seen), min(one[-1][1] for one in seen)
    return [
        (now - at) / 1e6 for one in seen for at, now in one if opened < at < ended or streams == 1
    ]
