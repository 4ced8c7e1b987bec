"""Tools of Responses requests: flattened, searched for, dropped or refused."""

from typing import Any

import pytest

from wsgi_gateway.protocols.conversation import (
    Conversation,
    Tool,
    ToolChoice,
    ToolResult,
    WebSearch,
)
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.responses import read_request

FUNCTION = {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": None}
SEARCH = {"type": "tool_search", "execution": "client", "description": "Finds tools."}


def read(loss: Loss | None = None, **body: Any) -> Conversation:
    return read_request({"model": "m", "input": "hi", **body}, loss or Loss("responses"))


def test_functions_and_custom_tools() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: WORD"}
    custom = {"type": "custom", "name": "patch", "description": "Patches.", "format": grammar}
    tools = read(tools=[{**FUNCTION, "strict": True, "description": "F."}, custom]).tools
    assert tools == [
        Tool(name="f", description="F.", parameters={"type": "object"}, strict=True),
        Tool(
            name="patch",
            description="Patches.",
            custom=True,
            grammar={"syntax": "lark", "definition": "start: WORD"},
        ),
    ]


def test_a_namespace_is_flattened() -> None:
    loss = Loss("responses")
    space = {"type": "namespace", "name": "ns", "description": "N.", "tools": [FUNCTION]}
    tools = read(loss, tools=[FUNCTION, space]).tools
    assert [(tool.namespace, tool.name) for tool in tools] == [(None, "f"), ("ns", "f")]
    assert [entry.path for entry in loss.entries] == ["tools[1]"]


def test_the_clients_own_search_is_a_function() -> None:
    (tool,) = read(tools=[SEARCH]).tools
    assert (tool.name, tool.description, tool.custom) == ("tool_search", "Finds tools.", False)
    assert tool.parameters is not None


def test_what_a_search_found_is_offered_once() -> None:
    space = {"type": "namespace", "name": "ns", "tools": [FUNCTION]}
    found = {"type": "tool_search_output", "execution": "client", "tools": [space, FUNCTION]}
    call = {"type": "tool_search_call", "execution": "client", "arguments": {"query": "x"}}
    conversation = read(
        tools=[SEARCH],
        input=[
            {"role": "user", "content": "hi"},
            {**call, "call_id": "c1"},
            {**found, "call_id": "c1"},
            {**call, "call_id": "c2"},
            {**found, "call_id": "c2"},
        ],
    )
    names = [(tool.namespace, tool.name) for tool in conversation.tools]
    assert names == [(None, "tool_search"), ("ns", "f"), (None, "f")]
    result = conversation.items[-1]
    assert isinstance(result, ToolResult)
    assert [part.text for part in result.parts if hasattr(part, "text")] == [
        '{"loaded_tools":["ns__f","f"]}'
    ]


def test_a_search_at_openai_leaves_its_findings() -> None:
    loss = Loss("responses")
    output = {"type": "tool_search_output", "execution": "server", "tools": [FUNCTION]}
    conversation = read(loss, tools=[{"type": "tool_search"}], input=[output])
    assert [tool.name for tool in conversation.tools] == ["f"]
    assert conversation.items == []
    assert [entry.path for entry in loss.entries] == ["tools[0]", "input[0]"]


def test_additional_tools_join_the_others() -> None:
    item = {"type": "additional_tools", "role": "developer", "tools": [{**FUNCTION, "name": "g"}]}
    assert [tool.name for tool in read(tools=[FUNCTION], input=[item]).tools] == ["f", "g"]


@pytest.mark.parametrize("kind", ["web_search", "web_search_preview", "web_search_2025_08_26"])
def test_web_search_is_kept(kind: str) -> None:
    loss = Loss("responses")
    location = {"type": "approximate", "city": "Oslo", "country": "NO", "region": None}
    search = {
        "type": kind,
        "external_web_access": True,
        "filters": {"allowed_domains": ["a.test"]},
        "user_location": location,
        "search_context_size": "low",
    }
    conversation = read(loss, tools=[FUNCTION, search], max_tool_calls=3)
    assert [tool.name for tool in conversation.tools] == ["f"]
    assert conversation.web_search == WebSearch(
        allowed_domains=["a.test"],
        context_size="low",
        location={"city": "Oslo", "country": "NO"},
    )
    assert conversation.max_tool_calls == 3
    assert loss.entries == []
    with pytest.raises(ApiError) as caught:
        loss.refuse(conversation.web_search, "no")
    assert caught.value.param == "tools[1]"


@pytest.mark.parametrize(
    ("field", "value"), [("external_web_access", False), ("search_content_types", ["image"])]
)
def test_what_a_search_cannot_be_told_is_noted(field: str, value: object) -> None:
    loss = Loss("responses")
    read(loss, tools=[{"type": "web_search", field: value}])
    noted = [(entry.path, entry.verdict) for entry in loss.entries]
    assert noted == [(f"tools[0].{field}", "approximated")]


@pytest.mark.parametrize(
    ("field", "value", "verdict"),
    [
        ("output_schema", {}, "dropped"),
        ("defer_loading", True, "dropped"),
        ("async", True, "approximated"),
    ],
)
def test_what_functions_lose_is_noted_in_its_place(field: str, value: object, verdict: str) -> None:
    loss = Loss("responses")
    space = {"type": "namespace", "name": "ns", "tools": [{**FUNCTION, field: value}]}
    read(loss, tools=[FUNCTION, space])
    noted = [(entry.path, entry.verdict) for entry in loss.entries]
    assert noted[1:] == [(f"tools[1].tools[0].{field}", verdict)]


@pytest.mark.parametrize(
    ("tool", "required"),
    [
        ({"type": "apply_patch"}, ["type", "path"]),
        ({"type": "shell"}, ["commands"]),
        ({"type": "shell", "environment": {"type": "local"}}, ["commands"]),
        ({"type": "local_shell"}, ["command"]),
    ],
)
def test_the_clients_own_tools_are_functions(tool: dict[str, Any], required: list[str]) -> None:
    loss = Loss("responses")
    (found,) = read(loss, tools=[tool]).tools
    assert (found.name, found.custom) == (tool["type"], False)
    assert found.parameters is not None and found.parameters["required"] == required
    assert [(entry.path, entry.verdict) for entry in loss.entries] == [("tools[0]", "approximated")]


def test_skills_are_told_in_the_description() -> None:
    skill = {"name": "deploy", "description": "Deploys.", "path": "skills/deploy"}
    (shell,) = read(
        tools=[{"type": "shell", "environment": {"type": "local", "skills": [skill]}}]
    ).tools
    assert str(shell.description).endswith("- deploy: Deploys. (skills/deploy)")


def test_a_function_keeps_its_name_where_a_client_tool_would_take_it() -> None:
    own = {**FUNCTION, "name": "shell"}
    for tools in ([own, {"type": "shell"}], [{"type": "shell"}, own]):
        conversation = read(tools=tools, tool_choice={"type": "shell"})
        assert {tool.name for tool in conversation.tools} == {"shell", "openai_shell"}
        assert conversation.tool_choice == ToolChoice(mode="tool", name="openai_shell")


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "file_search", "vector_store_ids": ["vs_1"]},
        {"type": "code_interpreter", "container": {"type": "auto"}},
        {"type": "mcp", "server_label": "s", "server_url": "https://example.com"},
        {"type": "computer"},
        {"type": "image_generation"},
        {"type": "shell", "environment": {"type": "container_auto"}},
        {"type": "shell", "environment": "linux"},
        {"type": "computer_use_preview", "environment": "linux"},
        {"type": "programmatic_tool_calling"},
        {**FUNCTION, "name": "g", "allowed_callers": ["programmatic"]},
        {"type": "web_search", "filters": {"allowed_domains": "a.test"}},
        {"type": "from_the_future"},
        {"type": "function"},
        {"type": "namespace", "tools": []},
        {"type": "namespace", "name": "ns", "tools": [{"type": "mcp"}]},
        FUNCTION,
    ],
    ids=lambda tool: tool["type"],
)
def test_what_cannot_be_offered_is_refused(tool: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as caught:
        read(tools=[FUNCTION, tool])
    assert caught.value.kind == "invalid_request"
    assert str(caught.value.param).startswith("tools[1]")


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, None),
        ("auto", ToolChoice(mode="auto")),
        ("none", ToolChoice(mode="none")),
        ("required", ToolChoice(mode="required")),
        ({"type": "function", "name": "f"}, ToolChoice(mode="tool", name="f")),
        ({"type": "custom", "name": "p"}, ToolChoice(mode="tool", name="p")),
        (
            {"type": "function", "name": "f", "namespace": "ns"},
            ToolChoice(mode="tool", name="f", namespace="ns"),
        ),
        (
            {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "f"}, {"type": "web_search"}],
            },
            ToolChoice(mode="required", allowed=["f"]),
        ),
    ],
)
def test_tool_choice(choice: object, expected: ToolChoice | None) -> None:
    assert read(tools=[FUNCTION], tool_choice=choice).tool_choice == expected


@pytest.mark.parametrize("kind", ["web_search", "web_search_preview"])
def test_the_search_can_be_chosen(kind: str) -> None:
    same_name = {**FUNCTION, "name": "web_search"}
    for tools in ([], [same_name]):
        asked = read(tools=[*tools, {"type": "web_search"}], tool_choice={"type": kind})
        assert asked.tool_choice == ToolChoice(mode="search")


@pytest.mark.parametrize("kind", ["apply_patch", "shell"])
def test_a_client_tool_can_be_chosen(kind: str) -> None:
    conversation = read(tools=[{"type": kind}], tool_choice={"type": kind})
    assert conversation.tool_choice == ToolChoice(mode="tool", name=kind)


@pytest.mark.parametrize(("allowed", "searches"), [([], False), ([{"type": "web_search"}], True)])
def test_a_search_that_is_not_among_the_allowed_tools_is_none(
    allowed: list[Any], searches: bool
) -> None:
    tools = [FUNCTION, {"type": "shell"}, {"type": "web_search"}]
    choice = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "shell"}, *allowed]}
    conversation = read(tools=tools, tool_choice=choice)
    assert conversation.tool_choice == ToolChoice(mode="auto", allowed=["shell"])
    assert (conversation.web_search is not None) is searches


def test_an_allowed_tool_that_runs_at_openai_is_refused_by_its_place() -> None:
    choice = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp"}]}
    with pytest.raises(ApiError) as caught:
        read(tools=[FUNCTION], tool_choice=choice)
    assert caught.value.param == "tool_choice.tools[0]"


@pytest.mark.parametrize(
    "choice",
    [
        "sometimes",
        {"type": "web_search"},
        {"type": "shell"},
        {"type": "mcp", "server_label": "s"},
        {},
    ],
)
def test_other_choices_are_refused(choice: object) -> None:
    with pytest.raises(ApiError) as caught:
        read(tools=[FUNCTION], tool_choice=choice)
    assert caught.value.param == "tool_choice"
