"""Tools and the choice among them, toward a Messages upstream."""

from typing import Any

import pytest
from support.events import translation

from wsgi_gateway.protocols.conversation import Conversation, Tool, ToolCall, ToolChoice
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.messages.tools_writer import write_tools

OBJECT = {"type": "object", "properties": {}}
F, G = Tool(name="f", parameters=OBJECT), Tool(name="g", parameters=OBJECT)


def write(
    *tools: Tool, thinks: bool = False, facts: dict[str, Any] | None = None, **more: Any
) -> tuple[dict[str, Any], list[str]]:
    conversation = Conversation(api="chat_completions", model="m", tools=list(tools), **more)
    task = translation(**(facts or {}))
    for number, tool in enumerate(tools):
        task.loss.at(f"tools[{number}]", tool)
    return write_tools(conversation, task, thinks=thinks), [
        entry.path for entry in task.loss.entries
    ]


def choice(mode: Any, *, thinks: bool = False, parallel: bool | None = None, **more: Any) -> Any:
    given = ToolChoice(mode=mode, **more)
    body, _ = write(F, G, tool_choice=given, parallel_tool_calls=parallel, thinks=thinks)
    return body.get("tool_choice")


def test_a_function() -> None:
    tool = Tool(name="f", description="d", parameters=OBJECT, strict=False, cache={"type": "x"})
    assert write(tool) == (
        {
            "tools": [
                {
                    "name": "f",
                    "description": "d",
                    "input_schema": OBJECT,
                    "cache_control": {"type": "x"},
                }
            ]
        },
        [],
    )
    assert write(Tool(name="f", parameters=OBJECT, strict=True))[1] == ["tools[0]"]


CLOSED = {**OBJECT, "additionalProperties": False}


def test_strict_tools_where_the_model_enforces_them() -> None:
    facts = {"strict_tools": True}
    (tool,) = write(Tool(name="f", parameters=CLOSED, strict=True), facts=facts)[0]["tools"]
    assert tool == {"name": "f", "input_schema": CLOSED, "strict": True}
    odd = {**CLOSED, "properties": {"n": {"type": "integer", "minimum": 1}}}
    body, lost = write(Tool(name="f", parameters=odd, strict=True), G, facts=facts)
    assert body["tools"][0]["input_schema"]["properties"]["n"] == {
        "type": "integer",
        "description": "(minimum: 1)",
    }
    assert "strict" not in body["tools"][1]
    assert lost == ["tools[0]"]


@pytest.mark.parametrize(
    ("parameters", "schema"),
    [
        (None, OBJECT),
        ({}, OBJECT),
        ({"type": "object"}, {"type": "object"}),
        ({"type": ["object", "null"]}, {"type": "object"}),
        ({"properties": {"x": {}}}, {"type": "object", "properties": {"x": {}}}),
        (
            {"$ref": "#/$defs/x", "$defs": {"x": {"type": "object", "title": "X"}}},
            {"$defs": {"x": {"type": "object", "title": "X"}}, "type": "object", "title": "X"},
        ),
    ],
)
def test_the_root_of_a_schema_is_an_object(parameters: Any, schema: dict[str, Any]) -> None:
    body, _ = write(Tool(name="f", parameters=parameters))
    assert body["tools"][0]["input_schema"] == schema


def test_alternatives_at_the_root_are_only_described() -> None:
    either: dict[str, Any] = {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}
    body, lost = write(F, Tool(name="g", parameters={**OBJECT, **either}))
    assert body["tools"][1]["input_schema"] == {
        **OBJECT,
        "description": '(anyOf: [{"required":["a"]},{"required":["b"]}])',
    }
    assert lost == ["tools[1]"]


REF = {"$ref": "#/$defs/a"}


@pytest.mark.parametrize(
    "parameters",
    [
        {"type": "string"},
        {"anyOf": [OBJECT]},
        {"$ref": "#/x"},
        {**REF, "$defs": {"a": REF}},
        {**REF, "$defs": {"a": {"type": "array"}}},
        {**REF, "$defs": 5},
        {**REF, "$defs": {"a": OBJECT}, "properties": {}},
    ],
)
def test_any_other_root_is_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ApiError, match="'f' must be a schema of type object"):
        write(Tool(name="f", parameters=parameters))


def test_custom_and_namespaced_tools() -> None:
    body, lost = write(
        Tool(name="p", custom=True), Tool(name="f", namespace="n", parameters=OBJECT)
    )
    assert [tool["name"] for tool in body["tools"]] == ["p", "n__f"]
    assert body["tools"][0]["input_schema"]["required"] == ["input"]
    assert lost == ["tools[0]"]


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(ApiError, match="two tools named 'f'"):
        write(F, F)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("auto", {"type": "auto"}), ("none", {"type": "none"}), ("required", {"type": "any"})],
)
def test_choices(mode: str, expected: dict[str, str]) -> None:
    assert choice(mode) == expected


def test_a_forced_tool() -> None:
    assert choice("tool", name="f") == {"type": "tool", "name": "f"}
    assert choice("tool", name="f", thinks=True) == {"type": "auto"}
    assert choice("required", thinks=True) == {"type": "auto"}
    for mode in ("required", "tool"):
        given = ToolChoice(mode=mode, name="f")  # type: ignore[arg-type]
        body, lost = write(F, tool_choice=given, facts={"forced_tools": False})
        assert (body["tool_choice"], lost) == ({"type": "auto"}, ["tool_choice"])


def test_a_choice_of_a_tool_that_is_not_there_is_refused() -> None:
    with pytest.raises(ApiError, match="no tool named 'h'") as caught:
        choice("tool", name="h")
    assert caught.value.param == "tool_choice"


def test_parallel_calls() -> None:
    assert write(F, parallel_tool_calls=True)[0].keys() == {"tools"}
    serial = {"type": "auto", "disable_parallel_tool_use": True}
    assert write(F, parallel_tool_calls=False)[0]["tool_choice"] == serial
    assert choice("required", parallel=False) == {**serial, "type": "any"}
    assert choice("none", parallel=False) == {"type": "none"}


def test_allowed_tools_are_those_that_are_sent() -> None:
    given = ToolChoice(mode="required", allowed=["g"])
    body, lost = write(F, G, tool_choice=given)
    assert [tool["name"] for tool in body["tools"]] == ["g"]
    assert body["tool_choice"] == {"type": "any"}
    assert lost == ["tool_choice"]


def test_calls_in_the_history_need_declared_tools() -> None:
    calls = [ToolCall(id=f"c{n}", name=name, arguments="{}") for n, name in enumerate("aab")]
    body, lost = write(items=calls)
    assert [tool["name"] for tool in body["tools"]] == ["a", "b"]
    assert body["tool_choice"] == {"type": "none"}
    assert lost == ["tools"]
    assert write(tool_choice=ToolChoice(mode="auto")) == ({}, [])
