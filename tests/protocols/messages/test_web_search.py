"""A web search, as a Messages upstream is offered it."""

from typing import Any

import pytest
from support.events import translation

from wsgi_gateway.protocols.conversation import (
    Conversation,
    Message,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    WebSearch,
)
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.messages import write_request
from wsgi_gateway.protocols.translation import Translation

HI = Message(role="user", parts=[Text(words="hi")])
PLAIN = {"type": "web_search_20250305", "name": "web_search"}
OBJECT = {"type": "object", "properties": {}}


def write(
    search: WebSearch, searches: bool = True, **more: Any
) -> tuple[dict[str, Any], list[tuple[str, str]], Translation]:
    task = translation("responses", web_search=("messages",) if searches else ())
    task.loss.at("tools[1]", search)
    asked = Conversation(api="responses", model="m", **{"items": [HI], **more}, web_search=search)
    body = write_request(asked, task)
    return body, [(entry.path, entry.note) for entry in task.loss.entries], task


def test_all_that_messages_knows_of_a_search() -> None:
    search = WebSearch(
        allowed_domains=["a.example"],
        max_uses=2,
        context_size="medium",
        location={"city": "Oslo", "timezone": "Europe/Oslo"},
    )
    body, lost, _ = write(search)
    assert body["tools"] == [
        {
            **PLAIN,
            "max_uses": 2,
            "allowed_domains": ["a.example"],
            "user_location": {
                "type": "approximate",
                "city": "Oslo",
                "timezone": "Europe/Oslo",
            },
        }
    ]
    assert lost == []
    assert write(WebSearch(blocked_domains=["b"]))[0]["tools"][0]["blocked_domains"] == ["b"]


def test_a_context_size_is_noted() -> None:
    body, lost, _ = write(WebSearch(context_size="high"))
    assert (body["tools"], lost) == (
        [PLAIN],
        [("tools[1]", "its context size: the upstream has no such setting")],
    )


def test_an_upstream_that_runs_none_gets_none() -> None:
    body, lost, _ = write(WebSearch(), searches=False)
    assert "tools" not in body
    assert lost == [("tools[1]", "left out: the upstream does not search the web")]


@pytest.mark.parametrize("choice", [None, ToolChoice(mode="tool", name="web_search")])
def test_a_clients_tool_of_the_same_name_gets_another(choice: ToolChoice | None) -> None:
    call = ToolCall(id="c", name="web_search", arguments="{}")
    result = ToolResult(call_id="c", parts=[Text(words="r")])
    body, _, task = write(
        WebSearch(),
        items=[HI, call, result],
        tools=[Tool(name="web_search", parameters=OBJECT)],
        tool_choice=choice,
    )
    own, searches = body["tools"]
    assert searches == PLAIN
    assert own["name"] != "web_search"
    assert body["messages"][1]["content"][0]["name"] == own["name"]
    assert task.aliases.restore_tool(own["name"]).name == "web_search"
    if choice is not None:
        assert body["tool_choice"] == {"type": "tool", "name": own["name"]}


def test_a_search_may_be_required_or_forced() -> None:
    body, _, _ = write(WebSearch(), tool_choice=ToolChoice(mode="required"))
    assert body["tool_choice"] == {"type": "any"}
    same_name = Tool(name="web_search", parameters=OBJECT)
    for tools in ([], [same_name]):
        body, _, _ = write(WebSearch(), tools=tools, tool_choice=ToolChoice(mode="search"))
        assert body["tool_choice"] == {"type": "tool", "name": "web_search"}


@pytest.mark.parametrize("tools", [[], [Tool(name="web_search", parameters=OBJECT)]])
def test_a_search_that_is_not_run_cannot_be_forced(tools: list[Tool]) -> None:
    with pytest.raises(ApiError) as caught:
        write(WebSearch(), False, tools=tools, tool_choice=ToolChoice(mode="search"))
    assert caught.value.param == "tool_choice"


def test_a_limit_on_all_of_the_upstreams_tools_is_one_on_its_search() -> None:
    assert write(WebSearch(), max_tool_calls=3)[0]["tools"] == [{**PLAIN, "max_uses": 3}]
    assert write(WebSearch(max_uses=2), max_tool_calls=3)[0]["tools"][0]["max_uses"] == 2
