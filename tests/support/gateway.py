"""The gateway as its users run it: a process of its own.

Here: starting `python -m wsgi_gateway serve` on a free port with a config, waiting until it is
healthy, stopping it. Not here: what is asked of it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from support import planted
from support.planted import PROVIDER_KEY
from support.streams import Api
from support.until import until

START_DEADLINE = 60.0
"""Seconds within which the gateway must answer /healthz."""

_CHOSEN = {
    name: os.environ[name]
    for name in ("WSGI_GATEWAY_TRANSPORT", "WSGI_GATEWAY_FAST_LANE")
    if name in os.environ
}
"""With these all tests can be run on the slower ways too."""


def free_port() -> int:
    """A port nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_healthy(base_url: str, tls: ssl.SSLContext | None = None) -> bool:
    """Whether a gateway answers there."""
    try:
        with urllib.request.urlopen(f"{base_url}/healthz", timeout=2, context=tls) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def children(pid: int) -> list[int]:
    """The living children of a process of one thread, in the order of their start."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def provider(upstream_url: str, api: Api, **more: Any) -> dict[str, Any]:
    """A config entry of a provider that speaks one API; its model is called `<api>-model`."""
    return {
        "model": f"scripted-{api}/{api}-model",
        "name": f"only-{api}",
        "base_url": upstream_url,
        "access_key": PROVIDER_KEY,
        "upstream_apis": [api],
        **more,
    }


def config(*providers: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A whole config with these providers. A failed request is not sent again: what upstreams say is what is tested.

    Nor is a busy machine one that cannot be reached.
    """
    usual = {"retries": {"max_retries": 0}, "timeouts": {"connect": "60s"}}
    return {"version": "v0.4.0", "model_providers": list(providers), **usual, **more}


class GatewayProcess:
    """A running gateway. Its output is kept in a file, and shown when it does not come up.

    ``tls`` is how it is reached, where ``environ`` makes it end TLS itself.
    """

    def __init__(
        self,
        source: Mapping[str, Any] | Path,
        *,
        port: int | None = None,
        environ: Mapping[str, str] | None = None,
        workers: int = 1,
        options: Sequence[str] = (),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._tls = tls
        self._folder = tempfile.TemporaryDirectory(prefix="gateway-")
        folder = Path(self._folder.name)
        if isinstance(source, Path):
            config_file = source
        else:
            config_file = folder / "config.yaml"
            config_file.write_text(json.dumps(source))  # JSON is YAML
        self._config_file = config_file
        self._output = folder / "output.txt"
        self.port = port or free_port()
        self.base_url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "wsgi_gateway", "serve", "--config", str(config_file)]
        command += ["--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--workers", str(workers), *options]
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                env={**_CHOSEN, "PATH": os.environ["PATH"], "HOME": str(folder), **(environ or {})},
                cwd=Path(__file__).parents[2],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait_until_healthy()

    @property
    def output(self) -> str:
        """All that the gateway printed so far."""
        return self._output.read_text(errors="replace")

    @property
    def children(self) -> list[int]:
        """The worker processes that live, in the order of their start."""
        return children(self._process.pid)

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + START_DEADLINE
        while not is_healthy(self.base_url, self._tls):
            try:
                code: int | None = self._process.wait(timeout=0.02)
            except subprocess.TimeoutExpired:
                code = None
            if code is not None or time.monotonic() > deadline:
                output = self.output
                self.stop()
                ending = f"ended with {code}" if code is not None else "is not healthy in time"
                raise RuntimeError(f"the gateway {ending}:\n{output}")

    @contextmanager
    def only(self, worker: int) -> Iterator[None]:
        """Meanwhile the other workers take no connections."""
        others = {*self.children} - {worker}
        assert others
        for other in others:
            os.kill(other, signal.SIGSTOP)
        try:
            yield
        finally:
            for other in others:
                os.kill(other, signal.SIGCONT)

    def write_config(self, source: Mapping[str, Any] | str) -> None:
        """Another content for the config's file, which is read when the gateway is told to, or sees it."""
        text = source if isinstance(source, str) else json.dumps(source)
        draft = self._config_file.with_suffix(".draft")
        draft.write_text(text)
        draft.replace(self._config_file)

    def reload(self) -> None:
        """Tells the gateway to apply its config as it is now."""
        self._process.send_signal(signal.SIGHUP)

    def replace_worker(self) -> None:
        """Tells gunicorn to take another worker, and to end the oldest when that has ended what it has begun."""
        count = len(self.children)
        self._process.send_signal(signal.SIGTTIN)
        # Of two signals that wait at once the later one may be heard first.
        until(lambda: len(self.children) > count)
        self._process.send_signal(signal.SIGTTOU)

    def ask_to_stop(self) -> None:
        """Tells gunicorn to end now, whatever streams; `stop` waits for it."""
        self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """Ends the gateway as a power cut would."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def drain(self) -> None:
        """Tells gunicorn to end when nothing runs any more."""
        self._process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float) -> int:
        """Its exit code, waited for."""
        return self._process.wait(seconds)

    def stop(self) -> None:
        """Ends the gateway, at the latest after ten seconds, and removes its files. Its output is searched for keys."""
        self.ask_to_stop()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        planted.search("a gateway's output", self._output.read_bytes())
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
