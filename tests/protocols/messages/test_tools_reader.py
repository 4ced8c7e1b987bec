"""Tools of a Messages request."""

from typing import Any

import msgspec
import pytest

from wsgi_gateway.protocols.conversation import Tool, ToolChoice, WebSearch
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages import wire
from wsgi_gateway.protocols.messages.client_tools import client_tool
from wsgi_gateway.protocols.messages.tools_reader import read_tool_choice, read_tools

SCHEMA = {"type": "object", "properties": {"x": {"type": "string"}}}
CACHE = {"type": "ephemeral"}


def read(*tools: dict[str, Any]) -> tuple[list[Tool], list[str]]:
    loss = Loss("messages")
    return read_tools(msgspec.convert(tools, list[wire.Tool]), loss).tools, [
        f"{entry.path}: {entry.note}" for entry in loss.entries
    ]


@pytest.mark.parametrize("kind", [{}, {"type": None}, {"type": "custom"}])
def test_a_custom_tool(kind: dict[str, Any]) -> None:
    tools, lost = read(
        {
            **kind,
            "name": "f",
            "description": "d",
            "input_schema": SCHEMA,
            "strict": True,
            "cache_control": CACHE,
            "allowed_callers": ["direct"],
            "defer_loading": True,
        }
    )
    assert tools == [Tool(name="f", description="d", parameters=SCHEMA, strict=True, cache=CACHE)]
    assert lost == ["tools[0].defer_loading: all tools are offered at once"]


def test_examples_become_words() -> None:
    (tool,), lost = read({"name": "f", "input_schema": SCHEMA, "input_examples": [{"x": "é"}]})
    assert tool.description == 'Examples of input:\n{"x":"é"}'
    assert lost == ["tools[0].input_examples: became part of the description"]


@pytest.mark.parametrize(
    ("kind", "name", "required"),
    [
        ("bash_20250124", "bash", []),
        ("text_editor_20250124", "str_replace_editor", ["command", "path"]),
        ("text_editor_20250429", "str_replace_based_edit_tool", ["command", "path"]),
        ("text_editor_20250728", "str_replace_based_edit_tool", ["command", "path"]),
        ("memory_20250818", "memory", ["command"]),
    ],
)
def test_client_tools_are_offered_with_their_schema(
    kind: str, name: str, required: list[str]
) -> None:
    (tool,), lost = read({"type": kind, "name": name, "cache_control": CACHE})
    assert tool.name == name and tool.description and tool.cache == CACHE
    assert tool.parameters is not None
    assert tool.parameters["required"] == required
    assert set(required) <= set(tool.parameters["properties"])
    assert len(lost) == 1
    assert client_tool(kind) != tool, "the table's own tool is not touched"


def test_tool_search_can_be_done_without() -> None:
    kind = "tool_search_tool_regex_20251119"
    tools, lost = read({"type": kind, "name": "x"}, {"name": "f", "input_schema": SCHEMA})
    assert [tool.name for tool in tools] == ["f"]
    assert lost == ["tools[0]: tool search was left out: all tools are offered at once"]


SEARCH: dict[str, Any] = {"type": "web_search_20250305", "name": "web_search"}


def test_a_web_search_is_no_tool_of_the_clients() -> None:
    loss = Loss("messages")
    about = {
        "max_uses": 3,
        "allowed_domains": ["a.example"],
        "user_location": {"type": "approximate", "city": "Oslo", "country": "NO"},
    }
    given = [{"name": "f", "input_schema": SCHEMA}, {**SEARCH, **about, "cache_control": CACHE}]
    read = read_tools(msgspec.convert(given, list[wire.Tool]), loss)
    assert [tool.name for tool in read.tools] == ["f"]
    assert (read.web_search, read.search_name) == (
        WebSearch(
            max_uses=3,
            allowed_domains=["a.example"],
            location={"city": "Oslo", "country": "NO"},
        ),
        "web_search",
    )
    loss.dropped(read.web_search)
    loss.dropped(read.tools[0])
    assert [entry.path for entry in loss.entries] == [
        "tools[1].cache_control",
        "tools[1]",
        "tools[0]",
    ]


def test_a_web_search_is_one_of_a_kind_and_may_be_forced() -> None:
    for second in (SEARCH, {"name": "web_search", "input_schema": SCHEMA}):
        with pytest.raises(ApiError) as caught:
            read(SEARCH, second)
        assert caught.value.param == "tools[1].name"
    loss = Loss("messages")
    forced = read_tool_choice(wire.ToolChoice("tool", "web_search"), "web_search", loss)
    assert forced == ToolChoice(mode="search")
    named = read_tool_choice(wire.ToolChoice("tool", "web_search"), None, loss)
    assert named == ToolChoice(mode="tool", name="web_search")
    assert loss.entries == []


@pytest.mark.parametrize("tool", [SEARCH, {"type": "bash_20250124", "name": "bash"}])
def test_tools_of_all_types_keep_their_options_or_tell(tool: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as caught:
        read({**tool, "allowed_callers": ["code_execution_20260120"]})
    assert caught.value.param == "tools[0].allowed_callers"
    _, lost = read({**tool, "defer_loading": True, "allowed_callers": ["direct"]})
    assert "tools[0].defer_loading: all tools are offered at once" in lost


def test_examples_of_a_client_tool_are_told() -> None:
    given = {"type": "bash_20250124", "name": "bash", "input_examples": [{"command": "ls"}]}
    (tool,), lost = read(given)
    assert tool.description is not None
    assert tool.description.endswith('Examples of input:\n{"command":"ls"}')
    assert "tools[0].input_examples: became part of the description" in lost


def test_what_code_would_have_made_of_a_search_is_a_hint() -> None:
    lost = [read({**SEARCH, "response_inclusion": value})[1] for value in ("full", "excluded")]
    why = "no code runs that could consume the results"
    assert lost == [[], [f"tools[0].response_inclusion: {why}"]]


@pytest.mark.parametrize(
    ("tool", "param"),
    [
        ({"type": "code_execution_20250825", "name": "code_execution"}, "tools[1].type"),
        ({"type": "computer_toolset_20260801"}, "tools[1].type"),
        ({"name": "g"}, "tools[1].input_schema"),
        ({"input_schema": SCHEMA}, "tools[1].name"),
        ({"name": "f", "input_schema": SCHEMA}, "tools[1].name"),
        (
            {"name": "g", "input_schema": SCHEMA, "allowed_callers": ["code_execution_20250825"]},
            "tools[1].allowed_callers",
        ),
    ],
)
def test_refused(tool: dict[str, Any], param: str) -> None:
    with pytest.raises(ApiError) as caught:
        read({"name": "f", "input_schema": SCHEMA}, tool)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        ({"type": "auto"}, ToolChoice(mode="auto")),
        ({"type": "any"}, ToolChoice(mode="required")),
        ({"type": "none"}, ToolChoice(mode="none")),
        ({"type": "tool", "name": "f"}, ToolChoice(mode="tool", name="f")),
    ],
)
def test_choice(given: Any, expected: ToolChoice | None) -> None:
    choice = msgspec.convert(given, wire.ToolChoice | None)
    assert read_tool_choice(choice, None, Loss("messages")) == expected


def test_a_choice_without_its_name_is_refused() -> None:
    with pytest.raises(ApiError) as caught:
        read_tool_choice(wire.ToolChoice("tool"), None, Loss("messages"))
    assert caught.value.param == "tool_choice.name"
