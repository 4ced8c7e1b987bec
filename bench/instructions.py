"""Counts the instructions of the inner loops under valgrind, and fails where one has grown by more than 15 %.

Time is a matter of the machine and of its neighbours; the number of instructions is not. The difference between N and
2N runs is counted, so that the start cancels out, and told as a multiple of a reference loop of pure Python and json,
which takes out most of what another build of Python changes. Another minor version changes more than that: there the
table is printed, and nothing is judged. ``--record`` writes the baseline anew.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.instruction_cases import CASES, REFERENCE

ROOT = Path(__file__).parents[1]
BASELINE = Path(__file__).with_suffix(".json")
MOST_GROWTH = 1.15
PROCESSES = 2
_PYTHON = "{}.{}".format(*sys.version_info)
_VALGRIND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
_COUNTED = re.compile(r"I\s+refs:\s+([\d,]+)")


def count(names: list[str]) -> dict[str, float]:
    """Instructions per unit of each case. Raises CalledProcessError if valgrind or a case failed."""
    with tempfile.TemporaryDirectory() as folder:
        command = [*_VALGRIND, f"--log-file={folder}/%p", sys.executable]
        done = subprocess.run(
            [*command, "-m", "bench.instruction_cases", *names],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0"},
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
        counts = {}
        for line in done.stdout.splitlines():
            name, units, repeats, once, twice = json.loads(line)
            once, twice = (counted(Path(folder, str(pid)).read_text()) for pid in (once, twice))
            counts[name] = (twice - once) / repeats / units
        return counts


def counted(log: str) -> int:
    """The instructions that a log of valgrind tells. Raises RuntimeError if it tells none."""
    found = _COUNTED.search(log)
    if found is None:
        raise RuntimeError(f"valgrind counted nothing: {log}")
    return int(found[1].replace(",", ""))


def count_all() -> dict[str, float]:
    """All cases, dealt out in turn, as neighbours take about as long."""
    names = list(CASES)
    counts: dict[str, float] = {}
    with ThreadPoolExecutor(PROCESSES) as pool:
        for share in pool.map(count, [names[start::PROCESSES] for start in range(PROCESSES)]):
            counts |= share
    return {name: counts[name] for name in names}


def compare(ratios: dict[str, float], baseline: dict[str, float]) -> list[str]:
    """What is wrong, in words: cases that grew too much, and those that only one of the two knows."""
    grown = [
        f"{name}: {ratio / baseline[name] - 1:+.1%} instructions"
        for name, ratio in ratios.items()
        if name in baseline and ratio > baseline[name] * MOST_GROWTH
    ]
    differing = sorted(ratios.keys() ^ baseline.keys())
    return grown + [f"{name}: not in both, the cases and the baseline" for name in differing]


def main() -> int:
    """Print the table. Exit code 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="write the baseline anew")
    record = parser.parse_args().record
    counts = count_all()
    reference = counts.pop(REFERENCE)
    ratios = {name: float(f"{value / reference:.4g}") for name, value in counts.items()}
    baseline = _recorded()
    for name, ratio in ratios.items():
        change = f"{ratio / baseline[name] - 1:+8.1%}" if name in baseline else "     new"
        print(f"{name:<52}{counts[name]:>14,.0f}{ratio:>12.5g}{change}")
    if record:
        written = {"python": _PYTHON, "ratios": ratios}
        BASELINE.write_text(json.dumps(written, indent=4) + "\n")
        return 0
    if not baseline:
        print(f"NOT JUDGED: the baseline was not recorded with Python {_PYTHON}")
        return 0
    wrong = compare(ratios, baseline)
    if wrong:
        print(*wrong, "If it must be so, record anew: make instructions-baseline", sep="\n")
    return 1 if wrong else 0


def _recorded() -> dict[str, float]:
    """The baseline of this Python; empty if there is none."""
    recorded = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    return recorded["ratios"] if recorded.get("python") == _PYTHON else {}


if __name__ == "__main__":
    sys.exit(main())
