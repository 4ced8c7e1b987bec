"""The attempts of one request, step by step, by a clock and dice that the test sets."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from routing.test_pool import eject, member

from wsgi_gateway.config.model import FALLBACK_ON, Failure, Hedge, Retries
from wsgi_gateway.routing.budget import RetryBudget
from wsgi_gateway.routing.failures import AnyFailure
from wsgi_gateway.routing.plan import Plan, Setback
from wsgi_gateway.routing.pool import Member, Pool

RULES = Retries(max_retries=2, base_delay=1, max_delay=4)


def pool(
    *members: Member,
    fallbacks: Sequence[Pool] = (),
    on: Sequence[Failure] = FALLBACK_ON,
    budget: float = 1.0,
    hedge: Hedge | None = None,
) -> Pool:
    return Pool(
        members, RetryBudget(budget), fallbacks=fallbacks, fallback_on=frozenset(on), hedge=hedge
    )


def walked(plan: Plan, failure: AnyFailure, **more: Any) -> list[str]:
    """The deployments that are asked, those after a delay with a star, where each fails so."""
    asked = [plan.first(1.0).deployment.model]
    while step := plan.after(Setback(failure=failure, **more), 1.0):
        asked.append(step.member.deployment.model + ("*" if step.delay else ""))
    return asked


def plan_of(given: Pool, **more: Any) -> Plan:
    return Plan(given, RULES, Random(3), **more)


def a_then_b(**more: Any) -> Pool:
    return pool(member("a", priority=1), member("b", priority=2), **more)


@pytest.mark.parametrize("failure", ["unreachable", "timeout", "rate_limit", "server_error"])
def test_what_passes_is_tried_elsewhere_at_once_then_again_later(failure: AnyFailure) -> None:
    assert walked(plan_of(a_then_b()), failure) == ["a", "b", "a*"]
    assert walked(plan_of(pool(member("a"))), failure) == ["a", "a*", "a*"]


@pytest.mark.parametrize(
    "failure", ["auth", "quota", "model_not_found", "unknown_state", "untranslatable"]
)
def test_what_does_not_pass_is_tried_elsewhere_only(failure: AnyFailure) -> None:
    assert walked(plan_of(a_then_b()), failure) == ["a", "b"]
    assert walked(plan_of(pool(member("a"))), failure) == ["a"]


@pytest.mark.parametrize("failure", ["request", "content_policy", "context_window"])
def test_a_requests_faults_are_told(failure: AnyFailure) -> None:
    assert walked(plan_of(a_then_b()), failure) == ["a"]


def test_a_conflict_is_tried_where_it_was() -> None:
    assert walked(plan_of(a_then_b()), "conflict") == ["a", "a*", "a*"]


def test_fallbacks_come_when_the_model_has_had_its_retries() -> None:
    def given() -> Pool:
        return a_then_b(fallbacks=[pool(member("c")), pool(member("d"))])

    steps = ["a", "b", "a*", "c", "c*", "c*", "d", "d*", "d*"]
    assert walked(plan_of(given()), "server_error") == steps
    assert walked(plan_of(given()), "quota") == ["a", "b", "c", "d"]


@pytest.mark.parametrize("failure", ["context_window", "content_policy", "model_not_found"])
def test_fallbacks_for_what_the_config_says(failure: Failure) -> None:
    other = pool(member("c"))
    assert walked(plan_of(pool(member("a"), fallbacks=[other], on=[failure])), failure) == [
        "a",
        "c",
    ]
    assert walked(plan_of(pool(member("a"), fallbacks=[other])), failure) == ["a"]


def test_an_ejected_model_is_passed_over() -> None:
    a, c = member("a"), member("c")
    given = pool(a, fallbacks=[pool(c)])
    eject(a, 1.0)
    assert plan_of(given).first(1.0) is c
    only_for_policy = pool(a, fallbacks=[pool(c)], on=["content_policy"])
    assert plan_of(only_for_policy).first(1.0) is a
    eject(c, 1.0)
    assert plan_of(given).first(1.0) is a, "somebody has to be asked"


def test_where_all_are_ejected_each_is_asked() -> None:
    a, b, c = member("a"), member("b"), member("c")
    given = pool(a, b, fallbacks=[pool(c)])
    for each in (a, b, c):
        eject(each, 1.0)
    assert set(walked(plan_of(given), "quota")) == {"a", "b", "c"}


def test_what_cannot_help_is_not_asked_again() -> None:
    plan = plan_of(a_then_b())
    plan.first(1.0)
    step = plan.after(Setback(failure="auth"), 1.0)
    assert step is not None
    assert step.member.deployment.model == "b"
    step = plan.after(Setback(failure="server_error"), 1.0)
    assert step is not None
    assert step.member.deployment.model == "b"


def test_ejected_fallbacks_are_passed_over() -> None:
    c, d = member("c"), member("d")
    given = pool(member("a"), fallbacks=[pool(c), pool(d)])
    eject(c, 1.0)
    assert walked(plan_of(given), "quota") == ["a", "d"]


def test_the_wait_that_an_upstream_asks_for_is_waited_if_it_is_short() -> None:
    plan = plan_of(pool(member("a")))
    plan.first(1.0)
    step = plan.after(Setback(failure="rate_limit", wait=3.0), 1.0)
    assert step is not None
    assert step.delay >= 3
    assert plan.after(Setback(failure="rate_limit", wait=60.0), 1.0) is None


def test_an_upstream_that_wants_no_retry_gets_none() -> None:
    assert walked(plan_of(pool(member("a"))), "server_error", is_final=True) == ["a"]
    assert walked(plan_of(a_then_b()), "server_error", is_final=True) == ["a", "b"]


def test_a_client_that_retries_itself_gets_each_deployment_once() -> None:
    assert walked(plan_of(a_then_b(), is_repeated=True), "server_error") == ["a", "b"]


def test_what_may_have_been_done_is_not_done_twice() -> None:
    assert walked(plan_of(a_then_b(), may_repeat=False), "timeout") == ["a"]
    assert walked(plan_of(a_then_b(), may_repeat=False), "rate_limit") == ["a", "b", "a*"]


def test_without_retries_there_are_fallbacks_still() -> None:
    given = a_then_b(fallbacks=[pool(member("c"))])
    plan = Plan(given, Retries(max_retries=0), Random(1))
    assert walked(plan, "server_error") == ["a", "c"]


def test_the_budget_ends_it() -> None:
    given = pool(member("a"), budget=0.0)
    asked = [len(walked(plan_of(given), "server_error")) for _ in range(8)]
    assert asked == [3, 3, 3, 3, 3, 1, 1, 1], "ten retries are always allowed"


def test_who_is_well_is_asked_without_a_budget() -> None:
    a, b, c = member("a", priority=1), member("b", priority=2), member("c")
    given = pool(a, b, fallbacks=[pool(c)], budget=0.0)
    asked = [walked(plan_of(given), "server_error") for _ in range(9)]
    assert asked[-1] == ["a", "b", "c"]
    for each in (a, b, c):
        eject(each, 1.0)
    assert [walked(plan_of(given), "server_error")] * 9 == [["a"]] * 9


# --- hedging


def beside(plan: Plan) -> list[str]:
    """Who else is asked while the first one works."""
    plan.first(1.0)
    asked = []
    while member := plan.beside(1.0):
        asked.append(member.deployment.model)
    return asked


def three(most: int, **more: Any) -> Pool:
    members = (member("a", priority=1), member("b", priority=2), member("c", priority=3))
    return pool(*members, hedge=Hedge(after=1.0, max=most), **more)


def test_as_many_are_asked_beside_as_the_config_allows() -> None:
    assert beside(plan_of(a_then_b())) == []
    assert beside(plan_of(three(1))) == ["b"]
    assert beside(plan_of(three(2))) == ["b", "c"]
    assert beside(plan_of(three(9))) == ["b", "c"], "none is asked twice"


def test_the_bound_is_the_request_s_whoever_fails() -> None:
    plan = plan_of(three(1))
    assert beside(plan) == ["b"]
    step = plan.after(Setback(failure="server_error"), 1.0)
    assert step is not None
    assert step.member.deployment.model == "c"
    assert plan.beside(1.0) is None


def test_nobody_who_is_not_well_is_asked_beside() -> None:
    given = three(9)
    eject(given.members[1], 1.0)
    assert beside(plan_of(given)) == ["c"]
    eject(given.members[0], 1.0)
    eject(given.members[2], 1.0)
    assert beside(plan_of(given)) == [], "all are ill"


def test_what_may_have_been_done_is_not_done_beside() -> None:
    plan = plan_of(three(9), may_repeat=False)
    assert plan.hedging is None
    assert beside(plan) == []


def test_the_budget_bounds_what_is_asked_beside() -> None:
    given = three(1, budget=0.1)
    asked = []
    for _ in range(100):
        given.budget.requests += 1
        asked.append(len(beside(plan_of(given))))
    assert sum(asked) == 20, "ten, and a tenth of a hundred"


def test_of_several_that_fail_the_last_one_counts() -> None:
    plan = plan_of(three(2))
    beside(plan)
    a, b, c = plan._pool.members
    assert plan.failed(c, Setback(failure="auth")), "the others may do better"
    assert plan.failed(b, Setback(failure="server_error"))
    assert plan.failed(a, Setback(failure="conflict"))
    assert not plan.failed(a, Setback(failure="request"))
    step = plan.after(Setback(failure="conflict"), 1.0)
    assert step is not None
    assert step.member is a


def test_a_fallback_is_hedged_as_it_says() -> None:
    given = three(2, fallbacks=[pool(member("d"), member("e"), hedge=Hedge(after=1.0, max=9))])
    plan = plan_of(given)
    assert beside(plan) == ["b", "c"]
    step = plan.after(Setback(failure="quota"), 1.0)
    assert step is not None
    assert plan.hedging is given.fallbacks[0].hedging
    assert plan.beside(1.0) is not None, "of nine two are used up"
