"""What Python's own JSON costs for a body: json.loads and json.dumps, the measure of long requests.

Here: a process of the same Python on the gateways' core, which reads a body and prints the CPU time in microseconds.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

from bench.processes import GATEWAY_CORE

REPEATS = 10


def cpu_us(body: bytes) -> float:
    """Microseconds for the body once."""
    command = ["taskset", "-c", str(GATEWAY_CORE), sys.executable, "-m", "bench.stdlib_json"]
    root = Path(__file__).parents[1]
    return float(
        subprocess.run(command, input=body, check=True, capture_output=True, cwd=root).stdout
    )


def _main() -> None:
    body = sys.stdin.buffer.read()
    json.dumps(json.loads(body))
    before = time.process_time_ns()
    for _ in range(REPEATS):
        json.dumps(json.loads(body))
    print((time.process_time_ns() - before) / REPEATS / 1e3)


if __name__ == "__main__":
    _main()
