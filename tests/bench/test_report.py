"""The page and the raw JSON say all that was measured, and why the rest was not."""

from __future__ import annotations

from pathlib import Path

from bench import report
from bench.cases import EVENTS, JSON, STREAM, Case
from bench.costs import Costs
from bench.goals import rows
from bench.measured import Measured


def measured() -> Measured:
    costs = Costs({("ours", JSON): [100.0], ("nginx", JSON): [10.0]})
    for events in EVENTS:
        costs.rounds["ours", Case("chat_completions", "chat_completions", events)] = [
            100.0 + events
        ]
    costs.refused["Portkey", STREAM] = "500:\nno"
    return Measured(costs, {"LiteLLM": "not installed"})


def test_the_page_tells_goals_costs_curves_and_what_is_missing() -> None:
    page = report.page(measured(), rows(measured()), {"nginx": "1.22"})
    for line in (
        "nginx 1.22.",
        "| JSON passthrough, CPU / nginx | 10.00x | <= 16x | <= 10x | want met |",
        "| JSON, Chat | 100 | 10 |",
        "| events per stream | Chat | 100: 200, 300: 400, 1,000: 1,100, 3,000: 3,100 | 1.00 | 100 | 1.0000 | linear |",
        "- LiteLLM was left out: not installed",
        "- Portkey cannot do 100-event stream, Chat: 500: no",
    ):
        assert line in page.splitlines()


def test_only_the_marked_section_is_written_anew(tmp_path: Path) -> None:
    file = tmp_path / "performance.md"
    file.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.write("new", {}, tmp_path)
    assert file.read_text() == f"before\n{report.BEGIN}\n\nnew\n{report.END}\nafter\n"
