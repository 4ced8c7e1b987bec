"""Which deployment is asked: by weight, load, latency, priority and health, with dice that the test knows."""

from __future__ import annotations

from collections import Counter
from random import Random

from wsgi_gateway.config import load_config
from wsgi_gateway.config.model import Balance, HealthRules
from wsgi_gateway.routing.budget import RetryBudget
from wsgi_gateway.routing.deployment import Deployment
from wsgi_gateway.routing.pool import Member, Pool

PROVIDER = load_config({"model_providers": [{"model": "mine/*", "base_url": "http://u"}]}, {})


def member(name: str, weight: int = 1, priority: int = 1) -> Member:
    rules = HealthRules(consecutive_failures=1)
    return Member(Deployment(PROVIDER.providers[0], name, rules), weight, priority)


def pool(*members: Member, balance: Balance = "least_in_flight") -> Pool:
    return Pool(members, RetryBudget(0.2), balance)


def eject(one: Member, now: float) -> None:
    one.deployment.begin(now).failed("server_error", now, None)


def drawn(given: Pool, times: int = 1000, now: float = 1.0) -> Counter[str]:
    dice = Random(5)
    return Counter(
        found.deployment.model for _ in range(times) if (found := given.choose(now, dice))
    )


def test_weights() -> None:
    found = drawn(pool(member("a", 6), member("b", 3), member("c", 1), balance="weighted"))
    assert 550 < found["a"] < 650
    assert 250 < found["b"] < 350
    assert 60 < found["c"] < 140


def test_the_less_busy_of_two() -> None:
    a, b, c = member("a"), member("b"), member("c")
    busy = [each.deployment.begin(1.0) for each in (a, a, b)]
    found = drawn(pool(a, b, c))
    assert found["a"] == 0, "it is the busiest of any two"
    assert found["c"] > found["b"] > 200
    for attempt in busy:
        attempt.abandoned()
    assert min(drawn(pool(a, b, c)).values()) > 250, "as long as all are idle it is a draw"


def test_load_is_shared_by_weight() -> None:
    a, b = member("a", 3), member("b", 1)
    given, dice = pool(a, b), Random(1)
    for _ in range(400):
        found = given.choose(1.0, dice)
        assert found is not None
        found.deployment.begin(1.0)
    assert a.deployment.in_flight == 300


def test_the_quicker_of_two() -> None:
    a, b = member("a"), member("b")
    a.deployment.latency.observe(2.0, 1.0)
    b.deployment.latency.observe(0.5, 1.0)
    given = pool(a, b, balance="lowest_latency")
    assert drawn(given) == {"b": 1000}
    for _ in range(4):
        b.deployment.begin(1.0)
    assert drawn(given) == {"a": 1000}, "the quick one has become busy"


def test_priorities() -> None:
    a, b, c = member("a", priority=1), member("b", priority=2), member("c", priority=2)
    given = pool(c, b, a)
    assert drawn(given) == {"a": 1000}
    eject(a, 1.0)
    assert set(drawn(given)) == {"b", "c"}
    eject(b, 1.0)
    eject(c, 1.0)
    assert given.choose(1.0, Random(1)) is None
    assert drawn(given, now=11.0) == {"a": 1000}, "its time is over"


def test_what_was_tried_is_not_chosen_again() -> None:
    a, b = member("a"), member("b")
    assert {pool(a, b).choose(1.0, Random(seed), {a}) for seed in range(9)} == {b}
    assert pool(a, b).choose(1.0, Random(1), {a, b}) is None


def test_where_nobody_is_well_all_can_be_asked() -> None:
    a, b = member("a"), member("b")
    eject(a, 1.0)
    eject(b, 1.0)
    given, dice = pool(a, b), Random(1)
    assert given.choose(1.0, dice) is None
    assert {given.choose(1.0, dice, heedless=True) for _ in range(20)} == {a, b}
