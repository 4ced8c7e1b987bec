"""Tools, choices and searches, as Chat Completions hosts know them."""

from typing import Any

import pytest
from support.events import translation

from wsgi_gateway.protocols.chat_completions.tools_writer import write_tools
from wsgi_gateway.protocols.conversation import Conversation, Tool, ToolChoice, WebSearch
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.translation import Translation

F, G = Tool(name="f"), Tool(name="g")
PATCH = Tool(
    name="patch",
    description="d",
    custom=True,
    grammar={"syntax": "lark", "definition": "start: x"},
)
SEARCH = WebSearch(
    context_size="low",
    location={"city": "Oslo"},
    allowed_domains=["a.test"],
    blocked_domains=["b.test"],
    max_uses=2,
)


def write(
    task: Translation, tools: list[Tool], choice: ToolChoice | None = None, **more: Any
) -> dict[str, Any]:
    for number, tool in enumerate(tools):
        task.loss.at(f"tools[{number}]", tool)
    conversation = Conversation(api="messages", model="m", tools=tools, tool_choice=choice, **more)
    return write_tools(conversation, task)


def noted(task: Translation) -> list[tuple[str, str]]:
    return [(entry.path, entry.verdict) for entry in task.loss.entries]


def test_a_custom_tool_is_one_where_the_host_has_them() -> None:
    task = translation(custom_tools=True)
    body = write(task, [F, PATCH], ToolChoice(mode="tool", name="patch"))
    assert body["tools"][1] == {
        "type": "custom",
        "custom": {
            "name": "patch",
            "description": "d",
            "format": {
                "type": "grammar",
                "grammar": {"syntax": "lark", "definition": "start: x"},
            },
        },
    }
    assert body["tool_choice"] == {"type": "custom", "custom": {"name": "patch"}}
    assert noted(task) == []


def test_a_custom_tool_is_a_function_elsewhere() -> None:
    task = translation()
    body = write(task, [F, PATCH], ToolChoice(mode="tool", name="patch"))
    assert body["tools"][1]["type"] == "function"
    assert body["tool_choice"] == {"type": "function", "function": {"name": "patch"}}
    assert noted(task) == [("tools[1]", "approximated")]


def test_allowed_tools_are_openais_own() -> None:
    choice = ToolChoice(mode="required", allowed=["g", "patch"])
    task = translation(openai_fields=True, custom_tools=True)
    body = write(task, [F, G, PATCH], choice)
    assert len(body["tools"]) == 3
    assert body["tool_choice"] == {
        "type": "allowed_tools",
        "allowed_tools": {
            "mode": "required",
            "tools": [
                {"type": "function", "function": {"name": "g"}},
                {"type": "custom", "custom": {"name": "patch"}},
            ],
        },
    }
    assert noted(task) == []


def test_allowed_tools_are_the_only_ones_elsewhere() -> None:
    task = translation()
    body = write(task, [F, G], ToolChoice(mode="required", allowed=["g"]))
    assert [tool["function"]["name"] for tool in body["tools"]] == ["g"]
    assert body["tool_choice"] == "required"
    assert noted(task) == [("tool_choice", "approximated")]
    assert write(translation(), [F], ToolChoice(mode="auto", allowed=[])) == {}


def test_a_search_goes_where_chat_searches() -> None:
    task = translation(web_search=("chat_completions",))
    task.loss.at("tools[0]", SEARCH)
    body = write(task, [], ToolChoice(mode="required"), web_search=SEARCH)
    assert body == {
        "web_search_options": {
            "search_context_size": "low",
            "user_location": {"type": "approximate", "approximate": {"city": "Oslo"}},
        }
    }
    assert noted(task) == [("tools[0]", "approximated")] * 3
    assert write(
        translation(web_search=("chat_completions",)), [F], web_search=WebSearch()
    ).keys() == {"tools", "web_search_options"}


@pytest.mark.parametrize("tools", [[], [F]])
def test_a_search_that_always_runs_is_forced_and_can_only_be_left_out(tools: list[Tool]) -> None:
    task = translation(web_search=("chat_completions",))
    body = write(task, tools, ToolChoice(mode="search"), web_search=WebSearch())
    assert body["web_search_options"] == {} and "tool_choice" not in body
    body = write(task, tools, ToolChoice(mode="none"), web_search=WebSearch())
    assert "web_search_options" not in body
    assert noted(task) == []


def test_a_limit_on_the_upstreams_tools_is_told_by_its_name() -> None:
    task = translation("responses", web_search=("chat_completions",))
    write(task, [], web_search=WebSearch(), max_tool_calls=3)
    assert noted(task) == [("max_tool_calls", "approximated")]


def test_a_search_is_left_out_with_a_note_elsewhere() -> None:
    task = translation(web_search=("responses",))
    task.loss.at("tools[0]", SEARCH)
    assert write(task, [], web_search=SEARCH) == {}
    assert noted(task) == [("tools[0]", "approximated")]


@pytest.mark.parametrize(
    ("tools", "choice"),
    [
        ([], ToolChoice(mode="required")),
        ([], ToolChoice(mode="tool", name="web_search")),
        ([], ToolChoice(mode="search")),
        ([F], ToolChoice(mode="search")),
        ([F], ToolChoice(mode="required", allowed=["web_search"])),
    ],
)
def test_a_choice_of_what_is_not_sent_is_refused(tools: list[Tool], choice: ToolChoice) -> None:
    with pytest.raises(ApiError) as caught:
        write(translation(), tools, choice, web_search=SEARCH)
    assert caught.value.param == "tool_choice"


def test_a_schema_of_messages_that_openai_cannot_enforce_is_not_strict() -> None:
    task = translation()
    open_schema = {"type": "object", "properties": {"x": {}}}
    body = write(task, [F, Tool(name="h", strict=True, parameters=open_schema)])
    assert body["tools"][1]["function"]["strict"] is False
    assert noted(task) == [("tools[1]", "approximated")]
