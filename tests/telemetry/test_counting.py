"""What of a record is counted where. Not here: the memory (test_series.py), real requests (tests/integration)."""

from __future__ import annotations

from typing import Any

import pytest

from wsgi_gateway.protocols.events import Usage
from wsgi_gateway.telemetry.counting import OTHER, Counting, forget_health, note_health
from wsgi_gateway.telemetry.families import FAMILIES
from wsgi_gateway.telemetry.record import Attempt, Record
from wsgi_gateway.telemetry.series import Series

KNOWN = frozenset({"gpt-4o"})


class Counted:
    """An observer, and what it has counted."""

    def __init__(self) -> None:
        self.series = Series(FAMILIES)
        self.observe = Counting(self.series, KNOWN)

    def of(self, name: str) -> dict[tuple[str, ...], list[float]]:
        (number,) = (at for at, family in enumerate(FAMILIES) if family.name == name)
        return self.series.totals()[number]

    def values(self, name: str) -> dict[tuple[str, ...], float]:
        return {labels: numbers[0] for labels, numbers in self.of(name).items()}


@pytest.fixture
def counted() -> Counted:
    return Counted()


def attempt(**more: Any) -> Attempt:
    fields = {"provider": "main", "kind": "openai", "model": "gpt-4o", "api": "responses"}
    return Attempt(**{**fields, "began": 10.0, "sent": 10.0, "begun": 10.3, **more})


def record(**more: Any) -> Record:
    """Of a stream that took two seconds, with its first event after 0.3 of them."""
    fields: dict[str, Any] = {
        "api": "messages",
        "method": "reply",
        "time": 0.0,
        "started": 10.0,
        "provider": "main",
        "kind": "openai",
        "model": "gpt-4o",
        "upstream_api": "responses",
        "streams": True,
        "status": 200,
        "attempts": [attempt()],
        "usage": Usage(input=400, output=11),
        "waited": 0.3,
        "begun": 10.302,
        "ended": 12.3,
    }
    return Record(**{**fields, **more})


def in_bucket(name: str, value: float, numbers: list[float]) -> bool:
    """Whether a histogram has one value, and that in the bucket where it belongs."""
    (bounds,) = (family.bounds for family in FAMILIES if family.name == name)
    *counts, total = numbers
    at = counts.index(1)
    below, above = (0.0, *bounds)[at], (*bounds, float("inf"))[at]
    return sum(counts) == 1 and below < value <= above and total == pytest.approx(value)


def test_a_finished_stream(counted: Counted) -> None:
    counted.observe(record(response_model="gpt-4o-2024"))
    assert counted.values("wsgi_gateway_requests") == {("messages", "reply", "200", "finished"): 1}
    assert counted.values("wsgi_gateway_attempts") == {("main", "answered"): 1}
    model = "chat", "openai", "gpt-4o", "gpt-4o-2024"
    for name, labels, value in (
        ("gen_ai_client_operation_duration_seconds", (*model, ""), 2.3),
        ("gen_ai_client_token_usage", (*model, "input"), 400),
        ("gen_ai_client_token_usage", (*model, "output"), 11),
        ("gen_ai_server_time_to_first_token_seconds", model, 0.3),
        ("gen_ai_server_time_per_output_token_seconds", model, 0.2),
        ("wsgi_gateway_overhead_seconds", ("messages",), 0.002),
    ):
        assert in_bucket(name, value, counted.of(name)[labels]), name
    for rare in ("losses", "limit_refusals", "cost_dollars"):
        assert counted.of(f"wsgi_gateway_{rare}") == {}


def test_a_full_reply_has_no_first_token(counted: Counted) -> None:
    counted.observe(record(streams=False))
    assert len(counted.of("gen_ai_client_operation_duration_seconds")) == 1
    assert counted.of("gen_ai_server_time_to_first_token_seconds") == {}
    assert counted.of("gen_ai_server_time_per_output_token_seconds") == {}


def test_a_value_on_a_bucket_s_bound_is_in_it(counted: Counted) -> None:
    counted.observe(record(usage=Usage(input=4, output=1)))
    told = counted.of("gen_ai_client_token_usage")
    assert told["chat", "openai", "gpt-4o", "", "input"][:3] == [0, 1, 0]
    assert counted.of("gen_ai_server_time_per_output_token_seconds") == {
        ("chat", "openai", "gpt-4o", ""): [0] * 15
    }, "there is no token after the first"


@pytest.mark.parametrize(
    ("ending", "error", "told"),
    [
        ("broke", "upstream_invalid", "upstream_invalid"),
        ("failed", "rate_limit", "rate_limit"),
        ("client_gone", None, "client_gone"),
        ("cut", None, "cut"),
    ],
)
def test_what_did_not_end_well(counted: Counted, ending: str, error: str | None, told: str) -> None:
    counted.observe(record(ending=ending, error=error, status=200))
    assert counted.values("wsgi_gateway_requests") == {("messages", "reply", "200", ending): 1}
    (labels,) = counted.of("gen_ai_client_operation_duration_seconds")
    assert labels == ("chat", "openai", "gpt-4o", "", told)
    assert counted.of("gen_ai_server_time_to_first_token_seconds") == {}


def test_who_was_refused_says_nothing_of_models(counted: Counted) -> None:
    refused = {"status": 429, "ending": "refused", "error": "rate_limit", "limit": "requests"}
    counted.observe(record(attempts=[], usage=None, **refused))
    assert counted.values("wsgi_gateway_limit_refusals") == {("requests",): 1}
    assert counted.of("gen_ai_client_operation_duration_seconds") == {}
    assert counted.of("wsgi_gateway_overhead_seconds") == {}


def test_each_attempt_counts(counted: Counted) -> None:
    dead = attempt(provider="dead", failure="unreachable", begun=None)
    counted.observe(record(attempts=[dead, dead, attempt()]))
    counted.observe(record(attempts=[attempt(begun=None)], ending="client_gone", status=499))
    assert counted.values("wsgi_gateway_attempts") == {
        ("dead", "unreachable"): 2,
        ("main", "answered"): 1,
        ("main", "client_gone"): 1,
    }


def test_losses_costs_and_details(counted: Counted) -> None:
    usage = Usage(input=400, output=11, cache_read=300, reasoning=4)
    counted.observe(record(approximated=2, dropped=1, cost=1_500_000, usage=usage))
    assert counted.values("wsgi_gateway_losses") == {
        ("messages", "responses", "approximated"): 2,
        ("messages", "responses", "dropped"): 1,
    }
    assert counted.values("wsgi_gateway_cost_dollars") == {("main", "gpt-4o"): 0.0015}
    assert counted.values("wsgi_gateway_token_details") == {
        ("openai", "gpt-4o", "cache_read"): 300,
        ("openai", "gpt-4o", "cache_write"): 0,
        ("openai", "gpt-4o", "reasoning"): 4,
    }


def test_what_a_compaction_used_counts_too(counted: Counted) -> None:
    counted.observe(record(earlier=[("openai", "gpt-4o", Usage(input=9000, output=300))]))
    told = counted.of("gen_ai_client_token_usage")
    assert told["compaction", "openai", "gpt-4o", "", "input"][-1] == 9000
    assert told["chat", "openai", "gpt-4o", "", "input"][-1] == 400


def test_other_methods(counted: Counted) -> None:
    counted.observe(record(method="count_tokens", streams=False, usage=None))
    stored = {"provider": None, "kind": None, "model": None, "attempts": [], "usage": None}
    counted.observe(record(method="stored_response", streams=False, **stored))
    assert len(counted.of("wsgi_gateway_requests")) == 2
    (labels,) = counted.of("gen_ai_client_operation_duration_seconds")
    assert labels[0] == "count_tokens"


def test_providers_have_the_conventions_names(counted: Counted) -> None:
    counted.observe(record(kind="azure_openai"))
    ((_, provider, *_),) = counted.of("gen_ai_client_operation_duration_seconds")
    assert provider == "azure.ai.openai"


def models(counted: Counted) -> set[str]:
    return {labels[2] for labels in counted.of("gen_ai_client_operation_duration_seconds")}


def test_what_clients_make_up_is_no_label(counted: Counted) -> None:
    for number in range(300):
        counted.observe(record(model=f"made-up-{number}", ending="failed", error="model_not_found"))
    assert models(counted) == {OTHER}
    counted.observe(record(model="x" * 101))
    assert models(counted) == {OTHER}


def test_models_that_answered_are_labels_but_not_any_number(counted: Counted) -> None:
    failed: dict[str, Any] = {"ending": "failed", "error": "server"}
    counted.observe(record(model="new", **failed))
    counted.observe(record(model="new"))
    counted.observe(record(model="new", **failed))
    told = counted.of("gen_ai_client_operation_duration_seconds")
    assert told["chat", "openai", "new", "", "server"][-1] > 0, "it has a name now"
    for number in range(300):
        counted.observe(record(model=f"real-{number}", response_model=f"dated-{number}"))
    assert OTHER in models(counted)
    assert len(models(counted)) == 101
    counted.observe(record(model="gpt-4o"))
    assert "gpt-4o" in models(counted), "the config's own always are"


def test_the_health_of_deployments(counted: Counted) -> None:
    for is_well in (False, True, False):
        note_health(counted.series, "main", "gpt-4o", is_well)
    assert counted.values("wsgi_gateway_deployment_ejections") == {("main", "gpt-4o"): 2}
    assert counted.values("wsgi_gateway_deployment_ejected") == {("main", "gpt-4o"): 1}
    note_health(counted.series, "main", "gpt-4o", True)
    note_health(counted.series, "main", "gone", False)
    forget_health(counted.series)
    assert set(counted.values("wsgi_gateway_deployment_ejected").values()) == {0}
    assert counted.values("wsgi_gateway_deployment_ejections")["main", "gone"] == 1
    note_health(counted.series, "main", "gpt-4o", True)
    assert counted.values("wsgi_gateway_deployment_ejected")["main", "gpt-4o"] == 0
