"""The upstream's own search, and choices among tools, in a Responses request."""

from typing import Any

import pytest
from msgspec.structs import replace
from support.events import translation

from wsgi_gateway.protocols.conversation import (
    Conversation,
    Message,
    Text,
    Tool,
    ToolChoice,
    WebSearch,
)
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.responses import read_request, write_request
from wsgi_gateway.protocols.translation import Translation

SEARCH = WebSearch(
    allowed_domains=["a.test"],
    context_size="low",
    location={"city": "Oslo"},
    max_uses=3,
)
ITEMS = [Message(role="user", parts=[Text(words="hi")])]
FUNCTION = Tool(name="f")


def searching(api: str = "messages") -> Translation:
    return translation(api, web_search=("responses",), openai_fields=True)


def write(to: Translation, **more: Any) -> Any:
    api = "messages"
    conversation = Conversation(api=api, model="asked", **{"items": ITEMS, **more})
    return write_request(conversation, to)


def test_openai_searches_itself() -> None:
    to = searching()
    body = write(to, web_search=SEARCH, tools=[FUNCTION])
    assert body["tools"][1] == {
        "type": "web_search",
        "filters": {"allowed_domains": ["a.test"]},
        "user_location": {"type": "approximate", "city": "Oslo"},
        "search_context_size": "low",
    }
    assert body["max_tool_calls"] == 3
    assert body["include"] == ["web_search_call.action.sources"]
    assert to.loss.entries == []


def test_the_least_search() -> None:
    body = write(searching(), web_search=WebSearch())
    assert body["tools"] == [{"type": "web_search"}]
    assert "max_tool_calls" not in body


def test_what_is_written_can_be_read() -> None:
    to = searching("responses")
    body = write(to, web_search=SEARCH, tool_choice=ToolChoice(mode="search"))
    again = read_request(body, to.loss)
    assert again.web_search == replace(SEARCH, max_uses=None)
    assert again.max_tool_calls == 3
    assert again.tool_choice == ToolChoice(mode="search")


def test_blocked_domains_are_noted_in_their_place() -> None:
    to = searching()
    search = to.loss.at("tools[2]", WebSearch(blocked_domains=["a.test"]))
    write(to, web_search=search)
    assert [(entry.path, entry.verdict) for entry in to.loss.entries] == [
        ("tools[2]", "approximated")
    ]


def test_other_hosts_do_not_search() -> None:
    to = translation("messages")
    search = to.loss.at("tools[0]", WebSearch())
    body = write(to, web_search=search, tools=[FUNCTION], tool_choice=ToolChoice(mode="auto"))
    assert [tool["name"] for tool in body["tools"]] == ["f"]
    assert "include" not in body
    assert [(entry.path, entry.verdict) for entry in to.loss.entries] == [
        ("tools[0]", "approximated")
    ]


@pytest.mark.parametrize(
    ("tools", "choice"),
    [
        ([], ToolChoice(mode="search")),
        ([FUNCTION], ToolChoice(mode="search")),
        ([Tool(name="web_search")], ToolChoice(mode="search")),
        ([], ToolChoice(mode="required")),
        ([FUNCTION], ToolChoice(mode="tool", name="g")),
        ([FUNCTION], ToolChoice(mode="auto", allowed=["g"])),
    ],
)
def test_a_choice_that_would_dangle_is_refused(tools: list[Tool], choice: ToolChoice) -> None:
    with pytest.raises(ApiError) as caught:
        write(translation("messages"), web_search=WebSearch(), tools=tools, tool_choice=choice)
    assert caught.value.param == "tool_choice"


def test_a_function_named_as_the_search_is_a_function() -> None:
    choice = ToolChoice(mode="tool", name="web_search")
    body = write(searching(), tools=[Tool(name="web_search")], tool_choice=choice)
    assert body["tool_choice"] == {"type": "function", "name": "web_search"}


def test_allowed_tools_keep_their_namespaces_and_the_search() -> None:
    tools = [FUNCTION, Tool(name="g", namespace="ns"), Tool(name="p", custom=True)]
    choice = ToolChoice(mode="auto", allowed=["g", "p"])
    body = write(searching(), web_search=WebSearch(), tools=tools, tool_choice=choice)
    assert body["tool_choice"] == {
        "type": "allowed_tools",
        "mode": "auto",
        "tools": [
            {"type": "function", "name": "ns__g"},
            {"type": "custom", "name": "p"},
            {"type": "web_search"},
        ],
    }
