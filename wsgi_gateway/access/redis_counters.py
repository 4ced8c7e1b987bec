"""Counters in Redis, which all workers of all gateways share: the windows of ``limits``, one round trip a request,
and one more for a request that is refused by some of several limits.

A Redis that is down or slow costs a request half a second at most (for its turn at a connection, and for the answer),
and once that is known one request a second: the others are told at once.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any

from limits.storage import RedisStorage
from redis import BlockingConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError
from redis.retry import Retry

from wsgi_gateway.access.windows import Counters, CountersDown, Full, Gauge, Level, Reading
from wsgi_gateway.config import Secret

_log = logging.getLogger(__name__)
_PREFIX = "wsgi_gateway:limits"
_TIMEOUT = 0.25
"""Seconds, for a connection and for an answer."""
_PAUSE = 1.0
"""Seconds after a failure until one request asks again."""
_MOST_CONNECTIONS = 50
_BEYOND_LIMITS = 2**53
"""As a limit: what was used is counted whatever it is."""


class RedisCounters(Counters):
    """``url`` is one that the config has checked."""

    def __init__(self, url: Secret) -> None:
        pool = BlockingConnectionPool.from_url(
            url.reveal(),
            max_connections=_MOST_CONNECTIONS,
            timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            socket_timeout=_TIMEOUT,
            # What is sent twice may be counted twice.
            retry=Retry(NoBackoff(), 0),
        )
        # The scheme alone: an address in an exception's text would be no secret any more.
        storage = RedisStorage("redis://", connection_pool=pool, key_prefix=_PREFIX)
        self._redis: Redis = storage.get_connection()  # type: ignore[assignment]
        self._acquire = storage.lua_acquire_sliding_window
        self._look = storage.lua_sliding_window
        self._ask_again = 0.0

    def admit(self, gauges: tuple[Gauge, ...]) -> tuple[list[Level], Full | None]:
        counted = [gauge for gauge in gauges if gauge.unit == "requests"]

        def ask(pipeline: Any) -> None:
            for gauge in counted:
                self._count(pipeline, gauge, gauge.rate.amount, 1)
            for gauge in gauges:
                pipeline.evalsha(self._look.sha, 2, *_keys(gauge), gauge.rate.seconds)

        told = self._run(ask)
        acquired = dict(zip(counted, told, strict=False))
        readings = [_reading(window) for window in told[len(counted) :]]
        levels: list[Level] = []
        full = None
        for gauge, reading in zip(gauges, readings, strict=True):
            used = reading.used(gauge.rate)
            levels.append((used, reading.until_unused))
            has_room = acquired[gauge] if gauge in acquired else used <= gauge.rate.amount - 1
            if not has_room and full is None:
                full = Full(gauge, reading.wait(gauge.rate))
        if full is not None:
            self._give_back([gauge for gauge in counted if acquired[gauge]])
        return levels, full

    def add(self, amounts: dict[Gauge, int]) -> None:
        self._run(lambda pipeline: self._add(pipeline, amounts))

    def _give_back(self, gauges: list[Gauge]) -> None:
        """Who is refused by one limit has used nothing of the others."""
        if gauges:
            with suppress(CountersDown):
                self._run(lambda pipeline: self._add(pipeline, dict.fromkeys(gauges, -1)))

    def _add(self, pipeline: Any, amounts: dict[Gauge, int]) -> None:
        for gauge, amount in amounts.items():
            self._count(pipeline, gauge, _BEYOND_LIMITS, amount)

    def _count(self, pipeline: Any, gauge: Gauge, limit: int, amount: int) -> None:
        pipeline.evalsha(self._acquire.sha, 2, *_keys(gauge), limit, gauge.rate.seconds, amount)

    def _run(self, ask: Callable[[Any], None]) -> list[Any]:
        """The answers to what ``ask`` puts into a pipeline. Raises CountersDown."""
        was_down = self._ask_again > 0
        if was_down and monotonic() < self._ask_again:
            raise CountersDown
        if was_down:
            # Only this request tries; the others need not wait for what it learns.
            self._ask_again = monotonic() + _PAUSE
        try:
            told = self._execute(ask)
        except (RedisError, OSError) as error:
            if not self._ask_again:
                _log.warning("limits in Redis are unavailable: %s", type(error).__name__)
            self._ask_again = monotonic() + _PAUSE
            raise CountersDown from None
        if was_down:
            self._ask_again = 0.0
            _log.warning("limits in Redis are back")
        return told

    def _execute(self, ask: Callable[[Any], None]) -> list[Any]:
        pipeline = self._redis.pipeline(transaction=False)
        ask(pipeline)
        try:
            return pipeline.execute()
        except NoScriptError:
            # A server that was started anew, or is asked for the first time.
            for script in (self._acquire, self._look):
                self._redis.script_load(script.script)
            pipeline = self._redis.pipeline(transaction=False)
            ask(pipeline)
            return pipeline.execute()


def _keys(gauge: Gauge) -> tuple[str, str]:
    """Of the counter before, and of the one under way."""
    current = f"{_PREFIX}:{{{gauge.name}}}"
    return f"{current}/-1", current


def _reading(window: list[Any]) -> Reading:
    """Redis tells times in milliseconds, negative ones where there is no counter."""
    previous, previous_left, current, current_left = window
    return Reading(
        int(previous or 0),
        max(0, int(previous_left)) / 1000,
        int(current or 0),
        max(0, int(current_left)) / 1000,
    )
