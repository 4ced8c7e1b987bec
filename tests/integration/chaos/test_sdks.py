"""The same through the official SDKs, at a few points: an exception or an answer, never half an answer.

Here: what their users see. Not here: every point (test_breaks.py).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.broken_replies import ANSWER, POINTS, wire_of
from support.chaos import ASK, Chaos, Scripts
from support.dialects import FAILURES, Clients
from support.pairs import PAIRS, PLAIN_AND_STREAM
from support.raw_upstream import Drip
from support.streams import Api


@pytest.fixture(scope="module")
def clients(chaos: Chaos) -> Iterator[Clients]:
    clients = Clients(chaos.gateway.base_url)
    yield clients
    clients.http.close()


@PAIRS
@PLAIN_AND_STREAM
def test_a_slow_drip_is_an_answer(
    clients: Clients, scripts: Scripts, client_api: Api, upstream_api: Api, stream: bool
) -> None:
    scripts.by_model["slow"] = lambda _, api: [Drip(wire_of(api, stream=stream).whole)]

    got = clients.ask(client_api, f"main-{upstream_api}/slow", ASK, stream=stream)

    assert got.text == ANSWER.text


@PAIRS
@pytest.mark.parametrize("point", ["before the head", "in the first event", "in an event"])
def test_a_reset_is_an_exception(
    clients: Clients, scripts: Scripts, client_api: Api, upstream_api: Api, point: str
) -> None:
    scripts.by_model[point] = lambda _, api: [POINTS[api, True][point][0], "reset"]

    with pytest.raises(FAILURES):
        clients.ask(client_api, f"main-{upstream_api}/{point}", ASK, stream=True)
