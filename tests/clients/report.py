"""Drives all clients of tests/support/clients.py and writes what became of them into docs/clients.md.

`make clients-report` runs it. It fails if a client could not do its task.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

from support.clients import CLIENTS, Client, Result, config_for, drive
from support.gateway import GatewayProcess
from support.pairs import APIS
from support.upstream import Upstream
from support.weather import model

PAGE = Path(__file__).resolve().parents[2] / "docs/clients.md"
BEGIN, END = "<!-- clients: generated -->", "<!-- clients: end -->"


def run_all() -> dict[Client, list[Result]]:
    """What each client made of its tasks. Exits if one is not installed."""
    missing = [client.name for client in CLIENTS if not client.is_installed()]
    if missing:
        sys.exit(f"not installed: {', '.join(missing)}; run make clients")
    with ExitStack() as running, ThreadPoolExecutor(2) as pool:
        upstream = running.enter_context(Upstream(model))
        gateways = {
            api: running.enter_context(GatewayProcess(config_for(upstream, api))).base_url
            for api in APIS
        }
        runs = {client: pool.submit(drive, client, gateways, upstream) for client in CLIENTS}
        return {client: run.result() for client, run in runs.items()}


def table(results: dict[Client, list[Result]]) -> Iterator[str]:
    """The lines of the table: a row for each way in which a client asks."""
    yield f"| client | version | asks by | {' | '.join(APIS)} | note |"
    yield "| --- " * (len(APIS) + 4) + "|"
    for client, done in results.items():
        for way, cells in groupby(done, key=lambda result: result.job.way):
            row = list(cells)
            failures = [f"{r.job.upstream_api}: {r.failure()}" for r in row if r.failure()]
            note = "; ".join(filter(None, [way.note, *failures])).replace("|", "\\|")
            verdicts = [result.verdict() for result in row]
            yield f"| {' | '.join([client.name, row[0].version, way.name, *verdicts, note])} |"


def main() -> None:
    results = run_all()
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    lines = "\n".join(table(results))
    PAGE.write_text(f"{before}{BEGIN}\n\n{lines}\n\n{END}{after}", "utf-8")
    if any(result.failure() for done in results.values() for result in done):
        sys.exit("some clients failed: see the table")


if __name__ == "__main__":
    main()
