"""The walk through a request's attempts, by a clock that the test sets. Not here: real upstreams (integration)."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from wsgi_gateway.client_watch import ClientGone, GatewayStopping
from wsgi_gateway.config import load_config
from wsgi_gateway.config.model import Retries
from wsgi_gateway.exchange.attempts import Attempts
from wsgi_gateway.exchange.call import Answer, Call, Progress, Request
from wsgi_gateway.exchange.keepalive import Keepalive
from wsgi_gateway.exchange.relay import Stream
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.table import PROTOCOLS
from wsgi_gateway.routing import ModelTable, choose_api
from wsgi_gateway.state import StoreDown

GOOD = Answer(200, {}, b"{}")
CONFIG = {
    "model_providers": [
        {"model": "one/*", "name": "a", "base_url": "http://a", "upstream_apis": ["responses"]},
        {"model": "two/m2", "name": "b", "base_url": "http://b", "upstream_apis": ["messages"]},
        {"model": "one/m3", "name": "c", "base_url": "http://c", "timeouts": {"total": 8}},
    ],
    "model_aliases": {
        "hasty": {"deployments": [{"target": "c"}, {"target": "b", "priority": 2}]},
        "both": {"deployments": [{"target": "a/m1"}, {"target": "b", "priority": 2}]},
    },
}


class Clock:
    """Time passes where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Upstreams:
    """Answers each attempt with the next of ``outcomes``, and knows who was asked."""

    def __init__(self, *outcomes: Answer | BaseException) -> None:
        self.outcomes = list(outcomes)
        self.asked: list[tuple[str, str, str]] = []
        self.seconds = 0.0
        self.clock = Clock()
        rules = Retries(max_retries=2, base_delay=1, max_delay=4)
        self.attempts = Attempts(rules, self.clock, self.clock.sleep, Random(1))
        self.models = ModelTable(load_config(CONFIG, {}))

    def call(self, name: str, headers: dict[str, str] | None = None, **body: Any) -> Call:
        route = self.models.resolve(name)
        responses = PROTOCOLS["responses"]
        body = {"model": name, "input": "Hi", **body}
        return Call(
            request=Request(body=json.dumps(body).encode(), headers=headers or {}),
            client=responses,
            upstream=PROTOCOLS[choose_api(route.provider, "responses")],
            provider=route.provider,
            model=route.model,
            fields=body,
            pool=route.pool,
            progress=Progress(started=self.clock.now),
        )

    def answer(self, call: Call) -> Answer:
        return self.attempts.answer(call, self._handle)

    def _handle(self, call: Call) -> Answer:
        assert call.headers == {}, "of a failed attempt nothing is left"
        self.asked.append((call.provider.name, call.model, call.upstream.name))
        call.progress.was_sent = True
        self.clock.now += self.seconds
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, ApiError):
            call.headers = dict(outcome.headers)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def in_flight(self) -> int:
        pool = self.models.resolve("both").pool
        return sum(member.deployment.in_flight for member in pool.members)


def busy(**headers: str) -> ApiError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ApiError("overloaded", "busy", headers=named)


def test_a_lone_deployment_that_answers_is_asked_once() -> None:
    upstreams = Upstreams(GOOD)
    call = upstreams.call("a/m9")
    assert upstreams.answer(call) is GOOD
    assert call.progress.attempts == 1
    assert upstreams.asked == [("a", "m9", "responses")]


def test_a_lone_deployment_is_asked_again_after_growing_delays() -> None:
    upstreams = Upstreams(busy(), busy(), GOOD)
    call = upstreams.call("a/m9")
    assert upstreams.answer(call) is GOOD
    assert call.progress.attempts == 3
    assert upstreams.asked == [("a", "m9", "responses")] * 3
    first, second = upstreams.clock.slept
    assert 0.5 <= first <= 1 <= second <= 2


def test_another_deployment_is_asked_at_once_in_its_own_api() -> None:
    upstreams = Upstreams(busy(), GOOD)
    call = upstreams.call("both")
    assert upstreams.answer(call) is GOOD
    assert upstreams.asked == [("a", "m1", "responses"), ("b", "m2", "messages")]
    assert (call.provider.name, call.model, call.upstream.name) == ("b", "m2", "messages")
    assert upstreams.clock.slept == []


def test_the_last_error_is_raised_with_its_own_headers() -> None:
    last = busy(x_request_id="3")
    upstreams = Upstreams(busy(x_request_id="1"), busy(x_request_id="2"), last)
    call = upstreams.call("both")
    with pytest.raises(ApiError) as caught:
        upstreams.answer(call)
    assert caught.value is last
    assert call.headers == {"x-request-id": "3"}
    assert call.progress.attempts == 3
    assert upstreams.in_flight() == 0


def test_the_wait_that_an_upstream_asks_for_is_waited() -> None:
    upstreams = Upstreams(busy(retry_after="3"), GOOD)
    upstreams.answer(upstreams.call("a/m9"))
    assert 3 <= upstreams.clock.slept[0] <= 4


@pytest.mark.parametrize(
    ("outcome", "headers", "body"),
    [
        (busy(retry_after="5"), {}, {}),
        (busy(x_should_retry="false"), {}, {}),
        (busy(), {"x-stainless-retry-count": "1"}, {}),
        (ApiError("conflict", "same name"), {"idempotency-key": "k"}, {}),
        (ApiError("timeout", "late"), {}, {"background": True}),
        (ApiError("unreachable", "gone"), {}, {"conversation": "conv_1"}),
        (ApiError("invalid_request", "no"), {}, {}),
        (StoreDown(), {}, {}),
        (ClientGone(), {}, {}),
        (RuntimeError("a mistake"), {}, {}),
    ],
)
def test_who_is_not_asked_again(
    outcome: BaseException, headers: dict[str, str], body: dict[str, Any]
) -> None:
    upstreams = Upstreams(outcome)
    with pytest.raises(type(outcome)):
        upstreams.answer(upstreams.call("a/m9", headers, **body))
    assert len(upstreams.asked) == 1


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        ("a/m9", {"x-stainless-read-timeout": "8"}),
        ("a/m9", {"x-stainless-timeout": "8", "x-stainless-read-timeout": "600"}),
        ("c", {}),
        ("c", {"x-stainless-read-timeout": "soon"}),
    ],
)
def test_no_attempt_begins_that_would_be_too_late(name: str, headers: dict[str, str]) -> None:
    upstreams = Upstreams(busy(), busy())
    upstreams.seconds = 3.5
    call = upstreams.call(name, headers)
    with pytest.raises(ApiError):
        upstreams.answer(call)
    assert len(upstreams.asked) == 2
    assert call.progress.deadline == 108


def asked_first(name: str, headers: dict[str, str], seconds: float) -> list[str]:
    """Who is asked first by requests one after the other, where the first one is silent for so long."""
    upstreams = Upstreams()
    upstreams.seconds = seconds
    asked = []
    for _ in range(6):
        upstreams.outcomes = [ApiError("timeout", "late")]
        count = len(upstreams.asked)
        with pytest.raises(ApiError):
            upstreams.answer(upstreams.call(name, headers))
        asked.append(upstreams.asked[count][0])
    return asked


def test_a_client_in_a_hurry_says_nothing_about_a_deployment() -> None:
    assert asked_first("both", {"x-stainless-read-timeout": "2"}, 2) == ["a"] * 6


def test_a_deployment_that_takes_all_the_time_there_is_is_ejected() -> None:
    assert asked_first("hasty", {"x-stainless-read-timeout": "600"}, 8) == ["c"] * 5 + ["b"]


@pytest.mark.parametrize("outcome", [ClientGone(), RuntimeError("a mistake"), StoreDown()])
def test_whatever_ends_an_attempt_it_is_not_in_flight_any_more(outcome: BaseException) -> None:
    upstreams = Upstreams(outcome)
    with pytest.raises(type(outcome)):
        upstreams.answer(upstreams.call("both"))
    assert upstreams.in_flight() == 0


def stream_that(broke: bool) -> Stream:
    reply: Any = SimpleNamespace(
        patience=None, broke=broke, close=lambda: None, client=SimpleNamespace(close=lambda: None)
    )
    return Stream((piece for piece in [b"x"]), lambda: True, reply, Keepalive())


def streamed(upstreams: Upstreams, broke: bool) -> Callable[[], None]:
    stream = stream_that(broke)
    upstreams.outcomes = [Answer(200, {}, stream)]
    upstreams.answer(upstreams.call("both", stream=True))
    return stream.close


def test_a_stream_is_in_flight_until_it_is_closed() -> None:
    upstreams = Upstreams()
    close = streamed(upstreams, broke=False)
    assert upstreams.in_flight() == 1
    close()
    close()
    assert upstreams.in_flight() == 0


def test_streams_that_break_eject_their_deployment() -> None:
    upstreams = Upstreams()
    for _ in range(5):
        streamed(upstreams, broke=True)()
    streamed(upstreams, broke=False)()
    assert [name for name, *_ in upstreams.asked] == ["a"] * 5 + ["b"]


def test_a_gateway_that_stops_asks_nobody_else() -> None:
    upstreams = Upstreams(GatewayStopping())
    with pytest.raises(GatewayStopping):
        upstreams.answer(upstreams.call("both"))
    assert upstreams.asked == [("a", "m1", "responses")]
    assert upstreams.in_flight() == 0
