"""Calls and results of a history, together. What each API makes of them: its own writer's tests."""

from __future__ import annotations

import pytest
from support.events import translation

from wsgi_gateway.protocols.conversation import ToolCall, ToolResult
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.tool_pairs import ToolPairs


@pytest.fixture
def pairs() -> ToolPairs:
    return ToolPairs(translation())


def call(id_: str = "c1") -> ToolCall:
    return ToolCall(id=id_, name="look", arguments="{}")


def result(call_id: str = "c1") -> ToolResult:
    return ToolResult(call_id=call_id, parts=[])


def test_results_come_in_any_order(pairs: ToolPairs) -> None:
    first, second = call("c1"), call("c2")
    assert [pairs.call(first), pairs.call(second)] == ["c1", "c2"]
    assert pairs.result(result("c2")) == ("c2", second)
    assert pairs.result(result("c1")) == ("c1", first)
    pairs.check()


def test_ids_that_are_counted_anew_are_told_apart_from_all_others(pairs: ToolPairs) -> None:
    told = []
    for id_ in ("c1", "c1_2", "c1", "c1"):
        told.append(pairs.call(call(id_)))
        assert pairs.result(result(id_))[0] == told[-1]
    assert told == ["c1", "c1_2", "c1_3", "c1_4"]


def test_a_longest_id_stays_one_that_every_api_takes(pairs: ToolPairs) -> None:
    told = []
    for _ in range(2):
        told.append(pairs.call(call("x" * 64)))
        pairs.result(result("x" * 64))
    assert len(set(told)) == 2 and all(len(id_) <= 64 for id_ in told)


def test_what_does_not_pair_up_is_refused(pairs: ToolPairs) -> None:
    with pytest.raises(ApiError, match="'c1' answers no open call"):
        pairs.result(result())
    pairs.call(call())
    with pytest.raises(ApiError, match="two tool calls have the id 'c1'"):
        pairs.call(call())
    with pytest.raises(ApiError, match="'c1' has no result"):
        pairs.check()
