"""The cases of the loss matrix, as tests/loss has them.

Here: what a case and its cells are. Not here: what the gateway makes of them (loss_run.py), the page (loss_page.py).

A file has sections, a section has cases by name, a case has a piece of a request (or of a reply) and, for each of
the two other APIs, what becomes of it:

    temperature above 1:
      request: {temperature: 1.5}
      messages: {approximated: temperature, gets: {temperature: 1.0}}
      responses: {exact: {temperature: 1.5}}

``exact``, or ``gets``, is all in which the other side's body differs from that of a plain request: place -> value.
``approximated``, ``dropped`` and ``refused`` name the path that the client is told. A cell is for a model that takes
all that its API has, unless it says ``model: provider/id``; a list holds one outcome per model. ``parts`` stands for
the content of a user's message. A case without cells has a ``reason``; a cell that the code does not fulfil yet says
in ``mend`` what is wrong.

A reply is told plain and streamed unless its ``form`` is one of them; ``events`` are others of its stream, ``asked`` is
what the client's request had, ``error`` an error's status and body. A client that gets an error ``failed``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from support.pairs import APIS
from support.streams import Api, Json

FOLDER = Path(__file__).parents[1] / "loss"
Direction = Literal["requests", "replies"]
_SHORT: dict[Api, str] = {
    "chat_completions": "chat",
    "messages": "messages",
    "responses": "responses",
}
VERDICTS = ("exact", "approximated", "dropped", "refused")


def _read(name: str) -> Any:
    """By libyaml, where PyYAML has it: in Python these files take seconds, in each process that collects tests."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((FOLDER / name).read_text("utf-8"), Loader=loader)


BASE: dict[Direction, dict[Api, Json]] = _read("base.yaml")


@dataclass(frozen=True)
class Outcome:
    """``paths`` are what the client is told; ``gets`` is what the other side gets, beyond the plain."""

    verdict: str
    paths: tuple[str, ...] = ()
    gets: Json = field(default_factory=dict)
    notes: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, eq=False)
class Cell:
    """One case toward one API (and model). ``api`` is the one that the case is written in."""

    direction: Direction
    api: Api
    other: Api
    section: str
    case: str
    given: Json
    expected: Outcome
    model: str | None = None
    mend: str | None = None

    @property
    def id(self) -> str:
        """``chat-to-messages.temperature``; with the model behind it where there is one."""
        kind = "reply-" if self.direction == "replies" else ""
        model = f".{self.model.rpartition('/')[2]}" if self.model else ""
        return f"{kind}{_SHORT[self.api]}-to-{_SHORT[self.other]}.{_slug(self.case)}{model}"


@dataclass(frozen=True)
class Case:
    section: str
    name: str
    given: Json
    reason: str | None
    cells: tuple[Cell, ...]


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]+", "-", name).strip("-")


@cache
def cases(direction: Direction, api: Api) -> tuple[Case, ...]:
    """In the file's order."""
    sections = _read(f"{direction}_{api}.yaml")
    return tuple(
        _case(direction, api, section, name, case)
        for section, named in sections.items()
        for name, case in named.items()
    )


def cells(direction: Direction) -> list[Cell]:
    """All of them, whichever API."""
    return [cell for api in APIS for case in cases(direction, api) for cell in case.cells]


def _case(direction: Direction, api: Api, section: str, name: str, case: Json) -> Case:
    given = {key: value for key, value in case.items() if key not in (*APIS, "reason")}
    cells = tuple(
        Cell(direction, api, other, section, name, given, _outcome(outcome), model, mend)
        for other in APIS
        if other in case
        for model, mend, outcome in _per_model(case[other])
    )
    others = {other for other in APIS if other != api}
    if ("reason" in case) == bool(cells) or {cell.other for cell in cells} not in (set(), others):
        raise ValueError(f"{direction} of {api}: {name!r} needs {others} or a reason")
    return Case(section, name, given, case.get("reason"), cells)


def _per_model(cell: Any) -> Iterator[tuple[str | None, str | None, Json]]:
    for outcome in cell if isinstance(cell, list) else [cell]:
        outcome = {outcome: {}} if isinstance(outcome, str) else dict(outcome)
        yield outcome.pop("model", None), outcome.pop("mend", None), outcome


def _outcome(outcome: Json) -> Outcome:
    (verdict,) = [name for name in VERDICTS if name in outcome]
    if verdict == "exact":
        return Outcome("exact", (), outcome["exact"] or {})
    paths = outcome[verdict]
    return Outcome(
        verdict, (paths,) if isinstance(paths, str) else tuple(paths), outcome.get("gets") or {}
    )


def written(outcome: Outcome) -> str:
    """An outcome as the files have it."""
    if outcome.verdict == "exact":
        told: Json = {"exact": outcome.gets}
    else:
        paths = outcome.paths[0] if len(outcome.paths) == 1 else list(outcome.paths)
        told = {outcome.verdict: paths, **({"gets": outcome.gets} if outcome.gets else {})}
    text: str = yaml.safe_dump(told, default_flow_style=True, sort_keys=False, width=10_000)
    return text.strip()
