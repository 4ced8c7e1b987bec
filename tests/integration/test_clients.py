"""The clients that people use do a task with two tools at once, before models of all three APIs.

What is asserted: the calls, the results at their calls, the answer, and that thoughts are shown and
return to the model with their proof as far as docs/clients.md says, no less and no more. The clients
are installed by `make clients`; where they are missing these tests are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest
from conftest import GatewayFactory
from support.clients import CLIENTS, Client, Result, Way, config_for, drive
from support.pairs import APIS
from support.streams import Api
from support.upstream import Upstream
from support.weather import model

pytestmark = pytest.mark.clients

PAGE = Path(__file__).parents[2] / "docs/clients.md"


@cache
def published() -> dict[tuple[str, str], dict[str, str]]:
    """The table of docs/clients.md: client and way -> column -> cell."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    head, _, *rows = ([cell.strip() for cell in line[1:-1].split(" | ")] for line in lines)
    cells = [dict(zip(head, row, strict=True)) for row in rows]
    return {(row["client"], row["asks by"]): row for row in cells}


@pytest.fixture(scope="module")
def runs(
    request: pytest.FixtureRequest, gateway_factory: GatewayFactory
) -> Iterator[dict[Client, Future[list[Result]]]]:
    """What the clients of the selected tests make of all their tasks: a run each, two at a time."""
    tests = [item for item in request.session.items if item.path == request.path]
    selected = {test.callspec.params["client"]: None for test in tests if hasattr(test, "callspec")}
    with Upstream(model) as upstream, ThreadPoolExecutor(2) as pool:
        gateways = {api: gateway_factory(config_for(upstream, api)).base_url for api in APIS}
        yield {
            client: pool.submit(drive, client, gateways, upstream)
            for client in selected
            if client.is_installed()
        }
        assert not upstream.mistakes


@pytest.mark.parametrize(
    ("client", "way", "upstream_api"),
    [
        pytest.param(client, way, api, id=f"{client.name}-{way.name}-to-{api}")
        for client in CLIENTS
        for way in client.ways
        for api in APIS
    ],
)
def test_task(
    runs: dict[Client, Future[list[Result]]], client: Client, way: Way, upstream_api: Api
) -> None:
    if client not in runs:
        pytest.skip(f"{client.name} is not installed: make clients")
    results = {(r.job.way, r.job.upstream_api): r for r in runs[client].result()}
    result = results[way, upstream_api]
    assert not result.failure()
    assert result.verdict() == published()[client.name, way.name][upstream_api]


def test_published_losses_have_a_reason() -> None:
    rows = published()
    assert set(rows) == {(client.name, way.name) for client in CLIENTS for way in client.ways}
    for name, row in rows.items():
        whole = all(row[api].endswith(("returned", "kept")) for api in APIS)
        assert row["note"] or whole, name
