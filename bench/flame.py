"""`python -m bench.flame`: where the time of a translated stream goes, as a flame graph of the worker by py-spy.

Here: the load and the sampling. py-spy (extra `bench`) may need root, as it reads another process's memory.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from bench import canned_upstream
from bench.cases import MESSAGES_STREAM
from bench.gateways import Gateway
from bench.load import send, wrk
from bench.run import alone

ROOT = Path(__file__).parents[1]
PICTURE = "docs/performance/flamegraph.svg"
SECONDS = 10
RATE = 500
"""Samples a second."""


def main() -> None:
    py_spy = shutil.which("py-spy", path=str(Path(sys.executable).parent))
    if py_spy is None:
        sys.exit("py-spy is not installed: it comes with the extra bench")
    # gevent's thread that looks up names sleeps, which py-spy cannot see: half of the picture would be its.
    environ = {"GEVENT_RESOLVER": "ares"}
    with alone(canned_upstream.start, (MESSAGES_STREAM.events,), environ) as (_, gateway):
        _sample(py_spy, gateway)
    print(f"written: {PICTURE}")


def _sample(py_spy: str, gateway: Gateway) -> None:
    send(gateway, MESSAGES_STREAM, 50)
    command = ["py-spy", "record", "--pid", str(gateway.server.worker), "--duration", str(SECONDS)]
    command += ["--rate", str(RATE), "--function", "--output", PICTURE]
    with subprocess.Popen(
        command, executable=py_spy, cwd=ROOT, stdout=subprocess.DEVNULL
    ) as sampler:
        wrk(gateway, MESSAGES_STREAM, SECONDS + 2)
    if sampler.returncode:
        sys.exit(f"py-spy failed with {sampler.returncode}")


if __name__ == "__main__":
    main()
