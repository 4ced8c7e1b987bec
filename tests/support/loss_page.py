"""docs/loss.md, written from the cases by running them: the verdicts and notes are the code's own.

Here: the page's form. Not here: the cases (loss_cases.py), their running (loss_run.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from support.loss_cases import FOLDER, VERDICTS, Case, Cell, Direction, cases
from support.loss_run import actual
from support.pairs import APIS
from support.streams import Api

TITLES: dict[Api, str] = {
    "chat_completions": "Chat Completions",
    "messages": "Messages",
    "responses": "Responses",
}
_PASSTHROUGH = "../tests/integration/test_byte_for_byte.py"
_PASSED: dict[Direction, tuple[str, ...]] = {
    "requests": ("test_requests_pass_byte_for_byte_but_for_an_alias",),
    "replies": (
        "test_plain_replies_pass_byte_for_byte_but_for_an_alias",
        "test_streams_pass_byte_for_byte",
    ),
}
_HEAD = (FOLDER / "head.md").read_text("utf-8")


def page() -> str:
    """The whole page."""
    parts = [_HEAD.strip(), "## Tally", _tally()]
    for direction, title in (
        ("requests", "Requests of {} clients"),
        ("replies", "Replies of {} upstreams"),
    ):
        for api in APIS:
            parts += [f"## {title.format(TITLES[api])}", *_section(direction, api)]
    return "\n\n".join(parts) + "\n"


def _tally() -> str:
    rows = []
    for direction, whose in (("requests", "Request from"), ("replies", "Reply from")):
        for api in APIS:
            columns = [
                "byte for byte" if other == api else _count(direction, api, other) for other in APIS
            ]
            rows.append((f"{whose} {TITLES[api]}", *columns))
    return _table(("", *(f"to {TITLES[api]}" for api in APIS)), rows)


def _count(direction: Direction, api: Api, other: Api) -> str:
    verdicts = [
        cell.expected.verdict
        for case in cases(direction, api)
        for cell in case.cells
        if cell.other == other
    ]
    return ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in VERDICTS)


def _section(direction: Direction, api: Api) -> Iterator[str]:
    others = [other for other in APIS if other != api]
    links = ", ".join(f"[`{name}`]({_PASSTHROUGH})" for name in _PASSED[direction])
    where = "To an upstream" if direction == "requests" else "To a client"
    yield f"{where} of the same API: every field, byte for byte, also those that nobody knows ({links})."
    header = ("Field", *(f"to {TITLES[other]}" for other in others))
    for section in dict.fromkeys(case.section for case in cases(direction, api)):
        rows = [_row(case, others) for case in cases(direction, api) if case.section == section]
        yield f"### {section}"
        yield _table(header, rows)
    yield "\n".join(
        f"[{cell.id}]: {_source(cell)}" for case in cases(direction, api) for cell in case.cells
    )


def _row(case: Case, others: list[Api]) -> tuple[str, ...]:
    if case.reason:
        return case.name, *[f"not translated: {case.reason}" for _ in others]
    return case.name, *(
        "<br>".join(_cell(cell) for cell in case.cells if cell.other == other) for other in others
    )


def _cell(cell: Cell) -> str:
    """What should become of it, and in the code's words what was done, or that it is not so yet."""
    verdict = cell.expected.verdict
    link = f"[{'hint dropped' if verdict == 'dropped' else verdict}][{cell.id}]"
    told = f"`{cell.model}`: {link}" if cell.model else link
    if cell.mend:
        return f"{told} (not yet: {cell.mend})"
    got = actual(cell)
    paths = [f"`{path}`" for path in got.paths if path != cell.case]
    notes = [note.removeprefix(f"{got.paths[0]}: ") for note in got.notes]
    return " ".join([told, *paths]) + (f": {'; '.join(notes)}" if notes else "")


@cache
def _lines(direction: Direction, api: Api) -> list[str]:
    return (FOLDER / f"{direction}_{api}.yaml").read_text("utf-8").splitlines()


def _source(cell: Cell) -> str:
    line = _lines(cell.direction, cell.api).index(f"  {cell.case}:") + 1
    return f"../tests/loss/{cell.direction}_{cell.api}.yaml#L{line}"


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )
