"""The facts in the README, measured: what a fresh install weighs, and how soon it serves.

Builds the wheel, installs it without extras into a new virtual environment, counts, starts it. Exit code 1 if there are
more packages or bytes than we allow ourselves; the time is only told, as it is the machine's as well (goals.py judges
it). Not here: speed and memory under load.
"""

import http.client
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
STARTS = 5
DEADLINE = 30.0
MOST_PACKAGES = 30
MOST_MEGABYTES = 60

CONFIG = {
    "version": "v0.4.0",
    "model_providers": [{"model": "openai/gpt-4o", "access_key": "no-key", "default": True}],
}
LIST_PACKAGES = """
import importlib.metadata as m
print(len({d.name.lower() for d in m.distributions()} - {"pip", "setuptools"}))
"""


@dataclass(frozen=True)
class Facts:
    packages: int
    megabytes: float
    starts: list[float]
    """Seconds."""

    @property
    def start(self) -> float:
        return statistics.median(self.starts)


def install(folder: Path) -> Path:
    """A new virtual environment with the package as its users get it; returns its folder of programs."""
    # A build folder left in the repository would bring modules that are no more.
    source, wheels = folder / "source", folder / "wheels"
    shutil.copytree(ROOT / "wsgi_gateway", source / "wsgi_gateway")
    for file in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    _run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(wheels), str(source))
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / "bin"
    (wheel,) = wheels.glob("wsgi_gateway-*.whl")
    _run(str(programs / "python"), "-m", "pip", "install", "-q", str(wheel))
    return programs


def count_packages(programs: Path) -> int:
    """Distributions in the environment, the gateway included, pip not."""
    return int(_run(str(programs / "python"), "-c", LIST_PACKAGES))


def megabytes(programs: Path) -> float:
    """What the installed packages take on disk, pip not counted. 1 MB = 10^6 bytes."""
    (packages,) = programs.parent.glob("lib/python*/site-packages")
    own = {"pip", "setuptools", "pkg_resources", "_distutils_hack"}
    files = (
        file
        for file in packages.rglob("*")
        if file.is_file() and file.relative_to(packages).parts[0].partition("-")[0] not in own
    )
    return sum(file.stat().st_size for file in files) / 1e6


def seconds_to_healthy(programs: Path, folder: Path) -> float:
    """From the start of the command to the first 200 of /healthz."""
    config = folder / "config.yaml"
    config.write_text(json.dumps(CONFIG))  # JSON is YAML
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(programs / "wsgi-gateway"), "serve", "--config", str(config)]
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        gateway = subprocess.Popen(
            [*command, "--port", str(port)], cwd=folder, stdout=output, stderr=output
        )
        try:
            while not _is_healthy(port):
                if gateway.poll() is not None or time.perf_counter() - started > DEADLINE:
                    output.seek(0)
                    sys.exit(f"the gateway did not start:\n{output.read().decode()}")
                time.sleep(0.005)
            return time.perf_counter() - started
        finally:
            gateway.terminate()
            gateway.wait()


def gather() -> Facts:
    """Installs, counts, weighs and starts."""
    with tempfile.TemporaryDirectory(prefix="wsgi-gateway-facts-") as name:
        folder = Path(name)
        programs = install(folder)
        starts = [seconds_to_healthy(programs, folder) for _ in range(STARTS)]
        return Facts(count_packages(programs), megabytes(programs), starts)


def main() -> None:
    facts = gather()
    print(
        f"| packages of a fresh install, itself included | {facts.packages} (limit {MOST_PACKAGES}) |"
    )
    print(f"| their size on disk | {facts.megabytes:.0f} MB (limit {MOST_MEGABYTES} MB) |")
    print(
        f"| start to healthy, median of {STARTS} | {facts.start:.2f} s"
        f" ({min(facts.starts):.2f} to {max(facts.starts):.2f} s) |"
    )
    if facts.packages > MOST_PACKAGES or facts.megabytes > MOST_MEGABYTES:
        sys.exit("a limit is missed")


def _is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
