"""What the writers of OpenAI's two request formats share."""

import pytest
from support.events import translation

from wsgi_gateway.protocols.conversation import Conversation, Tool, ToolChoice
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.openai_requests import has_tools, sampling


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
