"""gunicorn's master, but for two signals: SIGTERM turns readiness red first, SIGHUP applies a config that was checked.

gunicorn's own SIGHUP starts new workers, which fail to start if the config's file is broken, and takes itself down
with them. It also waits for the old workers' last stream, deaf to any other signal. Here the workers stay, and so do
their connections, streams and memory: each puts the new config in the place of the old one, between two requests.
"""

import os
import signal
import sys
from pathlib import Path
from time import monotonic
from typing import Any

from gunicorn.arbiter import Arbiter

from wsgi_gateway.config import Config
from wsgi_gateway.readiness import READINESS
from wsgi_gateway.serving.listener import refuse_openings
from wsgi_gateway.serving.live_config import LIVE_CONFIG, BadConfig, FileWatch
from wsgi_gateway.serving.switches import shutdown_delay, watches_config

OWN_APPLICATION = "wsgi_gateway.wsgi:app"


class Master(Arbiter):
    """Is made by ``take_over``, never by a call: gunicorn has made its own by then."""

    _is_ours = False
    """Whether it serves the gateway's own application, whose config is known here."""
    _ends_at: float | None = None
    _watch: FileWatch | None = None

    def handle_term(self) -> None:
        """End: at once where nobody has to notice before, or when it is said twice."""
        if self.reexec_pid:
            # Another gateway has the same listeners, and is as ready as ever.
            super().handle_term()
        READINESS.end()
        delay = shutdown_delay(os.environ)
        if self._ends_at is None and delay:
            self._ends_at = monotonic() + delay
            self._log.info("Not ready any more, and accepting for another %g s", delay)
            return
        if not self.systemd and not any(isinstance(each, int) for each in self.cfg.address):
            # Sockets that were opened by another program outlive this one.
            for listener in self.LISTENERS:
                refuse_openings(listener.sock)
        super().handle_term()

    def handle_hup(self) -> None:
        """Apply the config as it is now, if it can be served."""
        if not self._is_ours:
            super().handle_hup()
            return
        before = LIVE_CONFIG.config
        try:
            config = LIVE_CONFIG.check_in(self.cfg.address)
        except BadConfig as bad:
            for problem in bad.problems:
                self._log.error("%s", problem)
            self._log.error("The config is not applied: the one of before stays")
            return
        for warning in (*config.warnings, *_not_applied(before, config)):
            self._log.warning("%s", warning)
        self._log.info("The config is applied: %d model providers", len(config.providers))

    def wait_for_signals(self, timeout: float | None = 1.0) -> list[int]:
        """Called at least once a second."""
        if self._ends_at is not None and timeout is not None:
            timeout = min(timeout, max(0.01, self._ends_at - monotonic()))
        signals = super().wait_for_signals(timeout)
        if self._ends_at is not None and monotonic() >= self._ends_at:
            signals.append(signal.SIGTERM)
        if self._watch is not None and self._watch.has_changed():
            self._log.info("The config's file has changed")
            signals.append(signal.SIGHUP)
        return signals

    @property
    def _log(self) -> Any:
        return self.log


def take_over(arbiter: Arbiter) -> None:
    """Called by gunicorn before it starts its workers: read the config, and make this the master.

    gunicorn has no setting for its arbiter's class. A config that cannot be served ends the process, with exit code 2.
    """
    is_ours = getattr(arbiter.app, "app_uri", None) == OWN_APPLICATION
    try:
        if is_ours:
            LIVE_CONFIG.check_in(arbiter.cfg.address)
        watches = watches_config(os.environ)
        shutdown_delay(os.environ)
    except (BadConfig, ValueError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    arbiter.__class__ = Master
    assert isinstance(arbiter, Master)
    arbiter._is_ours = is_ours
    path = LIVE_CONFIG.path
    if is_ours and watches and path is not None:
        certificate = filter(None, (arbiter.cfg.certfile, arbiter.cfg.keyfile))
        arbiter._watch = FileWatch([path, path.parent / ".env", *map(Path, certificate)])


def _not_applied(before: Config | None, after: Config) -> list[str]:
    """What of a new config needs a new process, or loses what is in memory."""
    told = []
    if before is not None and _address(before) != _address(after):
        told.append("Another address to listen on needs a restart")
    if before is not None and not before.state_storage.is_same_place(after.state_storage):
        told.append("Responses stored before are not found in another state_storage")
    return told


def _address(config: Config) -> tuple[str, int]:
    return config.listeners[0].address, config.listeners[0].port
