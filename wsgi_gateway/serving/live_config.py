"""The config that is served, and how another one takes its place while the gateway runs.

Here: what the master found good, which workers that are forked later start with, and a number in memory that they
share, by which running workers notice that there is a newer one. Not here: who looks, and when (master.py,
gevent_worker.py), and what a worker makes of a config (app.py).
"""

import os
from collections.abc import Mapping, Sequence
from mmap import mmap
from pathlib import Path

from wsgi_gateway.access.exposure import check_exposure
from wsgi_gateway.config import Config, ConfigError, discover_config, load_config


class BadConfig(Exception):
    """A config that cannot be served. ``problems`` are lines to be read by its owner."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class LiveConfig:
    """``number`` counts the configs that the master found good; it is shared by all processes forked since."""

    def __init__(self) -> None:
        self.config: Config | None = None
        """The last good one that this process knows of."""
        self._hosts: list[str] = []
        self._known = 0
        self._shared = memoryview(mmap(-1, 8)).cast("Q")

    @property
    def path(self) -> Path | None:
        """Its file, if it has one."""
        path = os.environ.get("WSGI_GATEWAY_CONFIG")
        return Path(path) if path else None

    def check_in(
        self, addresses: Sequence[object], environ: Mapping[str, str] = os.environ
    ) -> Config:
        """Read the config anew and make it the one that is served. Raises BadConfig, and nothing is changed.

        ``addresses`` are those that the gateway listens on, as gunicorn has them: (host, port, ...), or a Unix
        socket's path.
        """
        hosts = [str(address[0]) if isinstance(address, tuple) else "/" for address in addresses]
        config = self._read(hosts, environ)
        self.config, self._hosts = config, hosts
        self._known = self._shared[0] = self._shared[0] + 1
        return config

    def newer(self) -> Config | None:
        """The config, if the master has found a newer one good than this process has. Raises BadConfig, once.

        It may have become another one since the master has read it, so it is checked again.
        """
        if self._shared[0] == self._known:
            return None
        self._known = self._shared[0]
        self.config = self._read(self._hosts, os.environ)
        return self.config

    def _read(self, hosts: Sequence[str], environ: Mapping[str, str]) -> Config:
        path = self.path
        try:
            config = load_config(path) if path else discover_config(os.environ)
            check_exposure(config, hosts, environ)
        except ConfigError as error:
            raise BadConfig([str(problem) for problem in error.problems]) from None
        except ValueError as error:
            raise BadConfig([str(error)]) from None
        return config


class FileWatch:
    """Tells when one of these files has become another, and has then been left alone from one look to the next."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._last = self._known = self._look()

    def has_changed(self) -> bool:
        """Whether it is time to read them again."""
        now = self._look()
        is_settled, self._last = now == self._last, now
        if not is_settled or now == self._known:
            return False
        self._known = now
        return True

    def _look(self) -> list[tuple[int, int, int] | None]:
        return [_mark(path) for path in self._paths]


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size


LIVE_CONFIG = LiveConfig()
"""This gateway's."""
