"""What a worker knows of a deployment, by a clock that the test sets."""

from __future__ import annotations

import pytest

from wsgi_gateway.config import load_config
from wsgi_gateway.config.model import HealthRules
from wsgi_gateway.routing.deployment import Deployment, Latency
from wsgi_gateway.routing.failures import AnyFailure


def deployment(*, passthrough: bool = False) -> Deployment:
    entry = {"model": "mine/m", "base_url": "http://u", "passthrough_auth": passthrough}
    provider = load_config({"model_providers": [entry]}, {}).providers[0]
    return Deployment(provider, "m", HealthRules(consecutive_failures=1))


def test_requests_are_counted_until_they_end() -> None:
    one = deployment()
    attempts = [one.begin(1.0) for _ in range(4)]
    assert one.in_flight == 4
    attempts[0].failed("server_error", 1.0, None)
    attempts[1].abandoned()
    attempts[2].answered(1.0, streams=True)
    attempts[2].ended(1.0, broke=False)
    assert one.in_flight == 1


@pytest.mark.parametrize(
    ("failure", "is_fault"),
    [
        ("unreachable", True),
        ("timeout", True),
        ("server_error", True),
        ("rate_limit", True),
        ("auth", True),
        ("quota", True),
        ("request", False),
        ("context_window", False),
        ("content_policy", False),
        ("model_not_found", False),
        ("conflict", False),
        ("unknown_state", False),
        ("untranslatable", False),
    ],
)
def test_a_clients_faults_are_not_the_deployments(failure: AnyFailure, is_fault: bool) -> None:
    one = deployment()
    one.begin(1.0).failed(failure, 1.0, None)
    assert one.health.admits(1.0) is not is_fault


@pytest.mark.parametrize("failure", ["rate_limit", "auth", "quota"])
def test_what_is_said_of_a_clients_own_key_is_not_either(failure: AnyFailure) -> None:
    one = deployment(passthrough=True)
    one.begin(1.0).failed(failure, 1.0, None)
    assert one.health.admits(1.0)


def test_a_rate_limit_is_kept_to_but_not_for_ever() -> None:
    one = deployment()
    one.begin(100.0).failed("rate_limit", 100.0, 3600.0)
    assert not one.health.admits(159.0)
    assert one.health.admits(160.0)


def test_the_rate_limit_of_a_clients_own_key_is_that_clients() -> None:
    one = deployment(passthrough=True)
    one.begin(100.0).failed("rate_limit", 100.0, 30.0)
    assert one.health.admits(100.0)


def test_a_stream_that_breaks_is_a_failure() -> None:
    one = deployment()
    attempt = one.begin(1.0)
    attempt.answered(1.0, streams=True)
    assert one.health.admits(1.0)
    attempt.ended(2.0, broke=True)
    assert not one.health.admits(2.0)


def test_latency_rises_at_once_and_falls_slowly() -> None:
    latency = Latency()
    latency.observe(1.0, 100.0)
    latency.observe(5.0, 100.1)
    assert latency.seconds(100.1) == 5
    latency.observe(1.0, 101.0)
    assert 4 < latency.seconds(101.0) < 5
    assert latency.seconds(160.0) < 0.05, "without news it fades"


def test_only_streams_have_a_first_event() -> None:
    one = deployment()
    one.begin(1.0).answered(9.0, streams=False)
    assert one.latency.seconds(9.0) == 0
    one.begin(10.0).answered(12.0, streams=True)
    assert one.latency.seconds(12.0) == 2


def test_who_is_left_alone_and_asked_again_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    one = deployment()
    one.begin(1.0).failed("timeout", 1.0, None)
    one.begin(20.0).answered(21.0, streams=True)
    assert caplog.messages == [
        "mine/m is left alone for 10.0 s: timeout",
        "mine/m is asked again: it answered",
    ]


def test_who_was_not_waited_for_would_have_taken_longer_and_did_not_fail() -> None:
    one = deployment()
    one.begin(1.0).unanswered(4.0, streams=True)
    assert one.latency.seconds(4.0) == pytest.approx(3.0, rel=0.01)
    one.begin(4.0).unanswered(4.1, streams=True)
    assert one.latency.seconds(4.1) > 2.9, "a client that left soon says nothing"
    one.begin(4.0).unanswered(9.0, streams=False)
    assert one.in_flight == 0
    assert one.health.admits(9.0)


def test_who_watches_its_health_hears_of_every_change() -> None:
    one, told = deployment(), list[bool]()
    one.on_health = told.append
    one.begin(1.0).failed("server_error", 1.0, None)
    one.begin(1.0).failed("server_error", 1.0, None)
    assert told == [False]
    probe = one.begin(one.health.until)
    probe.answered(one.health.until, streams=False)
    assert told == [False, True]
