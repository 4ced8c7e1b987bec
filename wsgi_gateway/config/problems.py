"""What is wrong with a config, said so that a person can repair it: where, what, and what to write instead.

Collecting and printing only; the rules that find the problems are beside what they check.
"""

import difflib
import re
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

Path = tuple[str | int, ...]
"""The way to a value: keys and list positions, outermost first."""

Severity = Literal["error", "warning"]

_PLAIN_KEY = re.compile(r"[A-Za-z_][\w-]*")


class Problem(Struct, frozen=True, kw_only=True):
    """One finding. ``str()`` is what a person reads; it never holds a secret's value."""

    path: str
    """Like ``model_providers[2].access_key``; "" for the whole file."""
    message: str
    suggestion: str | None = None
    file: str | None = None
    line: int | None = None
    """Counted from 1; None where the config did not come from a file."""
    severity: Severity = "error"

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.file and self.line else self.file
        parts = [where, self.severity, self.path or None, self.message]
        text = ": ".join(part for part in parts if part)
        return f"{text}\n    {self.suggestion}" if self.suggestion else text


class ConfigError(Exception):
    """A config that cannot be served; ``problems`` holds every reason found, in the file's order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class Report:
    """Collects the problems of one file. ``lines`` maps paths to line numbers and is filled by the YAML reader."""

    def __init__(self, file: str | None = None) -> None:
        self.file = file
        self.lines: dict[Path, int] = {}
        self._errors: list[tuple[Path, Problem]] = []
        self._warnings: list[tuple[Path, Problem]] = []

    def error(
        self, path: Path, message: str, suggestion: str | None = None, *, line: int | None = None
    ) -> None:
        self._errors.append((path, self._problem(path, message, suggestion, line, "error")))

    def warning(
        self, path: Path, message: str, suggestion: str | None = None, *, line: int | None = None
    ) -> None:
        self._warnings.append((path, self._problem(path, message, suggestion, line, "warning")))

    def failed(self, path: Path) -> bool:
        """Whether an error was found at or below ``path``: what follows from it need not be said too."""
        return any(found[: len(path)] == path for found, _ in self._errors)

    @property
    def errors(self) -> list[Problem]:
        return _in_order(self._errors)

    @property
    def warnings(self) -> list[Problem]:
        return _in_order(self._warnings)

    def line_of(self, path: Path) -> int | None:
        """The line of the value at ``path``, or of the nearest thing around it."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return None

    def _problem(
        self,
        path: Path,
        message: str,
        suggestion: str | None,
        line: int | None,
        severity: Severity,
    ) -> Problem:
        return Problem(
            path=format_path(path),
            message=message,
            suggestion=suggestion,
            file=self.file,
            line=line or self.line_of(path),
            severity=severity,
        )


def format_path(path: Path) -> str:
    """``("model_aliases", "fast.v1", "target")`` as ``model_aliases["fast.v1"].target``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f'["{shown(step)}"]'
    return text


def shown(text: str, limit: int = 80) -> str:
    """``text`` on one line and not longer than ``limit`` characters."""
    line = "".join(char if char.isprintable() else "?" for char in text)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def closest(word: str, known: Iterable[str]) -> list[str]:
    """Up to three of ``known`` that somebody who wrote ``word`` may have meant, best first."""
    by_folded = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word[:200].casefold(), by_folded, n=3, cutoff=0.55)
    return [by_folded[name] for name in found]


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A suggestion naming the likeliest of ``known``, or all of them if they are few."""
    known = list(known)
    if found := closest(word, known):
        return f"did you mean {found[0]}?"
    return f"one of: {', '.join(known)}" if 0 < len(known) <= 12 else None


def _in_order(found: list[tuple[Path, Problem]]) -> list[Problem]:
    return sorted((problem for _, problem in found), key=lambda problem: problem.line or 0)
