"""Whether a deployment is well: what its requests came to, and how long it is left alone when they fail.

Theory of operation. A deployment is *ejected* after some failures in a row, or when too large a share of its requests
failed. When its time is over it is *half open*: one request is let through as a probe, the others still go elsewhere.
What becomes of the probe closes the matter or ejects it again, for twice as long. Of all deployments of a model being
ejected nothing is known here: the pool then asks one of them all the same.
"""

from wsgi_gateway.config.model import HealthRules


class _Window:
    """Counts over the last seconds, to the half of them."""

    def __init__(self, seconds: float) -> None:
        self._half = seconds / 2
        self._since = 0.0
        self._now = [0, 0]
        self._before = [0, 0]

    def add(self, now: float, *, failed: bool) -> None:
        age = now - self._since
        if age >= self._half:
            self._before = self._now if age < 2 * self._half else [0, 0]
            self._now = [0, 0]
            self._since = now
        self._now[failed] += 1

    def rate(self, at_least: int) -> float:
        """The share of failures; 0 where there were fewer requests than ``at_least``."""
        failed = self._now[1] + self._before[1]
        total = failed + self._now[0] + self._before[0]
        return failed / total if total >= at_least else 0.0


class Health:
    """One deployment's, in one worker. ``now`` is any clock that only goes forward."""

    def __init__(self, rules: HealthRules) -> None:
        self._rules = rules
        self._window = _Window(rules.window)
        self._in_a_row = 0
        self._is_ejected = False
        self._is_probed = False
        self._ejections = 0
        self._well_since = 0.0
        self.until = 0.0
        """When it may be asked again."""

    def admits(self, now: float) -> bool:
        """Whether a request may go there."""
        return now >= self.until and not self._is_probed

    def begin(self) -> bool:
        """A request goes there; whether it is the probe, which has to be said with how it ends."""
        if not self._is_ejected or self._is_probed:
            return False
        self._is_probed = True
        return True

    def answered(self, now: float, *, is_probe: bool) -> None:
        """The first good event came: a probe need not last to its end."""
        if is_probe:
            self._is_ejected = self._is_probed = False
            self._in_a_row = 0
            self._window = _Window(self._rules.window)
            self._well_since = self.until = now

    def succeeded(self, now: float) -> None:
        """A request came to its good end."""
        self._in_a_row = 0
        self._window.add(now, failed=False)

    def failed(self, now: float, *, is_probe: bool = False) -> bool:
        """A request failed by the deployment's fault; whether that ejects it."""
        if is_probe:
            self._is_probed = False
        if self._is_ejected and (not is_probe or now < self.until):
            return False  # It was on its way before, or asked for want of another: nothing new.
        self._in_a_row += 1
        self._window.add(now, failed=True)
        rules = self._rules
        ejects = (
            is_probe
            or self._in_a_row >= rules.consecutive_failures
            or self._window.rate(rules.min_requests) >= rules.error_rate
        )
        if ejects:
            self._eject(now)
        return ejects

    def abandoned(self, *, is_probe: bool) -> None:
        """A request ended without a word about the deployment: its client left, or was at fault."""
        if is_probe:
            self._is_probed = False

    def rest(self, now: float, seconds: float) -> None:
        """The deployment itself asked to be left alone."""
        self.until = max(self.until, now + seconds)

    def _eject(self, now: float) -> None:
        if not self._is_ejected and now - self._well_since > self._pause():
            self._ejections = 0
        self.until = max(self.until, now + self._pause())
        self._ejections += 1
        self._is_ejected = True

    def _pause(self) -> float:
        """How long it is ejected the next time."""
        doubled = min(self._ejections, 32)
        return min(self._rules.ejection_time * 2.0**doubled, self._rules.max_ejection_time)
