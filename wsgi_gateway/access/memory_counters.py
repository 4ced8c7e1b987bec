"""Counters of one worker, in its memory.

``limits``, which counts in Redis, has counters in memory too: measured at 5 to 10 microseconds for each look, and with
a thread that goes through all of them a hundred times a second. These take less than one. They go by a clock that
nobody sets: by one that was set back, what was used before would count many times over.
"""

from time import monotonic

from wsgi_gateway.access.windows import Counters, Full, Gauge, Level, Reading

_MOST_WINDOWS = 100_000


class _Window:
    __slots__ = ("current", "end", "previous", "seconds")

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        self.end = 0.0
        """Of the stretch of the clock that ``current`` counts."""
        self.previous = 0
        self.current = 0

    def left(self, now: float) -> float:
        """Seconds until the end of the stretch in which ``now`` is, whose counters are made current."""
        left = self.end - now
        if left <= 0:
            self.previous = self.current if left > -self.seconds else 0
            self.current = 0
            self.end = (now // self.seconds + 1) * self.seconds
            left = self.end - now
        return left

    def read(self, now: float) -> Reading:
        left = self.left(now)
        return Reading(self.previous, left, self.current, left + self.seconds)


class MemoryCounters(Counters):
    """Bounded: of very many windows those that were made first go, unused ones before others."""

    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {}

    def admit(self, gauges: tuple[Gauge, ...]) -> tuple[list[Level], Full | None]:
        now = monotonic()
        levels: list[Level] = []
        full = None
        counted = []
        windows = self._windows
        for gauge in gauges:
            window = windows.get(gauge.name) or self._new(gauge)
            left = window.left(now)
            seconds, current = window.seconds, window.current
            # Reading.used, without making one for each request.
            used = window.previous * left / seconds + current
            if used > gauge.rate.amount - 1:
                full = full or Full(gauge, window.read(now).wait(gauge.rate))
            elif gauge.unit == "requests":
                counted.append(window)
                used += 1
                current += 1
            levels.append((used, left + seconds if current else left if used else 0.0))
        if full is None:
            for window in counted:
                window.current += 1
        return levels, full

    def add(self, amounts: dict[Gauge, int]) -> None:
        now = monotonic()
        for gauge, amount in amounts.items():
            window = self._windows.get(gauge.name) or self._new(gauge)
            window.left(now)
            window.current += amount

    def _new(self, gauge: Gauge) -> _Window:
        if len(self._windows) >= _MOST_WINDOWS:
            self._make_room()
        window = self._windows[gauge.name] = _Window(gauge.rate.seconds)
        return window

    def _make_room(self) -> None:
        now = monotonic()
        for name, window in list(self._windows.items()):
            if not window.read(now).until_unused:
                del self._windows[name]
        for name in list(self._windows)[: len(self._windows) - _MOST_WINDOWS + 1]:
            del self._windows[name]
