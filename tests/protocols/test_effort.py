"""Effort and thinking (protocols digest 6.6.1)."""

from typing import Any

import pytest

from wsgi_gateway.protocols.capabilities import Capabilities
from wsgi_gateway.protocols.conversation import ReasoningOptions
from wsgi_gateway.protocols.effort import to_effort, to_thinking
from wsgi_gateway.protocols.loss import Loss

ADAPTIVE = Capabilities(thinking="adaptive")
BUDGET = Capabilities(thinking="budget")


@pytest.mark.parametrize(
    ("options", "effort", "lossy"),
    [
        (None, None, False),
        (ReasoningOptions(effort="high"), "high", False),
        (ReasoningOptions(mode="adaptive", effort="max"), "max", False),
        (ReasoningOptions(mode="adaptive"), None, False),
        (ReasoningOptions(mode="disabled"), None, True),
        (ReasoningOptions(mode="between_tools"), "low", True),
        (ReasoningOptions(mode="enabled", budget_tokens=2000), "low", True),
        (ReasoningOptions(mode="enabled", budget_tokens=8192), "medium", True),
        (ReasoningOptions(mode="enabled", budget_tokens=31_999), "high", True),
    ],
)
def test_to_effort(options: ReasoningOptions | None, effort: str | None, lossy: bool) -> None:
    loss = Loss("messages")
    assert to_effort(options, Capabilities(), loss) == effort
    assert bool(loss.entries) == lossy


GPT = Capabilities(openai_fields=True, efforts=("none", "low", "high"))


@pytest.mark.parametrize(
    ("options", "effort", "lossy"),
    [
        (ReasoningOptions(mode="disabled"), "none", False),
        (ReasoningOptions(effort="medium"), "low", True),
        (ReasoningOptions(effort="max"), "high", True),
        (ReasoningOptions(effort="minimal"), "none", True),
        (ReasoningOptions(effort="word-of-2031"), "word-of-2031", False),
        (ReasoningOptions(mode="enabled", budget_tokens=31_999), "high", True),
    ],
)
def test_the_nearest_rung_that_a_model_takes(
    options: ReasoningOptions, effort: str, lossy: bool
) -> None:
    loss = Loss("messages")
    assert to_effort(options, GPT, loss) == effort
    assert bool(loss.entries) == lossy


def test_a_model_that_always_thinks_thinks_least() -> None:
    loss = Loss("messages")
    facts = Capabilities(openai_fields=True, efforts=("low", "high"))
    assert to_effort(ReasoningOptions(mode="disabled"), facts, loss) == "low"
    assert loss.entries


def test_a_model_without_effort_drops_it_and_says_so() -> None:
    loss = Loss("messages")
    assert to_effort(ReasoningOptions(effort="low"), Capabilities(efforts=()), loss) is None
    assert loss.entries


@pytest.mark.parametrize(
    ("options", "facts", "limit", "expected"),
    [
        (None, BUDGET, 4096, (None, None)),
        (ReasoningOptions(effort="none"), BUDGET, 4096, ({"type": "disabled"}, None)),
        (ReasoningOptions(effort="high"), ADAPTIVE, 4096, ({"type": "adaptive"}, "high")),
        (ReasoningOptions(effort="minimal"), ADAPTIVE, 4096, (None, "low")),
        (
            ReasoningOptions(effort="low"),
            BUDGET,
            8192,
            ({"type": "enabled", "budget_tokens": 2048}, None),
        ),
        (
            ReasoningOptions(effort="high"),
            BUDGET,
            8192,
            ({"type": "enabled", "budget_tokens": 7168}, None),
        ),
        (ReasoningOptions(effort="high"), BUDGET, 1500, (None, None)),
        (ReasoningOptions(effort="high"), Capabilities(thinking="none"), 8192, (None, None)),
    ],
)
def test_to_thinking(
    options: ReasoningOptions | None, facts: Capabilities, limit: int, expected: Any
) -> None:
    assert to_thinking(options, limit, facts, Loss("chat_completions")) == expected


@pytest.mark.parametrize(
    ("options", "limit", "expected", "verdicts"),
    [
        (
            ReasoningOptions(mode="enabled", budget_tokens=2000, summary="omitted"),
            4096,
            {"type": "enabled", "budget_tokens": 2000, "display": "omitted"},
            [],
        ),
        (
            ReasoningOptions(mode="adaptive", summary="summarized"),
            4096,
            {"type": "adaptive", "display": "summarized"},
            [],
        ),
        (
            ReasoningOptions(mode="enabled", budget_tokens=5000),
            4096,
            {"type": "enabled", "budget_tokens": 4095},
            ["approximated"],
        ),
        (ReasoningOptions(mode="enabled", budget_tokens=5000), 1024, None, ["approximated"]),
        (ReasoningOptions(mode="disabled"), 10, {"type": "disabled"}, []),
        (ReasoningOptions(summary="auto"), 4096, None, ["dropped"]),
    ],
)
def test_thinking_as_a_messages_client_asks_for_it(
    options: ReasoningOptions, limit: int, expected: Any, verdicts: list[str]
) -> None:
    loss = Loss("messages")
    assert to_thinking(options, limit, BUDGET, loss) == (expected, None)
    assert [entry.verdict for entry in loss.entries] == verdicts
