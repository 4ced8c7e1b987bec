"""What a compaction keeps of a history, and what the model is asked."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgi_gateway.protocols.conversation import Conversation, Message, Text, Tool
from wsgi_gateway.protocols.responses.compacting import (
    PROMPT,
    SUMMARY_TOKENS,
    make_plan,
    summary_request,
)
from wsgi_gateway.protocols.responses.compaction import (
    Compaction,
    expanded,
    kept,
    seal_compaction,
)

RULES = {"role": "developer", "content": "Be brief."}
SYSTEM = {"type": "message", "role": "system", "content": "Be kind."}
FIRST = {"role": "user", "content": "One?"}
SAID = {"type": "message", "role": "assistant", "content": "One."}
SECOND = {"role": "user", "content": "Two?"}
THOUGHT = {"type": "reasoning", "summary": []}
TOOLS = [{"type": "function", "name": "g"}]


def call(number: int) -> dict[str, Any]:
    return {"type": "function_call", "call_id": f"c{number}", "name": "f", "arguments": "{}"}


def result(number: int) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": f"c{number}", "output": "done"}


def compaction(**parts: Any) -> dict[str, Any]:
    return {
        "type": "compaction",
        "encrypted_content": seal_compaction(Compaction("They met.", **parts)),
    }


def test_the_newest_turn_is_what_is_to_be_answered() -> None:
    plan = make_plan([RULES, FIRST, SAID, SECOND], 1000)
    assert plan is not None
    assert plan.history == [RULES, FIRST, SAID]
    assert plan.before == [RULES, FIRST]
    assert plan.after == [SECOND]


@pytest.mark.parametrize(
    "newest",
    [
        [THOUGHT, call(2), call(3), result(3), result(2)],
        [call(2), result(2), RULES],
        [THOUGHT, SAID, call(2), result(2), SECOND],
        [call(2), call(3), result(2), SECOND, result(3)],
        [call(2), SECOND, call(3), result(2), result(3)],
        [
            {"type": "local_shell_call", "call_id": "c2"},
            {"type": "local_shell_call_output", "id": "c2"},
        ],
        [SECOND],
        [],
    ],
)
def test_results_stay_with_all_that_led_to_their_calls(newest: list[dict[str, Any]]) -> None:
    history = [RULES, FIRST, THOUGHT, call(1), result(1)]
    if newest in ([SECOND], []):
        history = [*history, SAID]

    plan = make_plan([*history, *newest], 1000)

    assert plan is not None
    assert plan.history == history
    assert plan.after == newest


@pytest.mark.parametrize(
    "given",
    [
        [],
        [FIRST],
        [RULES, FIRST, SECOND],
        [FIRST, call(1), result(1)],
        [FIRST, result(1)],
        [FIRST, compaction(), SECOND],
        [FIRST, SAID, compaction(before=[FIRST], after=[]), call(1), result(1)],
        [FIRST, SAID, {"role": "user", "content": "x" * 7 * 1024 * 1024}],
    ],
)
def test_where_nothing_can_be_gained_there_is_no_plan(given: list[dict[str, Any]]) -> None:
    assert make_plan(given, 1000) is None


def test_an_earlier_compaction_is_summarized_with_what_followed() -> None:
    earlier = compaction(before=[RULES, FIRST], after=[call(1), result(1)])

    plan = make_plan([SAID, earlier, SAID, SECOND], 1000)

    assert plan is not None
    assert plan.history == [*expanded([earlier]), SAID]
    assert plan.before == [RULES, FIRST]
    assert plan.after == [SECOND]


def test_of_the_user_s_words_the_newest_are_kept_that_there_is_room_for() -> None:
    long = {"role": "user", "content": "x" * 500}
    items = [RULES, FIRST, long, SYSTEM, FIRST, SAID, SECOND]
    assert kept(items) == [RULES, FIRST, long, SYSTEM, FIRST, SECOND]
    assert kept(items, 100) == [RULES, SYSTEM, FIRST, SECOND]
    assert kept(items, 1000) == [RULES, FIRST, long, SYSTEM, FIRST, SECOND]
    assert kept(items, 0) == [RULES, SYSTEM]


def test_tools_that_were_found_stay_to_be_called() -> None:
    items = [
        {"type": "additional_tools", "id": "at_1", "role": "developer", "tools": TOOLS},
        {"type": "tool_search_output", "call_id": "c", "tools": TOOLS},
        {"type": "tool_search_output", "call_id": "c", "tools": []},
        {"type": "mcp_list_tools", "tools": TOOLS},
    ]
    declared = {"type": "additional_tools", "role": "developer", "tools": TOOLS}
    assert kept(items) == [declared, declared]


ITEM = st.sampled_from([RULES, FIRST, SAID, SECOND, THOUGHT, call(1), result(1), call(2)])


@given(st.lists(ITEM, max_size=9), st.integers(0, 200))
def test_a_plan_leaves_nothing_out(items: list[dict[str, Any]], room: int) -> None:
    plan = make_plan(items, room)
    if plan is not None:
        assert plan.history + plan.after == items
        assert all(item in plan.history for item in plan.before)
        assert plan.history


def test_the_model_is_asked_behind_the_untouched_history() -> None:
    said: list[Any] = [Message(role="user", parts=[Text(words="One?")])]
    tools = [Tool(name="f")]
    asked = Conversation(
        api="responses",
        model="m",
        stream=True,
        instructions=[Text(words="Be brief.")],
        items=said,
        tools=tools,
        max_output_tokens=5,
        prompt_cache_key="k",
        compact_threshold=1,
    )

    request = summary_request(asked, 64_000)

    assert request.items == [*said, Message(role="user", parts=[Text(words=PROMPT)])]
    assert (request.instructions, request.tools) == (asked.instructions, tools)
    assert request.tool_choice is not None
    assert request.tool_choice.mode == "none"
    assert (request.stream, request.max_output_tokens) == (False, SUMMARY_TOKENS)
    assert request.prompt_cache_key == "k"
    assert request.compact_threshold is None
    assert asked.items == said
    assert summary_request(asked, 4096).max_output_tokens == 4096
