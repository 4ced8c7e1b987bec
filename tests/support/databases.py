"""PostgreSQL and Redis as their users run them: processes of their own, which may be killed and started again.

Here: starting one on a free port with its files in a folder of its own. Not here: what is kept in them.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import redis
from support.gateway import children, free_port
from support.until import until

PASSWORD = "s3cr%3At-p%40ssword"
"""As it stands in a URL."""
PLAIN_PASSWORD = "s3cr:t-p@ssword"
_PATIENCE = 60.0


def program(name: str) -> str | None:
    """Where a server's program is; Debian keeps PostgreSQL's off the path."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    path = os.pathsep.join([*map(str, folders), os.environ["PATH"], "/usr/sbin"])
    return shutil.which(name, path=path)


class Database(ABC):
    """A server that runs from construction to ``stop``. ``url`` leads to it, password included."""

    url: str

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="database-")
        self.folder = Path(self._folder.name)
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers. What a killed server leaves behind may make the next one fail at once."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            if self._process is None or self._process.poll() is not None:
                with (self.folder / "output.txt").open("ab") as output:
                    self._process = self._run(output.fileno())
            if self._answers():
                return
            if time.monotonic() > deadline:
                raise RuntimeError((self.folder / "output.txt").read_text(errors="replace"))
            self._wait(0.02)

    @property
    def process_id(self) -> int | None:
        return self._process.pid if self._process else None

    def kill(self) -> None:
        """As by kill -9 of all its processes: some of PostgreSQL's would answer on until they miss their parent."""
        server = self._process
        assert server is not None
        others = []
        if server.poll() is None:
            server.send_signal(signal.SIGSTOP)
            others = children(server.pid)
        server.kill()
        for other in others:
            with suppress(ProcessLookupError):
                os.kill(other, signal.SIGKILL)
        server.wait()
        until(lambda: not any(map(_runs, others)))

    def stop(self) -> None:
        self.kill()
        self._folder.cleanup()

    def _wait(self, seconds: float) -> None:
        assert self._process is not None
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return

    @abstractmethod
    def _run(self, output: int) -> subprocess.Popen[bytes]: ...

    @abstractmethod
    def _answers(self) -> bool: ...


def _runs(pid: int) -> bool:
    """Whether a process is there, and not only what is left of it for its parent."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in ("Z", "X")


class Postgres(Database):
    """It refuses to run as root, so it runs as the user that its package made."""

    def __init__(self) -> None:
        super().__init__()
        self.url = f"postgresql://gateway:{PASSWORD}@127.0.0.1:{self.port}/postgres"
        self._as_user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        secret = self.folder / "password.txt"
        secret.write_text(PLAIN_PASSWORD)
        if self._as_user:
            for path in (secret, self.folder):
                shutil.chown(path, **self._as_user)
        command = [str(program("initdb")), "-D", str(self.folder / "data"), "-U", "gateway"]
        command += ["-A", "scram-sha-256", f"--pwfile={secret}", "-E", "UTF8", "--locale=C", "-N"]
        subprocess.run(
            command, check=True, stdout=subprocess.DEVNULL, cwd=self.folder, **self._as_user
        )
        self.start()

    def _run(self, output: int) -> subprocess.Popen[bytes]:
        command = [str(program("postgres")), "-D", str(self.folder / "data"), "-p", str(self.port)]
        command += ["-k", str(self.folder), "-c", "listen_addresses=127.0.0.1"]
        command += ["-c", "shared_buffers=16MB", "-c", "max_connections=60"]
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=self.folder,
            **self._as_user,
        )

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=30).close()
        except psycopg.Error:
            return False
        return True


class RedisServer(Database):
    """With settings that make each acknowledged write durable."""

    def __init__(self) -> None:
        super().__init__()
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"
        self.start()

    def _run(self, output: int) -> subprocess.Popen[bytes]:
        command = [str(program("redis-server")), "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--dir", str(self.folder), "--requirepass", PLAIN_PASSWORD, "--save", ""]
        command += ["--appendonly", "yes", "--appendfsync", "always"]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=30) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


@contextmanager
def fresh_postgres(server: Postgres, name: str) -> Iterator[str]:
    """The connection string of a part of the server in which there is nothing."""
    _execute(server, f'CREATE SCHEMA "{name}"')
    yield f"{server.url}?options=-csearch_path%3D{name}"
    _execute(server, f'DROP SCHEMA "{name}" CASCADE')


def _execute(server: Postgres, statement: Any) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(statement)
