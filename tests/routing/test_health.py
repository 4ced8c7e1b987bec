"""When a deployment is left alone, by a clock that the test sets."""

from __future__ import annotations

from wsgi_gateway.config.model import HealthRules
from wsgi_gateway.routing.health import Health

RULES = HealthRules(consecutive_failures=3, min_requests=10, window=30)


def fail(health: Health, times: int, now: float = 100.0) -> None:
    for _ in range(times):
        health.failed(now, is_probe=health.begin())


def test_failures_in_a_row_eject() -> None:
    health = Health(RULES)
    fail(health, 2)
    health.succeeded(100)
    fail(health, 2)
    assert health.admits(100)
    fail(health, 1)
    assert not health.admits(100)
    assert not health.admits(109.9)
    assert health.admits(110)


def test_half_open_is_one_request() -> None:
    health = Health(RULES)
    fail(health, 3)
    assert health.begin()
    assert not health.admits(110), "the others still go elsewhere"
    health.answered(111, is_probe=True)
    assert health.admits(111)
    fail(health, 2, 112)
    assert health.admits(112), "all that was is forgiven"


def test_a_probe_that_fails_ejects_for_twice_as_long() -> None:
    health = Health(RULES)
    fail(health, 3)
    now = 100.0
    for pause in (10, 20, 40, 80, 160, 300, 300):
        assert not health.admits(now + pause - 0.1)
        now += pause
        assert health.admits(now)
        fail(health, 1, now)


def test_it_grows_on_where_health_did_not_last_and_begins_anew_where_it_did() -> None:
    health = Health(RULES)
    fail(health, 3)
    health.answered(110, is_probe=health.begin())
    fail(health, 3, 115)
    assert not health.admits(134)
    health.answered(135, is_probe=health.begin())
    fail(health, 3, 135 + 41)
    assert health.admits(135 + 41 + 10)


def test_a_probe_whose_client_left_says_nothing() -> None:
    health = Health(RULES)
    fail(health, 3)
    health.abandoned(is_probe=health.begin())
    assert health.admits(110)
    assert health.begin()


def test_requests_that_were_on_their_way_prolong_nothing() -> None:
    health = Health(RULES)
    fail(health, 3)
    health.failed(109)
    health.failed(111)
    assert health.admits(111)


def test_one_that_is_asked_for_want_of_another_is_readmitted_early_and_not_punished_more() -> None:
    health = Health(RULES)
    fail(health, 3)
    fail(health, 5, 105)
    assert health.admits(110)
    fail(health, 1, 110)
    health.answered(112, is_probe=health.begin())
    assert health.admits(112)


def test_the_rate_of_errors_ejects() -> None:
    health = Health(RULES)
    for at in range(9):
        health.failed(100) if at % 2 == 0 else health.succeeded(100)
    assert health.admits(100), "too few to tell"
    health.failed(100)
    assert not health.admits(100)


def test_old_failures_do_not_count() -> None:
    health = Health(RULES)
    for _ in range(4):
        health.failed(100)
        health.succeeded(100)
    for _ in range(6):
        health.succeeded(140)
    health.failed(140)
    health.failed(140)
    assert health.admits(140)


def test_rest_is_no_ejection() -> None:
    health = Health(RULES)
    health.rest(100, 7)
    assert not health.admits(106)
    assert health.admits(107)
    assert not health.begin()
