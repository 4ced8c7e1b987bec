"""Tools of Responses requests: flattened, searched for, dropped or refused."""

from typing import Any

import pytest

from wsgi_gateway.protocols.conversation import Conversation, Tool, ToolChoice, ToolResult
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.responses import read_request
from wsgi_gateway.protocols.responses.tools_reader import has_client_search

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
    assert [entry.path for entry in loss.entries] == ["tools.tool_search", "input[0]"]


def test_additional_tools_join_the_others() -> None:
    item = {"type": "additional_tools", "role": "developer", "tools": [{**FUNCTION, "name": "g"}]}
    assert [tool.name for tool in read(tools=[FUNCTION], input=[item]).tools] == ["f", "g"]


@pytest.mark.parametrize("kind", ["web_search", "web_search_preview", "web_search_2025_08_26"])
def test_web_search_is_dropped_with_a_note(kind: str) -> None:
    loss = Loss("responses")
    assert read(loss, tools=[FUNCTION, {"type": kind, "external_web_access": True}]).tools != []
    assert [(entry.path, entry.verdict) for entry in loss.entries] == [("tools[1]", "dropped")]


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "file_search", "vector_store_ids": ["vs_1"]},
        {"type": "code_interpreter", "container": {"type": "auto"}},
        {"type": "mcp", "server_label": "s", "server_url": "https://example.com"},
        {"type": "computer"},
        {"type": "image_generation"},
        {"type": "local_shell"},
        {"type": "shell"},
        {"type": "apply_patch"},
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


@pytest.mark.parametrize(
    "choice", ["sometimes", {"type": "web_search"}, {"type": "mcp", "server_label": "s"}, {}]
)
def test_other_choices_are_refused(choice: object) -> None:
    with pytest.raises(ApiError) as caught:
        read(tools=[FUNCTION], tool_choice=choice)
    assert caught.value.param == "tool_choice"


@pytest.mark.parametrize(
    ("tools", "expected"),
    [(None, False), ([{"type": "tool_search"}], False), ([3], False), ([FUNCTION, SEARCH], True)],
)
def test_whether_the_client_searches(tools: object, expected: bool) -> None:
    assert has_client_search({"tools": tools}) is expected
