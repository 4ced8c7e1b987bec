"""The demo's two child processes: started, awaited, always ended.

Here: ports, deadlines, clean-up. Not here: what the children do.
"""

import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Self

POLL_SECONDS = 0.02
STOP_SECONDS = 10.0


class ChildFailed(Exception):
    """A child ended or stayed silent instead of becoming healthy; the message holds what it printed."""


class Child:
    """A server in a process of its own. Leaving the ``with`` block ends it."""

    def __init__(
        self, name: str, command: Sequence[str], environ: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self._output = tempfile.TemporaryFile()  # noqa: SIM115, closed in __exit__
        # No shell, and the demo's own commands.
        self._process = subprocess.Popen(  # nosec B603
            command,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def wait_healthy(self, url: str, seconds: float) -> float:
        """Poll ``url`` until it answers 200; returns the seconds that took. Raises ChildFailed."""
        started = time.monotonic()
        while not _answers(url):
            if self._process.poll() is not None or time.monotonic() - started > seconds:
                raise ChildFailed(f"{self.name} did not start:\n{self._printed()}")
            time.sleep(POLL_SECONDS)
        return time.monotonic() - started

    def wait(self) -> int:
        """Wait until the child ends by itself; returns its exit code."""
        return self._process.wait()

    def _printed(self) -> str:
        self._output.seek(0)
        return self._output.read().decode(errors="replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(url: str) -> bool:
    # A proxy from the environment could not reach 127.0.0.1.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
