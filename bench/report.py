"""What was measured, as a Markdown page and as raw JSON.

Here: the tables and the files. Not here: the figures themselves, the goals (goals.py) and the plots (plots.py).
"""

import json
from pathlib import Path
from typing import Any

from bench.arithmetic import least_squares, percentile
from bench.costs import Costs
from bench.goals import Row
from bench.measured import Curve, Measured, curves

BEGIN, END = "<!-- bench: generated -->", "<!-- bench: end -->"
SHARES = (0.5, 0.9, 0.99, 0.999, 1.0)
"""The percentiles that the raw JSON keeps of delays."""


def page(measured: Measured, rows: list[Row], versions: dict[str, str]) -> str:
    """The tables of goals, costs and curves, and what a peer could not do."""
    found = "; ".join(f"{name} {version}" for name, version in versions.items())
    parts = [[f"{found}."], _goals(rows), _costs(measured.costs)]
    drawn = curves(measured)
    if drawn:
        parts.append(_curves(drawn))
    parts.append(_notes(measured))
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def _goals(rows: list[Row]) -> list[str]:
    lines = ["| Goal | Measured | Must | Want | |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        sign = ">=" if row.at_least else "<="
        figure = "-" if row.figure is None else f"{_rounded(row.figure)}{row.unit}"
        goals = [
            "" if goal is None else f"{sign} {goal:g}{row.unit}" for goal in (row.must, row.want)
        ]
        verdict = "" if row.verdict == "no goal" else row.verdict
        lines.append(f"| {row.name} | {figure} | {' | '.join(goals)} | {verdict} |")
    return lines


def _rounded(figure: float) -> str:
    return str(figure) if isinstance(figure, int) else f"{figure:.2f}"


def _costs(costs: Costs) -> list[str]:
    names = list(dict.fromkeys(name for name, _ in costs.rounds))
    lines = [
        "| CPU per request, us | " + " | ".join(names) + " |",
        "| --- " * (len(names) + 1) + "|",
    ]
    for case in dict.fromkeys(case for _, case in costs.rounds):
        medians = [costs.median(name, case) for name in names]
        cells = ["" if median is None else f"{median:,.0f}" for median in medians]
        lines.append(f"| {case} | " + " | ".join(cells) + " |")
    return lines


def _curves(drawn: list[Curve]) -> list[str]:
    lines = [
        "| CPU over | Case | us at each point | us per unit | us fixed | R^2 | |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for curve in drawn:
        line = least_squares(curve.points)
        points = ", ".join(f"{x:,.0f}: {y:,.0f}" for x, y in curve.points)
        cells = (curve.over, curve.name, points, f"{line.slope:.2f}", f"{line.intercept:,.0f}")
        verdict = "linear" if line.is_straight else "NOT LINEAR"
        lines.append(f"| {' | '.join(cells)} | {line.r_squared:.4f} | {verdict} |")
    return lines


def _notes(measured: Measured) -> list[str]:
    left_out = [f"{name} was left out: {why}" for name, why in measured.absent.items()]
    refused = [
        f"{name} cannot do {case}: {why}" for (name, case), why in measured.costs.refused.items()
    ]
    return [f"- {' '.join(note.split())}" for note in left_out + refused]


def raw(measured: Measured, rows: list[Row], versions: dict[str, str]) -> dict[str, Any]:
    """All figures, each round's; of delays the percentiles."""
    costs = measured.costs
    return {
        "versions": versions,
        "goals": [{"row": row.name, "figure": row.figure, "verdict": row.verdict} for row in rows],
        "cpu_us_per_request": [
            {"gateway": name, "case": str(case), "rounds": values}
            for (name, case), values in costs.rounds.items()
        ],
        "json_loads_and_dumps_us": {str(case): each for case, each in costs.reference.items()},
        "cpu_us_per_stream_at_once": {
            str(case): figures for case, figures in measured.concurrency.items()
        },
        "delays_ms": {
            name: {f"p{share * 100:g}": percentile(values, share) for share in SHARES}
            for name, values in delays(measured).items()
        },
        "starts_s": measured.facts.starts if measured.facts else [],
    }


def delays(measured: Measured) -> dict[str, list[float]]:
    """The measured delays in ms, direct ones too, each with its name."""
    found = {}
    for case, one in measured.latency.items():
        found[f"first event, {case}"] = one.through
        found[f"first event, {case}, direct"] = one.direct
    if measured.paced:
        found["paced event, Chat"] = measured.paced.passed.through
        found["paced event, Messages client, Chat upstream"] = measured.paced.translated.through
        found["paced event, direct"] = measured.paced.passed.direct
    return found


def write(page: str, raw: dict[str, Any], docs: Path) -> None:
    """performance.md, where all but the marked section stays, and performance/results.json."""
    file = docs / "performance.md"
    text = file.read_text("utf-8") if file.exists() else f"# Performance\n\n{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    file.write_text(f"{before}{BEGIN}\n\n{page}\n{END}{after}", "utf-8")
    results = docs / "performance" / "results.json"
    results.parent.mkdir(parents=True, exist_ok=True)
    results.write_text(json.dumps(raw, indent=1) + "\n")
