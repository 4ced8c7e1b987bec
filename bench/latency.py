"""Time to a stream's first event: through the gateway and straight to the upstream, in turn.

Here: open-loop requests, each sent when it is due, whatever became of those before. Not here: later events (paced.py).
"""

import asyncio
import time

from bench.arithmetic import Delays
from bench.cases import Case
from bench.gateways import Gateway
from bench.stream_client import Connection, undisturbed, wire

RATE = 50
"""Requests a second to each of the two."""
WARM_UP = 20
"""The first requests of each, which open connections, do not count."""


def added_to_first_event(gateway: Gateway, direct: Gateway, case: Case, seconds: int) -> Delays:
    """Milliseconds from sending to the first event; the direct way asks for the upstream's API."""
    through = _Lane(gateway, case)
    straight = _Lane(direct, Case(case.upstream, case.upstream, case.events))
    with undisturbed():
        asyncio.run(_send([through, straight], RATE * seconds + WARM_UP))
    return Delays(straight.times[WARM_UP:], through.times[WARM_UP:])


class _Lane:
    """One of the two ways, with its idle connections and its times in ms."""

    def __init__(self, gateway: Gateway, case: Case) -> None:
        self.times: list[float] = []
        self._port = gateway.server.port
        self._wire = wire(gateway, case)
        self._idle: list[Connection] = []

    async def ask(self) -> None:
        connection = self._idle.pop() if self._idle else await Connection.open(self._port)
        sent, first = time.perf_counter_ns(), 0
        async for piece in connection.exchange(self._wire):
            if not first and b"data:" in piece:
                first = time.perf_counter_ns()
        if not first:
            raise RuntimeError("an answer without an event")
        self.times.append((first - sent) / 1e6)
        self._idle.append(connection)

    def close(self) -> None:
        for connection in self._idle:
            connection.close()


async def _send(lanes: list[_Lane], each: int) -> None:
    loop = asyncio.get_running_loop()
    start, pause = loop.time(), 1 / RATE / len(lanes)
    async with asyncio.TaskGroup() as group:
        for number in range(each * len(lanes)):
            await asyncio.sleep(start + number * pause - loop.time())
            group.create_task(lanes[number % len(lanes)].ask())
    for lane in lanes:
        lane.close()
