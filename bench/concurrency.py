"""CPU per stream when more and more of them are open at once.

Here: so many connections, each of which asks for stream after stream until a number is reached. Not here: load by the
second, whose last requests would be paid but not counted (load.py).
"""

import asyncio
import time

from bench.cases import Case
from bench.costs import SETTLE
from bench.gateways import Gateway
from bench.stream_client import Connection, undisturbed, wire

STREAMS_AT_ONCE = (1, 10, 100, 300, 1000)
LEAST = 1000
"""Streams of one measurement."""


def cpu_us(gateway: Gateway, case: Case, at_once: int) -> float:
    """CPU microseconds per stream."""
    with undisturbed():
        return asyncio.run(_cpu_us(gateway, case, at_once))


async def _cpu_us(gateway: Gateway, case: Case, at_once: int) -> float:
    request = wire(gateway, case)
    connections = [await Connection.open(gateway.server.port) for _ in range(at_once)]
    each = max(2, LEAST // at_once)

    async def ask(connection: Connection, count: int) -> None:
        for _ in range(count):
            async for _ in connection.exchange(request):
                pass

    await asyncio.gather(*(ask(connection, 1) for connection in connections))
    time.sleep(SETTLE)
    before = gateway.server.cpu_ns()
    await asyncio.gather(*(ask(connection, each) for connection in connections))
    used = gateway.server.cpu_ns() - before
    for connection in connections:
        connection.close()
    return used / (each * at_once) / 1e3
