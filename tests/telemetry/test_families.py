"""The metrics' names, and who relies on them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from wsgi_gateway.telemetry import families
from wsgi_gateway.telemetry.families import FAMILIES
from wsgi_gateway.telemetry.series import Family

ROOT = Path(__file__).parents[2]
IN_FLIGHT = {"wsgi_gateway_requests_in_flight", "wsgi_gateway_streams_in_flight"}


def told_names(family: Family) -> set[str]:
    """As Prometheus hears of it."""
    if family.bounds:
        return {family.name + part for part in ("_bucket", "_sum", "_count")}
    return {family.name if family.is_gauge else f"{family.name}_total"}


def test_each_number_is_of_the_family_that_its_name_says() -> None:
    for name, part in (
        ("REQUESTS", "requests"),
        ("DURATION", "duration"),
        ("TOKENS", "token_usage"),
        ("FIRST_TOKEN", "first_token"),
        ("EACH_TOKEN", "per_output_token"),
        ("DETAILS", "details"),
        ("OVERHEAD", "overhead"),
        ("ATTEMPTS", "attempts"),
        ("EJECTIONS", "ejections"),
        ("EJECTED", "ejected"),
        ("LOSSES", "losses"),
        ("LIMITS", "limit"),
        ("COST", "cost"),
    ):
        assert part in FAMILIES[getattr(families, name)].name


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_each_is_documented(family: Family) -> None:
    (name,) = {family.name} if family.bounds else told_names(family)
    assert f"| `{name}` |" in (ROOT / "docs/metrics.md").read_text()
    assert list(family.bounds) == sorted(set(family.bounds))


def test_the_dashboard_asks_for_what_there_is() -> None:
    dashboard = json.loads((ROOT / "etc/grafana/dashboard.json").read_text())
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"\b(?:gen_ai|wsgi_gateway)_\w+(?=[{\[)])", target["expr"])
    }
    known = IN_FLIGHT.union(*map(told_names, FAMILIES))
    labels = {label for family in FAMILIES for label in family.labels}
    assert len(asked) > 10
    assert asked - labels <= known
