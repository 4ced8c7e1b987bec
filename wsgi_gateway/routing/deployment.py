"""One place that serves one model, and what this worker knows of it: its health, its load, how soon its streams begin.

Counted are the requests of pools that have a choice. Where there is none, nothing is measured.
"""

import logging
from collections.abc import Callable
from math import exp

from wsgi_gateway.config import Provider
from wsgi_gateway.config.model import HealthRules
from wsgi_gateway.routing.failures import OUTAGES, AnyFailure
from wsgi_gateway.routing.health import Health

_log = logging.getLogger(__name__)
_MEMORY = 10.0
"""Seconds after which a measured latency counts for little: a slow deployment gets another chance."""
_LONGEST_REST = 60.0
_ABOUT_THE_KEY = frozenset({"rate_limit", "auth", "quota"})


class Latency:
    """An average of the time to the first event that forgets: the older a sample, the less it counts.

    A slow sample counts at once, and without new ones the average fades, as Finagle's "peak EWMA" has it.
    """

    def __init__(self) -> None:
        self._seconds = 0.0
        self._at = 0.0

    def observe(self, seconds: float, now: float) -> None:
        weight = exp((self._at - now) / _MEMORY)
        smoothed = self._seconds * weight + seconds * (1 - weight)
        self._seconds = max(seconds, smoothed) if seconds > self._seconds else smoothed
        self._at = now

    def observe_at_least(self, seconds: float, now: float) -> None:
        """It would have taken longer than that."""
        if seconds > self.seconds(now):
            self.observe(seconds, now)

    def seconds(self, now: float) -> float:
        return self._seconds * exp((self._at - now) / _MEMORY)


class Deployment:
    """``model`` is the id for the upstream; "*" for whichever the request names."""

    def __init__(self, provider: Provider, model: str, rules: HealthRules) -> None:
        self.provider = provider
        self.model = model
        self._rules = rules
        self.health = Health(rules)
        self.latency = Latency()
        self.in_flight = 0
        self.on_health: Callable[[bool], None] | None = None
        """Called when it is ejected, and with True when it is well again."""

    def is_as(self, provider: Provider, rules: HealthRules) -> bool:
        """Whether another config says the same of it."""
        return self.provider == provider and self._rules == rules

    def begin(self, now: float) -> "Attempt":
        """A request goes there."""
        return Attempt(self, now)


class Attempt:
    """One request at a deployment.

    Exactly one of ``failed``, ``unanswered``, ``abandoned`` and ``ended`` has to be said of it.
    """

    def __init__(self, deployment: Deployment, now: float) -> None:
        self._deployment = deployment
        self._began = now
        self._is_probe = deployment.health.begin()
        deployment.in_flight += 1

    def answered(self, now: float, *, streams: bool) -> None:
        """The first good event came, or a whole plain reply."""
        if streams:
            self._deployment.latency.observe(now - self._began, now)
        self._deployment.health.answered(now, is_probe=self._is_probe)
        if self._is_probe:
            _log.warning("%s is asked again: it answered", self._deployment.provider.name)
            if self._deployment.on_health is not None:
                self._deployment.on_health(True)

    def ended(self, now: float, *, broke: bool) -> None:
        """What was answered came to an end; ``broke``: not to the one it should have."""
        self._deployment.in_flight -= 1
        if broke:
            self._note_failure("broken stream", now)
        else:
            self._deployment.health.succeeded(now)

    def failed(self, failure: AnyFailure, now: float, rest: float | None) -> None:
        """There was no good event. ``rest``: the seconds that the upstream asked to be left alone for."""
        health = self._deployment.health
        if failure not in OUTAGES or self._is_the_clients(failure):
            self.abandoned()
        elif failure == "rate_limit" and rest is not None:
            health.rest(now, min(rest, _LONGEST_REST))
            self.abandoned()
        else:
            self._deployment.in_flight -= 1
            self._note_failure(failure, now, is_probe=self._is_probe)

    def unanswered(self, now: float, *, streams: bool) -> None:
        """Nobody waits for it any more: its client left, or another attempt was faster. That is no failure."""
        if streams:
            self._deployment.latency.observe_at_least(now - self._began, now)
        self.abandoned()

    def abandoned(self) -> None:
        """It ended without a word about the deployment."""
        self._deployment.in_flight -= 1
        self._deployment.health.abandoned(is_probe=self._is_probe)

    def _note_failure(self, failure: str, now: float, *, is_probe: bool = False) -> None:
        deployment = self._deployment
        if deployment.health.failed(now, is_probe=is_probe):
            name, seconds = deployment.provider.name, deployment.health.until - now
            _log.warning("%s is left alone for %.1f s: %s", name, seconds, failure)
            if deployment.on_health is not None:
                deployment.on_health(False)

    def _is_the_clients(self, failure: AnyFailure) -> bool:
        """Where the client's own key goes upstream, what is said of the key is said of the client."""
        return self._deployment.provider.passthrough_auth and failure in _ABOUT_THE_KEY
