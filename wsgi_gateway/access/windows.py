"""Sliding windows: how much is used, what is left, and when there is room again.

A window is two counters: of the stretch of time under way, and of the one before it, of which as much still counts as
lies within the last ``seconds``. So a limit holds across the borders of minutes, and never needs more than two numbers.
Where the counters live is for memory_counters.py and redis_counters.py.
"""

from typing import Literal, NamedTuple

from msgspec import Struct

from wsgi_gateway.config import Rate

Unit = Literal["requests", "tokens", "budget"]


class Gauge(Struct, frozen=True):
    """One limit of one client. ``name`` is unique: gauges of the same name share their counters."""

    unit: Unit
    name: str
    rate: Rate


class Reading(NamedTuple):
    """A window's counters, and the seconds for which each of them will still count."""

    previous: float = 0
    previous_left: float = 0.0
    current: float = 0
    current_left: float = 0.0

    def used(self, rate: Rate) -> float:
        return self.previous * self.previous_left / rate.seconds + self.current

    def wait(self, rate: Rate, amount: int = 1) -> float:
        """Seconds until there is room for ``amount``, if nothing else is used meanwhile."""
        target = rate.amount - amount
        if self.used(rate) <= target:
            return 0.0
        if self.current <= target:
            return self.previous_left - (target - self.current) * rate.seconds / self.previous
        # The counter under way must become the one before, and shrink.
        until_then = self.current_left - rate.seconds
        return until_then + rate.seconds * (1 - target / self.current)

    @property
    def until_unused(self) -> float:
        """Seconds until all of it may be used, if nothing is used meanwhile."""
        if self.current:
            return self.current_left
        return self.previous_left if self.previous else 0.0


Level = tuple[float, float]
"""How much of a window is used, and the seconds until all of it may be used again, if nothing is used meanwhile."""


class Full(NamedTuple):
    """A gauge without room, and the seconds until there is some."""

    gauge: Gauge
    wait: float


class Counters:
    """Where it is counted how much was used."""

    def admit(self, gauges: tuple[Gauge, ...]) -> tuple[list[Level], Full | None]:
        """Count one request, if every gauge has room. Each gauge's level afterwards, and the first without room.

        Raises CountersDown.
        """
        raise NotImplementedError

    def add(self, amounts: dict[Gauge, int]) -> None:
        """Count what was used, beyond the limit too. Raises CountersDown."""
        raise NotImplementedError


class CountersDown(Exception):
    """Nothing can be counted at the moment."""
