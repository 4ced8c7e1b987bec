"""Attempts of one request side by side, in the order that the test lets them end.

Not here: real upstreams (tests/integration/test_hedging.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import gevent
import pytest
from exchange.test_attempts import busy
from gevent.event import AsyncResult

from wsgi_gateway.access import Permit
from wsgi_gateway.client_watch import ClientGone, NoWatch, StopSwitch
from wsgi_gateway.config import load_config
from wsgi_gateway.config.model import Retries
from wsgi_gateway.exchange.attempts import Attempts
from wsgi_gateway.exchange.call import Answer, Call, Request
from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.exchange.keepalive import Keepalive
from wsgi_gateway.exchange.relay import Stream
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import Usage, UsageReported
from wsgi_gateway.protocols.table import PROTOCOLS
from wsgi_gateway.routing import ModelTable
from wsgi_gateway.state import StoreDown

CONFIG: dict[str, Any] = {
    "model_providers": [
        {"model": f"{name}/m-{name}", "name": name, "base_url": "http://u"} for name in "abc"
    ],
    "model_aliases": {
        "m": {
            "deployments": [
                {"target": name, "priority": at} for at, name in enumerate("abc", start=1)
            ],
            "hedge": {"after": "1ms", "max": 2},
        }
    },
}


@pytest.fixture(autouse=True)
def _gevent(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the gateway's own server."""
    monkeypatch.setattr("gevent.monkey.is_module_patched", lambda _: True)


def in_time(is_so: Callable[[], bool]) -> None:
    """Let the greenlets run until it is so."""
    with gevent.Timeout(30):
        while not is_so():
            gevent.sleep(0.001)


class Desk:
    """Each attempt waits until the test says what comes of it."""

    def __init__(self, client: NoWatch | None = None) -> None:
        self.table = ModelTable(load_config(CONFIG, {}))
        self.client = client or NoWatch()
        self.attempts = Attempts(
            Retries(max_retries=0), lambda: 100.0, lambda _: None, Random(1), can_race=True
        )
        self.calls: dict[str, Call] = {}
        self.stopped: list[str] = []
        self.outcomes: dict[str, AsyncResult[Answer]] = {name: AsyncResult() for name in "abc"}

    def call(self, **body: Any) -> Call:
        route = self.table.resolve("m")
        body = {"model": "m", **body}
        chat = PROTOCOLS["chat_completions"]
        return Call(
            request=Request(body=json.dumps(body).encode(), headers={}, client=self.client),
            client=chat,
            upstream=chat,
            provider=route.provider,
            model=route.model,
            fields=body,
            pool=route.pool,
        )

    def handle(self, call: Call) -> Answer:
        name = call.provider.name
        self.calls[name] = call
        call.progress.was_sent = True
        call.headers["x-request-id"] = name
        try:
            return call.request.client.wait(self.outcomes[name].get)
        except ClientGone:
            self.stopped.append(name)
            raise

    def begin(self, call: Call, *, asked: str = "abc") -> gevent.Greenlet[..., Answer]:
        """The walk, once all of ``asked`` are asked."""
        walk = gevent.spawn(self.attempts.answer, call, self.handle)
        in_time(lambda: "".join(self.calls) == asked)
        return walk

    def in_flight(self) -> int:
        members = self.table.resolve("m").pool.members
        return sum(member.deployment.in_flight for member in members)

    def failures(self) -> list[int]:
        members = self.table.resolve("m").pool.members
        return [member.deployment.health._in_a_row for member in members]


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    in_time(lambda: made.in_flight() == 0)


def answer(text: bytes = b"{}") -> Answer:
    return Answer(200, {}, text)


@pytest.mark.parametrize("winner", ["a", "b", "c"])
def test_whoever_answers_first_commits_and_the_others_are_stopped(desk: Desk, winner: str) -> None:
    call = desk.call()
    walk = desk.begin(call)
    good = answer()
    desk.outcomes[winner].set(good)
    assert walk.get() is good
    in_time(lambda: sorted([*desk.stopped, winner]) == ["a", "b", "c"])
    assert (call.provider.name, call.model) == (winner, f"m-{winner}")
    assert call.headers == {"x-request-id": winner}, "no loser wrote into the winner's"
    assert call.who_answered()["x-gateway-attempts"] == "3"
    assert desk.failures() == [0, 0, 0], "to be beaten is no failure"


def test_others_go_on_where_one_fails(desk: Desk) -> None:
    call = desk.call()
    walk = desk.begin(call)
    for name in "ab":
        desk.outcomes[name].set_exception(busy())
        gevent.sleep(0.001)
        assert not walk.ready()
    good = answer()
    desk.outcomes["c"].set(good)
    assert walk.get() is good
    assert desk.failures() == [1, 1, 0]
    assert desk.stopped == []


@pytest.mark.parametrize("order", ["abc", "cab"])
def test_where_all_fail_the_last_error_is_told(desk: Desk, order: str) -> None:
    call = desk.call()
    walk = desk.begin(call)
    errors = {name: busy(retry_after=name) for name in order}
    for name in order:
        desk.outcomes[name].set_exception(errors[name])
        gevent.sleep(0.001)
    with pytest.raises(ApiError) as caught:
        walk.get()
    assert caught.value is errors[order[-1]]
    assert call.provider.name == order[-1]
    assert call.headers["x-request-id"] == order[-1]
    assert call.who_answered()["x-gateway-attempts"] == "3"


@pytest.mark.parametrize(
    "error", [ApiError("invalid_request", "no"), StoreDown(), RuntimeError("a mistake")]
)
def test_what_no_other_does_better_is_told_at_once(desk: Desk, error: Exception) -> None:
    walk = desk.begin(desk.call())
    desk.outcomes["b"].set_exception(error)
    with pytest.raises(type(error)) as caught:
        walk.get()
    assert caught.value is error
    in_time(lambda: sorted(desk.stopped) == ["a", "c"])


def test_a_client_that_leaves_stops_all() -> None:
    client = StopSwitch()
    desk = Desk(client)
    walk = desk.begin(desk.call())
    client.stop()
    with pytest.raises(ClientGone):
        walk.get()
    in_time(lambda: sorted(desk.stopped) == ["a", "b", "c"])
    assert desk.in_flight() == 0
    assert desk.failures() == [0, 0, 0]


class Reply:
    """What a stream hangs on."""

    patience = None
    broke = False

    def __init__(self, client: Any) -> None:
        self.client = client
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


def stream_of(call: Call) -> tuple[Reply, Answer]:
    reply = Reply(call.request.client)
    pieces = (piece for piece in [b"x"])
    return reply, answer_with(Stream(pieces, lambda: True, reply, Keepalive()))  # type: ignore[arg-type]


def answer_with(body: Any) -> Answer:
    return Answer(200, {}, body)


def test_who_answers_in_the_same_moment_but_second_is_closed(desk: Desk) -> None:
    walk = desk.begin(desk.call())
    replies = {}
    for name in "bac":
        replies[name], stream = stream_of(desk.calls[name])
        desk.outcomes[name].set(stream)
    won = walk.get()
    in_time(lambda: sum(reply.is_closed for reply in replies.values()) == 2)
    won.body.close()  # type: ignore[union-attr]
    assert all(reply.is_closed for reply in replies.values())


def test_the_winner_s_watch_is_the_client_s() -> None:
    closed = []
    client = StopSwitch()
    client.close = lambda: closed.append("client")  # type: ignore[method-assign]
    desk = Desk(client)
    walk = desk.begin(desk.call())
    desk.calls["b"].request.client.close()
    assert closed == []
    desk.outcomes["b"].set(answer())
    walk.get()
    assert closed == ["client"], "what was closed before is closed now"
    watch = desk.calls["b"].request.client
    client.is_stopped = True
    with pytest.raises(ClientGone):
        watch.wait(lambda: pytest.fail("the client has left"))
    watch.shared().close()
    assert closed == ["client"]
    watch.close()
    assert closed == ["client", "client"]


def test_the_body_is_not_held_while_the_winner_speaks(desk: Desk) -> None:
    walk = desk.begin(desk.call())
    desk.outcomes["b"].set(answer())
    walk.get()
    assert desk.calls["b"].request.body == b""


def test_only_what_the_winner_used_is_charged(desk: Desk) -> None:
    charges: list[Any] = []
    permit = Permit({}, lambda *used: charges.append(used), None)
    call = desk.call()
    call.permit = permit
    walk = desk.begin(call)
    for name in "bac":
        other = desk.calls[name].permit
        assert other is not None
        other.begin("kind", name, 400)
    won = desk.calls["b"].permit
    assert won is not None
    desk.outcomes["b"].set(answer())
    walk.get()
    won.take([UsageReported(Usage(input=7, output=5))])
    permit.close()
    assert charges == [("kind", "b", Usage(input=7, output=5))]


def test_a_client_that_leaves_has_used_what_one_of_them_used() -> None:
    client = StopSwitch()
    desk = Desk(client)
    charges: list[Any] = []
    call = desk.call()
    call.permit = permit = Permit({}, lambda *used: charges.append(used), None)
    walk = desk.begin(call)
    for name in "ab":
        begun = desk.calls[name].permit
        assert begun is not None
        begun.begin("kind", name, 400)
    client.stop()
    with pytest.raises(ClientGone):
        walk.get()
    permit.close()
    assert charges == [("kind", "a", Usage(input=100))]


def test_without_gevent_it_is_off_and_said_so(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gevent.monkey.is_module_patched", lambda _: False)
    Gateway(load_config(CONFIG, {}))
    assert "hedge is off" in caplog.text
    caplog.clear()
    Gateway(load_config({**CONFIG, "model_aliases": {}}, {}))
    assert caplog.text == ""


def test_a_model_that_nothing_is_known_of_is_asked_alone() -> None:
    """Its percentile comes with its first requests."""
    alias = {**CONFIG["model_aliases"]["m"], "hedge": {"after": "p95"}}
    table = ModelTable(load_config({**CONFIG, "model_aliases": {"m": alias}}, {}))
    desk = Desk()
    desk.table = table
    hedging = table.resolve("m").pool.hedging
    assert hedging is not None
    for _ in range(20):
        call = desk.call()
        desk.calls.clear()
        desk.outcomes["a"] = AsyncResult()
        walk = desk.begin(call, asked="a")
        assert desk.calls["a"] is call, "no copy, no greenlet"
        desk.outcomes["a"].set(answer())
        walk.get()
    assert hedging.delay(streams=False) == 0.0
    assert hedging.delay(streams=True) is None
