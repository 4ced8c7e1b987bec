"""Who gets the record of each request, as the config has it. Nobody: then there are no records."""

from collections.abc import Callable, Sequence
from typing import Self

from msgspec import Struct

from wsgi_gateway.config import Config
from wsgi_gateway.config.model import CostRules
from wsgi_gateway.telemetry.counting import Counting
from wsgi_gateway.telemetry.families import SERIES
from wsgi_gateway.telemetry.record import Observer
from wsgi_gateway.telemetry.trace_context import Trace


def open_observers(config: Config) -> tuple[Observer, ...]:
    """One's turn comes after the other's, in this order. Raises OSError if a file cannot be opened.

    What few have configured is imported only then.
    """
    observers: list[Observer] = []
    if config.metrics.enabled:
        known = {each.model for each in config.providers if not each.wildcard}
        observers.append(Counting(SERIES, frozenset(known)))
    if config.access_log is not None:
        from wsgi_gateway.telemetry.access_log import AccessLog

        observers.append(AccessLog(config, config.access_log.path, config.access_log.max_body))
    if config.tracing is not None:
        from wsgi_gateway.telemetry.tracing import open_tracer

        if tracer := open_tracer(config):
            observers.append(tracer)
    return tuple(observers)


class Observers(Struct, frozen=True):
    """Observers, and what they want from a request's beginning on."""

    all: tuple[Observer, ...]
    cost: CostRules
    begin_trace: Callable[[str | None, str | None], Trace] | None
    body_limit: int

    @classmethod
    def of(cls, observers: Sequence[Observer], cost: CostRules) -> Self | None:
        """None where nobody wants to know anything."""
        if not observers and not cost.is_reckoned:
            return None
        tracers = [getattr(each, "begin_trace", None) for each in observers]
        limits = [getattr(each, "body_limit", 0) for each in observers]
        return cls(
            tuple(observers), cost, next(filter(None, tracers), None), max(limits, default=0)
        )
