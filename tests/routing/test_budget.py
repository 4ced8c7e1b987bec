"""How many retries are allowed, by a clock that the test sets."""

from __future__ import annotations

from wsgi_gateway.routing.budget import RetryBudget


def granted(budget: RetryBudget, wanted: int, now: float) -> int:
    return sum(budget.spend(now) for _ in range(wanted))


def test_a_few_are_always_allowed() -> None:
    budget = RetryBudget(0.0)
    assert granted(budget, 100, 50.0) == 10
    assert granted(budget, 100, 59.0) == 0
    assert granted(budget, 100, 60.0) == 10


def test_an_outage_under_load_costs_its_share_and_no_more() -> None:
    """Each of 1,000 requests a second fails, and would be sent twice more."""
    budget = RetryBudget(0.2)
    retries = 0
    for now in range(100, 130):
        for _ in range(1000):
            budget.requests += 1
            retries += granted(budget, 2, float(now))
    assert 30_000 * 0.19 < retries <= 30_000 * 0.2 + 3 * 10 + 1
