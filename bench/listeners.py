"""`python -m bench.listeners`: workers that share one listener, beside workers with one each (SO_REUSEPORT).

Here: how streams spread over two workers, what a request costs, and what clients notice of a worker that is replaced
and of one that stands still. Not here: what a worker can take (scaling.py).
"""

import asyncio
import os
import signal
import statistics
from collections.abc import Callable
from pathlib import Path

from bench import canned_upstream, paced_upstream
from bench.capacity import burst, warm_up
from bench.cases import STREAM, Case
from bench.gateways import Gateway
from bench.run import alone
from bench.stream_client import Connection, wire

OPTIONS = {"shared": "--workers 2", "SO_REUSEPORT": "--workers 2 --reuse-port"}
PACED = Case("chat_completions", "chat_completions", 20)
CLIENTS, PATIENCE, SECONDS = 16, 1.0, 6.0
"""Clients that ask again and again, each time on a new connection; how long each waits; and for how long all ask."""
Disturbance = Callable[[Gateway], Callable[[], None]]
MOMENT = 2.0
"""When, after their begin, something happens to the workers, and how long it lasts."""


async def split(gateway: Gateway, streams: int, ramp: float) -> list[int]:
    """How many of the streams each worker has, the fewest first."""

    async def follow(number: int) -> None:
        await asyncio.sleep(number * ramp / streams)
        connection = await Connection.open(gateway.server.port)
        async for _ in connection.exchange(wire(gateway, PACED)):
            pass
        connection.close()

    async with asyncio.TaskGroup() as group:
        for number in range(streams):
            group.create_task(follow(number))
        await asyncio.sleep(ramp + 0.5)
        connected = _connected(gateway.server.port)
        counts = [len(connected & _sockets(pid)) for pid in gateway.server.pids[1:]]
    return sorted(counts)


def _connected(port: int) -> set[str]:
    """The inodes of a port's established connections (proc(5), /proc/net/tcp)."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {one[9] for one in lines if one[1].endswith(f":{port:04X}") and one[3] == "01"}


def _sockets(pid: int) -> set[str]:
    """The inodes of a process's sockets."""
    names = {str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()}
    return {name[8:-1] for name in names if name.startswith("socket:")}


async def disturbed(gateway: Gateway, disturb: Disturbance) -> tuple[int, int]:
    """Answers, and requests that had none. ``disturb`` returns what ends the disturbance."""
    loop = asyncio.get_running_loop()
    request = wire(gateway, STREAM).replace(b"\r\n", b"\r\nconnection: close\r\n", 1)
    end, answered, failed = loop.time() + SECONDS, 0, 0

    async def ask() -> None:
        nonlocal answered, failed
        while loop.time() < end:
            try:
                async with asyncio.timeout(PATIENCE):
                    connection = await Connection.open(gateway.server.port)
                    async for _ in connection.exchange(request):
                        pass
                    connection.close()
                answered += 1
            except (OSError, RuntimeError, TimeoutError):
                failed += 1

    async def interfere() -> None:
        await asyncio.sleep(MOMENT)
        repair = disturb(gateway)
        await asyncio.sleep(MOMENT)
        repair()

    await asyncio.gather(interfere(), *(ask() for _ in range(CLIENTS)))
    return answered, failed


def replace(gateway: Gateway) -> Callable[[], None]:
    """One of the workers, twice."""

    def once() -> None:
        for number in (signal.SIGTTIN, signal.SIGTTOU):
            os.kill(gateway.server.pids[0], number)

    once()
    return once


def stand_still(gateway: Gateway) -> Callable[[], None]:
    """One of the workers."""
    worker = gateway.server.worker
    os.kill(worker, signal.SIGSTOP)
    return lambda: os.kill(worker, signal.SIGCONT)


def figures(options: str) -> list[str]:
    """The cells of a table."""
    environ = {"GUNICORN_CMD_ARGS": options}
    with alone(paced_upstream.start, (PACED.events,), environ) as (_, gateway):
        gateway.server.spread()
        asyncio.run(split(gateway, 100, 1))
        splits = [asyncio.run(split(gateway, 20, 0)) for _ in range(3)]
        slow = [asyncio.run(split(gateway, 200, 1)) for _ in range(3)]
    with alone(canned_upstream.start, (STREAM.events,), environ) as (upstream, gateway):
        gateway.server.spread()
        warm_up(gateway, upstream)
        bursts = [burst(gateway, upstream, STREAM) for _ in range(3)]
        at_change = asyncio.run(disturbed(gateway, replace))
        at_pause = asyncio.run(disturbed(gateway, stand_still))
    return [
        _told(splits),
        _told(slow),
        f"{statistics.median(one.gateway for one in bursts):,.0f}",
        *(f"{failed:,} of {answered + failed:,}" for answered, failed in (at_change, at_pause)),
    ]


def _told(splits: list[list[int]]) -> str:
    return ", ".join("/".join(map(str, one)) for one in splits)


ROWS = (
    "20 streams at once: of each worker, three times",
    "200 streams in 1 s: of each worker, three times",
    "CPU us per 100-event stream",
    "failed requests, a worker replaced twice meanwhile",
    "failed requests, one worker standing still for 2 of 6 s",
)


def main() -> None:
    columns = [figures(options) for options in OPTIONS.values()]
    print(f"| Two workers | {' | '.join(OPTIONS)} |\n| --- | --- | --- |")
    for name, *cells in zip(ROWS, *columns, strict=True):
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
