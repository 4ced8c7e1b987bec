"""Upstreams that refuse everybody, or come and go, while all nine pairs ask at once and the gateway asks again.

Here: how often they are asked, and what clients see. Not here: the budget by a clock of its own (tests/routing).
"""

from __future__ import annotations

import contextlib
import itertools
import json
import time
from collections.abc import Iterable, Iterator

import pytest
from support.broken_replies import plain, wire_of
from support.chaos import Chaos, Exchange, Expected, Scripts, entries
from support.counts import counted_gateway
from support.gateway import config
from support.pairs import APIS, PLAIN_AND_STREAM, error_body
from support.raw_upstream import Asked, RawUpstream, Step
from support.streams import Api, Json

TIMES = 10
"""How often each pair asks."""
WINDOW, ALWAYS, SHARE, RETRIES = 10.0, 10, 0.2, 2
"""Of the budget: seconds, and how many retries there may be in them: so many, and a share of the requests."""


@pytest.fixture(scope="module")
def flaky_scripts() -> Scripts:
    return Scripts()


@pytest.fixture(scope="module")
def flaky(flaky_scripts: Scripts) -> Iterator[RawUpstream]:
    with RawUpstream(flaky_scripts) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def stormy(flaky: RawUpstream, scripts: Scripts) -> Iterator[Chaos]:
    """A gateway that asks again, and goes on to another provider where there is one."""
    with contextlib.ExitStack() as stack:
        steady = stack.enter_context(RawUpstream(scripts))
        both: Json = {
            f"both-{api}/any": {
                "deployments": [
                    {"target": f"flaky-{api}/any"},
                    {"target": f"main-{api}/any"},
                ]
            }
            for api in APIS
        }
        asking_again = config(
            *entries(flaky.base_url, "flaky"),
            *entries(steady.base_url, "main"),
            model_aliases=both,
            retries={"max_retries": RETRIES, "base_delay": "5ms", "max_delay": "50ms"},
            health={"ejection_time": "50ms", "max_ejection_time": "100ms"},
            state_storage={"type": "memory", "max_items": 50},
        )
        gateway = stack.enter_context(counted_gateway(asking_again))
        chaos = Chaos(gateway, [flaky, steady])
        stack.callback(chaos.stop)
        yield chaos
        assert "Traceback" not in gateway.process.output


def often(name: str, stream: bool) -> list[Exchange]:
    pairs = [(ours, theirs) for ours in APIS for theirs in APIS]
    return [Exchange(ours, theirs, stream, name, "any") for ours, theirs in pairs] * TIMES


def refusing(api: Api, **headers: str) -> bytes:
    body = json.dumps(error_body(api, "Slow down", "rate_limit_error", "rate_limit_exceeded"))
    return plain(body.encode(), 429, **headers).whole


@PLAIN_AND_STREAM
@pytest.mark.parametrize("wait", [None, "0"], ids=["no word", "at once"])
def test_a_storm_of_429_is_not_multiplied(
    stormy: Chaos, flaky_scripts: Scripts, flaky: RawUpstream, wait: str | None, stream: bool
) -> None:
    headers = {} if wait is None else {"retry_after": wait}
    flaky_scripts.by_model["any"] = lambda _, api: [refusing(api, **headers)]
    flaky.asked.clear()
    asked = often("flaky", stream)
    began = time.monotonic()

    with stormy.leaving_nothing():
        told = stormy.ask_all(asked)

    windows = 2 + (time.monotonic() - began) // WINDOW
    assert {reply.status for reply in told} == {429}
    assert all(reply.headers["retry-after"] == wait for reply in told)
    most = (1 + SHARE) * len(asked) + windows * ALWAYS * len(APIS)
    assert len(asked) < len(flaky.asked) <= most


@PLAIN_AND_STREAM
def test_a_wait_that_is_too_long_is_the_clients(
    stormy: Chaos, flaky_scripts: Scripts, flaky: RawUpstream, stream: bool
) -> None:
    flaky_scripts.by_model["any"] = lambda _, api: [refusing(api, retry_after="3600")]
    flaky.asked.clear()
    asked = often("flaky", stream)

    told = stormy.ask_all(asked)

    assert len(flaky.asked) == len(asked)
    assert {(it.status, it.headers["retry-after"]) for it in told} == {(429, "3600")}


@PLAIN_AND_STREAM
def test_an_upstream_that_comes_and_goes(
    stormy: Chaos, flaky_scripts: Scripts, flaky: RawUpstream, stream: bool
) -> None:
    """Nobody notices, and it is asked less."""
    turns = itertools.count()

    def flapping(_: Asked, api: Api) -> Iterable[Step]:
        wire = wire_of(api, stream=stream)
        good: tuple[Step, ...] = (wire.whole,)
        ways: list[tuple[Step, ...]] = [
            ("reset",),
            good,
            (wire.head[:20], "close"),
            (refusing(api),),
            (wire.head, "reset"),
            good,
            (plain(b"<html>", 502).whole,),
        ]
        return ways[next(turns) % len(ways)]

    flaky_scripts.by_model["any"] = flapping
    flaky.asked.clear()
    asked = often("both", stream)

    with stormy.leaving_nothing():
        stormy.check_all((it, Expected(200, "finished")) for it in asked)

    assert 0 < len(flaky.asked) < len(asked)
