"""The processes under measurement: started on one core, watched, stopped; and the CPU time that they used.

Here: any server as a process tree. Not here: which servers there are (gateways.py).
"""

import os
import re
import resource
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

START_DEADLINE = 90.0
"""Seconds; LiteLLM needs twelve on a quiet machine."""

CORES = sorted(os.sched_getaffinity(0))
LOAD_CORE, GATEWAY_CORE = CORES[0], CORES[-1]
"""The upstream and the load on one core, the gateways on another (the same, if there is only one)."""

NGINX = shutil.which("nginx", path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"])) or "nginx"


@dataclass(frozen=True)
class Memory:
    """Bytes of a process: all its resident pages, and the same with shared pages divided among those who share them."""

    rss: int
    pss: int


class Server:
    """A server process in a folder of its own, pinned to a core. Raises RuntimeError if it does not start."""

    def __init__(
        self,
        command: list[str],
        port: int,
        folder: Path,
        core: int = GATEWAY_CORE,
        environ: dict[str, str] | None = None,
    ) -> None:
        self.port = port
        self._output = folder / "output.txt"
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                ["taskset", "-c", str(core), *command],
                cwd=folder,
                env={"PATH": os.environ["PATH"], "HOME": str(folder), **(environ or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._wait_until_it_listens()

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + START_DEADLINE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                ended = self._process.poll() is not None
                if ended or time.monotonic() > deadline:
                    self.stop()
                    text = self._output.read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"it did not start:\n{text}") from None
                time.sleep(0.02)

    def cpu_ns(self) -> int:
        """CPU time, user and system, of the process and all its descendants so far."""
        return sum(_cpu_ns(pid) for pid in self.pids)

    @property
    def pids(self) -> list[int]:
        """The process, and its descendants in the order of their start."""
        return _tree(self._process.pid)

    @property
    def worker(self) -> int:
        """The process that serves: the last one that was started."""
        return self.pids[-1]

    def spread(self) -> None:
        """From now on its processes may use all cores."""
        for pid in self.pids:
            os.sched_setaffinity(pid, CORES)

    def memory(self) -> int:
        """Resident bytes of the process and all its descendants."""
        pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self.pids]
        return sum(pages) * resource.getpagesize()

    def worker_memory(self) -> Memory:
        rollup = Path(f"/proc/{self.worker}/smaps_rollup").read_text()
        kibibytes = dict(re.findall(r"^(Rss|Pss): +(\d+) kB$", rollup, re.MULTILINE))
        return Memory(int(kibibytes["Rss"]) * 1024, int(kibibytes["Pss"]) * 1024)

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            for pid in reversed(self.pids):
                os.kill(pid, 9)
            self._process.wait()


def free_port() -> int:
    """A port nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _tree(pid: int) -> list[int]:
    """The process and its descendants."""
    pids = [pid]
    for pid in pids:  # grows while it is read
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            pids += map(int, children.read_text().split())
    return pids


def _cpu_ns(pid: int) -> int:
    """The process's CPU clock (clock_getcpuclockid(3)): all its threads, those that ended too, to the nanosecond."""
    return time.clock_gettime_ns((~pid << 3) | 2)
