"""Thinking in native requests whose history lost its thoughts."""

from __future__ import annotations

from typing import Any

import pytest

from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages.native_request import without_unfounded_thinking

BUDGET = {"type": "enabled", "budget_tokens": 2000}
CALL = {"type": "tool_use", "id": "t1", "name": "look", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "seen"}
THOUGHT = {"type": "thinking", "thinking": "Hmm.", "signature": "native"}
ASKED = {"role": "user", "content": "Look"}
CLEAR = {"type": "clear_thinking_20251015", "keep": "all"}
OTHER = {"type": "clear_tool_uses_20250919"}


def said(role: str, *blocks: Any) -> dict[str, Any]:
    return {"role": role, "content": list(blocks)}


LOOP = [ASKED, said("assistant", CALL), said("user", RESULT)]


def settled(**body: Any) -> tuple[dict[str, Any], list[str]]:
    loss = Loss("messages")
    return without_unfounded_thinking(body, loss), [entry.path for entry in loss.entries]


def test_thinking_with_a_budget_goes_where_a_tool_loop_lacks_its_thoughts() -> None:
    body = {"model": "m", "messages": LOOP, "context_management": {"edits": [CLEAR, OTHER], "x": 1}}
    assert settled(**body, thinking=BUDGET) == (
        {**body, "context_management": {"edits": [OTHER], "x": 1}},
        ["thinking"],
    )
    assert settled(messages=LOOP, thinking=BUDGET) == ({"messages": LOOP}, ["thinking"])


@pytest.mark.parametrize(
    "messages",
    [
        [ASKED],
        [ASKED, said("assistant", THOUGHT, CALL), said("user", RESULT)],
        [*LOOP, said("assistant", {"type": "text", "text": "Seen."}), ASKED],
        [*LOOP, {"role": "assistant", "content": "Seen."}, ASKED],
    ],
)
def test_it_stays_where_the_api_takes_it(messages: list[dict[str, Any]]) -> None:
    body = {"messages": messages, "thinking": BUDGET, "context_management": {"edits": [CLEAR]}}
    assert settled(**body) == (body, [])


@pytest.mark.parametrize("thinking", [{"type": "adaptive"}, {"type": "disabled"}, None, 5, "much"])
def test_other_thinking_is_left_alone(thinking: Any) -> None:
    assert settled(messages=LOOP, thinking=thinking) == (
        {"messages": LOOP, "thinking": thinking},
        [],
    )


@pytest.mark.parametrize(
    "messages", [None, 5, [5], [{}], [{"role": "user"}], [said("user", 5)], [said("user", {})]]
)
def test_what_cannot_be_read_is_the_apis_to_refuse(messages: Any) -> None:
    body = {"messages": messages, "thinking": BUDGET}
    assert settled(**body) == (body, [])


def test_odd_edits_stay() -> None:
    for odd in (None, 5, {"edits": None}, {"edits": [5, {"type": 5}]}):
        kept, _ = settled(messages=LOOP, thinking=BUDGET, context_management=odd)
        assert kept["context_management"] == odd
