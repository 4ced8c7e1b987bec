"""What was measured, as a Markdown page and as JSON.

Here: the tables. Not here: the figures themselves (costs.py) and the goals (goals.py).
"""

import json
import os
import platform
from pathlib import Path

from bench.costs import Costs
from bench.goals import Row

BEGIN, END = "<!-- bench: generated -->", "<!-- bench: end -->"


def page(costs: Costs, rows: list[Row], absent: dict[str, str]) -> str:
    """The tables of goals and of costs, and what a peer could not do."""
    lines = [
        f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores.",
        "",
        "| Ratio of CPU per request | Measured | Must | Want | |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        sign = ">=" if row.at_least else "<="
        figure = "-" if row.figure is None else f"{row.figure:.2f}x"
        goals = f"{sign} {row.must:g}x | {sign} {row.want:g}x"
        lines.append(f"| {row.name} | {figure} | {goals} | {row.verdict} |")
    names = list(dict.fromkeys(name for name, _ in costs.rounds))
    lines += [
        "",
        "| CPU per request, us | " + " | ".join(names) + " |",
        "| --- " * (len(names) + 1) + "|",
    ]
    for case in dict.fromkeys(case for _, case in costs.rounds):
        medians = [costs.median(name, case) for name in names]
        cells = ["" if median is None else f"{median:,.0f}" for median in medians]
        lines.append(f"| {case} | " + " | ".join(cells) + " |")
    notes = [f"- {name} was left out: {' '.join(why.split())}" for name, why in absent.items()]
    for (name, case), why in costs.refused.items():
        notes.append(f"- {name} cannot do {case}: {' '.join(why.split())}")
    return "\n".join([*lines, "", *notes]).rstrip() + "\n"


def write(page: str, costs: Costs, folder: Path) -> None:
    """performance.md, where all but the marked section stays, and performance/results.json."""
    file = folder / "performance.md"
    text = file.read_text("utf-8") if file.exists() else f"# Performance\n\n{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    results = folder / "performance" / "results.json"
    results.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{before}{BEGIN}\n\n{page}\n{END}{after}", "utf-8")
    figures = [
        {"gateway": name, "case": str(case), "cpu_us": values}
        for (name, case), values in costs.rounds.items()
    ]
    results.write_text(json.dumps(figures, indent=1) + "\n")
