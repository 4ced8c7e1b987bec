"""The attempts of one request: who is asked first, and who after a failure, how soon, if anybody.

Pure but for the pools' counters: the clock and the dice are given. Walking the plan is attempts.py's job.
"""

from collections.abc import Collection
from random import Random

from msgspec import Struct

from wsgi_gateway.config.model import Retries
from wsgi_gateway.routing.backoff import backoff
from wsgi_gateway.routing.failures import AGAIN, ELSEWHERE, OUTAGES, REFUSED, AnyFailure
from wsgi_gateway.routing.hedging import Hedging
from wsgi_gateway.routing.pool import Member, Pool


class Setback(Struct, frozen=True, kw_only=True):
    """How an attempt failed, and what the upstream said of another one."""

    failure: AnyFailure
    wait: float | None = None
    """Seconds that it asked for."""
    is_final: bool = False
    """It asked not to be asked again."""


class Step(Struct, frozen=True):
    """The next attempt, after a delay in seconds."""

    member: Member
    delay: float = 0.0


class Plan:
    """``may_repeat``: whether a request that may have been worked on can be sent again without doing harm.

    ``is_repeated``: whether the client itself is at its second try or a later one. Its own retries and ours would
    multiply, so it gets one attempt at each deployment.
    """

    def __init__(
        self,
        pool: Pool,
        rules: Retries,
        dice: Random,
        *,
        may_repeat: bool = True,
        is_repeated: bool = False,
    ) -> None:
        self._rules = rules
        self._dice = dice
        self._may_repeat = may_repeat
        self._is_repeated = is_repeated
        self._pool = pool
        self._is_heedless = False
        self._hopeless: set[Member] = set()
        self._tried: set[Member] = set()
        self._hedges = 0
        self._stages = [pool, *pool.fallbacks]
        self._enter(pool, pool.members[0])

    def first(self, now: float) -> Member:
        """Whom to ask first. Where nobody is well, all are asked as if they were: never are all of them left alone."""
        stands_in = not self._pool.fallback_on.isdisjoint(OUTAGES)
        for at, stage in enumerate(self._stages if stands_in else [self._pool]):
            if member := self._choose(stage, now):
                self._stages = self._stages[at:]
                return self._enter(stage, member)
        self._is_heedless = True
        return self._enter(self._pool, self._choose(self._pool, now) or self._last)

    @property
    def hedging(self) -> Hedging | None:
        """When the model that is asked now is asked elsewhere too; None for never."""
        return self._stage.hedging if self._may_repeat else None

    def beside(self, now: float) -> Member | None:
        """Whom to ask while others still work on the request; None if that would be too many, or nobody is well.

        It is one attempt more, so it costs of the budget: a slow model does not get twice the load by that.
        """
        hedging = self.hedging
        if hedging is None or self._hedges >= hedging.most or self._is_heedless:
            return None
        member = self._choose(self._stage, now, self._tried)
        if member is None or not self._pool.budget.spend(now):
            return None
        self._hedges += 1
        self._tried.add(member)
        self._last = member
        return member

    def failed(self, member: Member, setback: Setback) -> bool:
        """One of several attempts at once failed; whether the others may still do better."""
        self._last = member
        if setback.failure not in AGAIN:
            self._hopeless.add(member)
        return setback.failure in ELSEWHERE or setback.failure in AGAIN

    def after(self, setback: Setback, now: float) -> Step | None:
        """What to do after the attempt that came last failed; None if its failure is the answer."""
        if not self._may_repeat and setback.failure not in REFUSED:
            return None
        if setback.failure not in AGAIN:
            self._hopeless.add(self._last)
        return (
            self._elsewhere(setback, now)
            or self._again(setback, now)
            or self._fall_back(setback, now)
        )

    def _elsewhere(self, setback: Setback, now: float) -> Step | None:
        """Another deployment of the same model, at once."""
        if setback.failure not in ELSEWHERE or self._retries >= self._rules.max_retries:
            return None
        member = self._choose(self._stage, now, self._tried)
        return self._retry(member) if member and self._is_affordable(now) else None

    def _again(self, setback: Setback, now: float) -> Step | None:
        """One that was asked already, after a while."""
        if setback.failure not in AGAIN or setback.is_final or self._is_repeated:
            return None
        if self._retries >= self._rules.max_retries:
            return None
        delay = backoff(self._retries + 1, setback.wait, self._rules, self._dice)
        if delay is None or not self._pool.budget.spend(now):
            return None
        same = setback.failure == "conflict" or setback.wait is not None
        member = None if same else self._choose(self._stage, now, self._hopeless)
        return self._retry(member or self._last, delay)

    def _fall_back(self, setback: Setback, now: float) -> Step | None:
        """Another model, at once."""
        if setback.failure not in self._pool.fallback_on:
            return None
        while len(self._stages) > 1:
            self._stages = self._stages[1:]
            member = self._choose(self._stages[0], now, self._tried)
            if member and self._is_affordable(now):
                return Step(self._enter(self._stages[0], member))
        return None

    def _is_affordable(self, now: float) -> bool:
        """Whoever is well is not in the outage, and bears its own share only; the ill are asked within the budget."""
        return not self._is_heedless or self._pool.budget.spend(now)

    def _choose(self, stage: Pool, now: float, tried: Collection[Member] = ()) -> Member | None:
        return stage.choose(now, self._dice, tried, heedless=self._is_heedless)

    def _enter(self, stage: Pool, member: Member) -> Member:
        self._stage = stage
        self._last = member
        self._tried = {member}
        self._retries = 0
        return member

    def _retry(self, member: Member, delay: float = 0.0) -> Step:
        self._retries += 1
        self._tried.add(member)
        self._last = member
        return Step(member, delay)
