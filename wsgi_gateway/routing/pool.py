"""The deployments of one model, which of them is asked next, and the models that stand in for it.

A pool belongs to one worker, and so does all that it goes by.
"""

from collections.abc import Callable, Collection, Sequence
from random import Random

from msgspec import Struct

from wsgi_gateway.config.model import Balance, Failure, Hedge
from wsgi_gateway.routing.budget import RetryBudget
from wsgi_gateway.routing.deployment import Deployment
from wsgi_gateway.routing.hedging import Hedging


class Member(Struct, frozen=True, eq=False):
    """A deployment's place in a pool."""

    deployment: Deployment
    weight: int = 1
    priority: int = 1


class Pool:
    """``fallbacks`` are asked in this order where a failure of this pool's is in ``fallback_on``."""

    def __init__(
        self,
        members: Sequence[Member],
        budget: RetryBudget,
        balance: Balance = "least_in_flight",
        fallbacks: Sequence["Pool"] = (),
        fallback_on: frozenset[Failure] = frozenset(),
        hedge: Hedge | None = None,
    ) -> None:
        self.members = tuple(members)
        self.fallbacks = tuple(fallbacks)
        self.fallback_on = fallback_on
        self.budget = budget
        self.is_lone = len(self.members) == 1 and not self.fallbacks
        self.hedging = Hedging(hedge) if hedge else None
        self._balance = balance

    def choose(
        self,
        now: float,
        dice: Random,
        tried: Collection[Member] = (),
        *,
        heedless: bool = False,
    ) -> Member | None:
        """One of those that are well and not among ``tried``, of the best priority that has any; None if none is.

        ``heedless``: of those that are not well too.
        """
        well = [
            member
            for member in self.members
            if member not in tried and (heedless or member.deployment.health.admits(now))
        ]
        if not well:
            return None
        best = min(member.priority for member in well)
        well = [member for member in well if member.priority == best]
        if len(well) == 1:
            return well[0]
        first = _draw(well, dice)
        if self._balance == "weighted":
            return first
        second = _draw([member for member in well if member is not first], dice)
        cost = _COSTS[self._balance]
        return second if cost(second, now) < cost(first, now) else first


def _draw(members: Sequence[Member], dice: Random) -> Member:
    return dice.choices(members, [member.weight for member in members])[0]


def _load(member: Member) -> float:
    return member.deployment.in_flight / member.weight


def _least_in_flight(member: Member, now: float) -> tuple[float, float]:  # noqa: ARG001 - as its sister
    return 0.0, _load(member)


def _lowest_latency(member: Member, now: float) -> tuple[float, float]:
    """How soon another stream would begin: what others waited, more so the more there are at once."""
    load = _load(member)
    return member.deployment.latency.seconds(now) * (load + 1), load


_COSTS: dict[str, Callable[[Member, float], tuple[float, float]]] = {
    "least_in_flight": _least_in_flight,
    "lowest_latency": _lowest_latency,
}
"""What the less of two is taken of (the power of two choices)."""
