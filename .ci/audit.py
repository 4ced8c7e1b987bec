"""Asks PyPI for known vulnerabilities of what users install: the package's dependencies, its extras', and theirs.

A vulnerability fails. What could not be asked is told and does not fail: a change must not wait for somebody else's
service. Not here: what only tests and tools need.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PACKAGE = "wsgi-gateway"
EXTRAS = ("tokens", "postgres", "redis", "prices")
_PATIENCE = 120.0
"""Seconds for all answers together."""
_NO_ANSWER = ("connectionerror", "timeout", "serviceerror", "httperror", "sslerror")
"""How the name of an exception ends that says that a service could not be asked."""


def installed(name: str, extras: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """What is installed because of a package: names and versions, itself not included."""
    seen: set[tuple[str, tuple[str, ...]]] = set()
    todo = [(name, extras)]
    while todo:
        each = todo.pop()
        if each in seen:
            continue
        seen.add(each)
        for line in requires(each[0]) or []:
            wanted = Requirement(line)
            environments = [{"extra": extra} for extra in ("", *each[1])]
            if wanted.marker and not any(map(wanted.marker.evaluate, environments)):
                continue
            try:
                found = version(wanted.name)
            except PackageNotFoundError:
                continue
            todo.append((wanted.name, tuple(sorted(wanted.extras))))
            yield canonicalize_name(wanted.name), found


def judged(stdout: str, stderr: str) -> tuple[int, list[str]]:
    """The exit code, and what to print, for what pip-audit has printed."""
    try:
        dependencies: list[dict[str, Any]] = json.loads(stdout)["dependencies"]
    except (ValueError, KeyError):
        last = (stderr.strip().splitlines() or [""])[-1]
        error = last.partition(": ")[0].lower()
        if error.endswith(_NO_ANSWER):
            return 0, ["NOT AUDITED: the vulnerability service could not be asked", last[:300]]
        return 1, ["pip-audit failed", stderr]
    skipped = [each["name"] for each in dependencies if "skip_reason" in each]
    lines = [
        f"{each['name']} {each['version']}: {flaw['id']}, fixed in {flaw['fix_versions'] or 'none'}"
        for each in dependencies
        for flaw in each.get("vulns", ())
    ]
    code = 1 if lines else 0
    lines.append(f"{len(dependencies) - len(skipped)} of {len(dependencies)} packages audited")
    if skipped:
        lines.append(f"NOT AUDITED, the service does not know their versions: {', '.join(skipped)}")
    return code, lines


def main() -> int:
    pins = sorted(set(installed(PACKAGE, EXTRAS)))
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("".join(f"{name}=={found}\n" for name, found in pins))
        file.flush()
        options = [
            "--no-deps",
            "--disable-pip",
            "--format=json",
            "--progress-spinner=off",
            "--timeout=10",
        ]
        command = [sys.executable, "-m", "pip_audit", "-r", file.name, *options]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=_PATIENCE
            )
        except subprocess.TimeoutExpired:
            print("NOT AUDITED: the vulnerability service took too long")
            return 0
    code, lines = judged(done.stdout, done.stderr)
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main())
