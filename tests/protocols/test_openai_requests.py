"""What the writers of OpenAI's two request formats share."""

import pytest
from support.events import translation

from wsgi_gateway.protocols.conversation import (
    Conversation,
    Json,
    ReasoningOptions,
    Text,
    Tool,
    ToolChoice,
)
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.openai_requests import (
    breakpoint_of_cache,
    cache_of_breakpoint,
    has_tools,
    sampling,
    takes_sampling,
)


def test_sampling_goes_to_models_that_take_it() -> None:
    conversation = Conversation(api="messages", model="m", temperature=0.0)
    assert sampling(conversation, translation("messages")) == {"temperature": 0.0}
    refusing = translation("messages", sampling=False)
    assert sampling(conversation, refusing) == {}
    assert [entry.path for entry in refusing.loss.entries] == ["temperature"]


def test_a_choice_without_tools_is_refused() -> None:
    conversation = Conversation(
        api="messages", model="m", tool_choice=ToolChoice(mode="tool", name="f")
    )
    with pytest.raises(ApiError) as caught:
        has_tools(conversation, translation("messages"))
    assert caught.value.param == "tool_choice"
    conversation.tool_choice = ToolChoice(mode="auto")
    assert not has_tools(conversation, translation("messages"))


def test_cache_marks_of_tools_are_told() -> None:
    tool = Tool(name="f", cache={"type": "ephemeral"})
    told = translation("messages")
    told.loss.at("tools[0]", tool)
    assert has_tools(Conversation(api="messages", model="m", tools=[tool]), told)
    assert [(entry.path, entry.verdict) for entry in told.loss.entries] == [("tools[0]", "dropped")]


@pytest.mark.parametrize(
    ("facts", "effort", "taken"),
    [
        ({}, "high", True),
        ({"sampling": False}, "none", False),
        ({"sampling": False, "sampling_without_effort": True}, "none", True),
        ({"sampling": False, "sampling_without_effort": True}, "low", False),
        ({"sampling": False, "sampling_without_effort": True}, None, False),
    ],
)
def test_who_takes_sampling(facts: dict[str, bool], effort: str | None, taken: bool) -> None:
    options = ReasoningOptions(effort=effort) if effort else None
    conversation = Conversation(api="messages", model="m", reasoning=options)
    assert takes_sampling(conversation, translation(**facts)) is taken


@pytest.mark.parametrize(
    ("mark", "cache"),
    [
        (None, None),
        ({}, None),
        ({"mode": "explicit"}, {"type": "ephemeral"}),
        ({"mode": "explicit", "ttl": "30m"}, {"type": "ephemeral", "ttl": "1h"}),
        ({"mode": "explicit", "ttl": "12h"}, {"type": "ephemeral", "ttl": "1h"}),
    ],
)
def test_breakpoints_as_messages_writes_them(mark: Json | None, cache: Json | None) -> None:
    assert cache_of_breakpoint(mark) == cache


@pytest.mark.parametrize(
    ("ttl", "mark", "lost"),
    [
        (None, {"mode": "explicit"}, 0),
        ("5m", {"mode": "explicit", "ttl": "30m"}, 1),
        ("1h", {"mode": "explicit", "ttl": "30m"}, 1),
    ],
)
def test_breakpoints_as_openai_writes_them(ttl: str | None, mark: Json, lost: int) -> None:
    text, told = Text(text="Hi"), translation(cache_breakpoints=True)
    cache = {"type": "ephemeral"} | ({"ttl": ttl} if ttl else {})
    assert breakpoint_of_cache(text, cache, told) == {"prompt_cache_breakpoint": mark}
    assert [entry.verdict for entry in told.loss.entries] == ["dropped"] * lost


def test_breakpoints_that_a_model_does_not_know_are_dropped_where_they_stood() -> None:
    told = translation()
    text = told.loss.at("messages[3].content[1]", Text(text="Hi"))
    assert breakpoint_of_cache(text, None, told) == {}
    assert told.loss.entries == []
    assert breakpoint_of_cache(text, {"type": "ephemeral"}, told) == {}
    assert [entry.path for entry in told.loss.entries] == ["messages[3].content[1]"]
