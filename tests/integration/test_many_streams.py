"""Hundreds of slow streams through one worker while one upstream stalls and one flaps: no stream hears of another.

WSGI_GATEWAY_TEST_STREAMS says how many; `make streams` runs 2,000, and prints the memory of each.
"""

from __future__ import annotations

import asyncio
import os
import resource
from pathlib import Path

from support.crowd import FLAPPING, OTHER, STALLING, STEADY, Client, Upstreams, providers, words_of
from support.gateway import GatewayProcess, config

STREAMS = int(os.environ.get("WSGI_GATEWAY_TEST_STREAMS") or 200)
FEW = max(STREAMS // 10, 20)
"""Streams of each of the upstreams that fail, and requests to the one that does not stream."""
PATIENCE = 60.0
MOST_PER_STREAM = 100_000
WARM = 30_000_000
"""Bytes that any load costs once."""


def test_no_stream_hears_of_another() -> None:
    if STREAMS > 400:
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(_crowd())


async def _crowd() -> None:
    upstreams = Upstreams()
    server = await asyncio.start_server(upstreams.serve, "127.0.0.1", 0, backlog=4096)
    port = server.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    gateway = await loop.run_in_executor(None, lambda: GatewayProcess(config(*providers(port))))
    try:
        await asyncio.wait_for(_run(gateway, upstreams), PATIENCE)
        assert "Traceback" not in gateway.output
        assert "Traceback" not in gateway.output
    finally:
        await loop.run_in_executor(None, gateway.stop)
        server.close()


async def _run(gateway: GatewayProcess, upstreams: Upstreams) -> None:
    await Client("warm", OTHER, streams=False).ask(gateway.port)
    before = _memory(gateway)
    steady = [
        Client(f"steady-{number}", STEADY, "messages" if number % 2 else "chat")
        for number in range(STREAMS)
    ]
    stalling = [Client(f"stalling-{number}", STALLING) for number in range(FEW)]
    flapping = [Client(f"flapping-{number}", FLAPPING) for number in range(FEW)]
    other = [Client(f"other-{number}", OTHER, streams=False) for number in range(FEW)]

    asked = [asyncio.create_task(each.ask(gateway.port)) for each in [*steady, *stalling]]
    for each in [*steady, *stalling]:
        await each.has_begun.wait()
    assert upstreams.begun == STREAMS
    assert upstreams.stalled == FEW
    grown = _memory(gateway) - before
    print(f"{STREAMS + FEW} streams: {grown / (STREAMS + FEW) / 1024:.0f} KB each")
    assert grown < WARM + MOST_PER_STREAM * (STREAMS + FEW)

    upstreams.go_on.set()
    flaps = asyncio.gather(*(each.ask(gateway.port) for each in flapping))
    for each in other:
        await each.ask(gateway.port)
    await flaps
    await asyncio.gather(*asked[:STREAMS])

    for each in [*steady, *other]:
        assert (each.status, each.has_failed) == (200, False), each.body
        assert each.text == "".join(words_of(each.name))
    assert all(each.text == words_of(each.name)[0] for each in stalling)
    _check_flapping(flapping)
    for task in asked[STREAMS:]:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    while upstreams.stalled:
        await asyncio.sleep(0.02)


def _check_flapping(clients: list[Client]) -> None:
    """Each heard the beginning of its own words, and whoever did not hear all was told so."""
    ends = {"refused": 0, "broken": 0, "whole": 0}
    for each in clients:
        if each.status != 200:
            assert each.has_failed
            ends["refused"] += 1
            continue
        whole = "".join(words_of(each.name))
        assert whole.startswith(each.text)
        assert each.has_failed == (each.text != whole)
        ends["broken" if each.has_failed else "whole"] += 1
    assert all(ends.values()), ends


def _memory(gateway: GatewayProcess) -> int:
    """Bytes that its worker holds."""
    (worker,) = gateway.children
    return int(Path(f"/proc/{worker}/statm").read_text().split()[1]) * resource.getpagesize()
