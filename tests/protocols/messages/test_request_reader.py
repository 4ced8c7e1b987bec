"""Messages requests as clients send them."""

import json
from pathlib import Path
from typing import Any

import pytest

from wsgi_gateway.protocols.conversation import (
    Conversation,
    Message,
    OutputFormat,
    ReasoningOptions,
    Text,
    ToolChoice,
    WebSearch,
)
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages import read_request

CACHE = {"type": "ephemeral"}
LEAST: dict[str, Any] = {
    "model": "m",
    "max_tokens": 1,
    "messages": [{"role": "user", "content": "hi"}],
}


def read(**more: Any) -> tuple[Conversation, list[str]]:
    loss = Loss("messages")
    conversation = read_request({**LEAST, **more}, loss)
    return conversation, [entry.path for entry in loss.entries]


def refusal(**more: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        read(**more)
    assert caught.value.kind == "invalid_request"
    assert caught.value.param is not None
    assert caught.value.param in caught.value.message
    return caught.value


def test_the_least_request() -> None:
    conversation, lost = read()
    assert conversation == Conversation(
        api="messages",
        model="m",
        max_output_tokens=1,
        items=[Message(role="user", parts=[Text(words="hi")])],
        body={"model": "m", "max_tokens": 1},
    )
    assert lost == []


def test_claude_codes_request_is_read_whole() -> None:
    body = json.loads(Path(__file__).with_name("claude_code_request.json").read_text())
    loss = Loss("messages")
    conversation = read_request(body, loss)
    assert len(conversation.tools) == 24
    assert [type(item).__name__ for item in conversation.items] == [
        "Message",
        "Message",
        "ToolCall",
        "ToolResult",
    ]
    assert conversation.reasoning == ReasoningOptions(mode="adaptive", effort="high")
    assert conversation.user_id == body["metadata"]["user_id"]
    assert [text.cache for text in conversation.instructions] == [None, CACHE, CACHE]
    assert conversation.stream
    assert [entry.path for entry in loss.entries] == ["context_management"]


def test_settings() -> None:
    conversation, lost = read(
        stream=True,
        system="Be brief.",
        stop_sequences=["END"],
        temperature=0.5,
        top_p=0.9,
        top_k=3,
        metadata={"user_id": "u"},
        service_tier="standard_only",
        tools=[{"name": "f", "input_schema": {"type": "object"}}],
        tool_choice={"type": "tool", "name": "f", "disable_parallel_tool_use": True},
    )
    assert conversation.instructions == [Text(words="Be brief.")]
    assert (conversation.stop, conversation.stream) == (["END"], True)
    assert (conversation.temperature, conversation.top_p, conversation.top_k) == (0.5, 0.9, 3)
    assert (conversation.user_id, conversation.service_tier) == ("u", "default")
    assert conversation.tool_choice == ToolChoice(mode="tool", name="f")
    assert conversation.parallel_tool_calls is False
    assert lost == []


def test_nulls_and_empties_say_nothing() -> None:
    conversation, lost = read(
        system="", stop_sequences=None, temperature=None, thinking=None, tools=[], metadata={}
    )
    assert conversation.instructions == [] and conversation.tools == []
    assert conversation.reasoning is None and conversation.user_id is None
    assert lost == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"thinking": {"type": "disabled"}}, ReasoningOptions(mode="disabled")),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2000}},
            ReasoningOptions(mode="enabled", budget_tokens=2000),
        ),
        (
            {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {}},
            ReasoningOptions(mode="adaptive", summary="omitted"),
        ),
        ({"output_config": {"effort": "max"}}, ReasoningOptions(effort="max")),
    ],
)
def test_reasoning(fields: dict[str, Any], expected: ReasoningOptions) -> None:
    assert read(**fields)[0].reasoning == expected


@pytest.mark.parametrize(
    "wrap", [lambda f: {"output_config": {"format": f}}, lambda f: {"output_format": f}]
)
def test_output_format(wrap: Any) -> None:
    given = {"type": "json_schema", "schema": {"type": "object"}}
    expected = OutputFormat(type="json_schema", schema={"type": "object"})
    assert read(**wrap(given))[0].output_format == expected
    param = refusal(**wrap({"type": "yaml"})).param
    assert param == ("output_format" if "output_format" in wrap({}) else "output_config.format")


def test_speed_is_a_tier() -> None:
    assert read(speed="fast", service_tier="auto")[0].service_tier == "fast"
    assert read(speed="standard", service_tier="auto")[0].service_tier == "auto"


@pytest.mark.parametrize(
    "field",
    [
        "context_management",
        "cache_control",
        "diagnostics",
        "billing_policy",
        "fallback_credit_token",
        "new_thing",
    ],
)
def test_hints_and_unknown_fields_are_named_and_never_refused(field: str) -> None:
    assert read(**{field: {"a": 1}})[1] == [field]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("container", {"skills": []}),
        ("mcp_servers", [{"url": "u"}]),
        ("thread", "t"),
        ("inference_geo", "eu"),
        ("fallbacks", [{"model": "n"}]),
    ],
)
def test_what_would_change_the_answer_is_refused(field: str, value: Any) -> None:
    assert refusal(**{field: value}).param == field
    assert read(**{field: None})[1] == []


def test_an_upstream_anywhere_will_do() -> None:
    assert read(inference_geo="global")[1] == []


@pytest.mark.parametrize(
    "field",
    [
        {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}},
        {"context_management": {"edits": [{"type": "clear_thinking_20251015"}, {"type": "x"}]}},
        {"compaction": {"trigger": 1}},
        {"output_config": {"task_budget": {"type": "tokens", "total": 9}}},
    ],
)
def test_what_may_change_the_answer_is_an_approximation(field: dict[str, Any]) -> None:
    loss = Loss("messages")
    read_request({**LEAST, **field}, loss)
    assert [entry.verdict for entry in loss.entries] == ["approximated"]


def test_a_web_search_may_be_forced() -> None:
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}
    conversation, lost = read(tools=[search], tool_choice={"type": "tool", "name": "web_search"})
    assert conversation.web_search == WebSearch(max_uses=2)
    assert (conversation.tools, conversation.tool_choice) == ([], ToolChoice(mode="search"))
    assert lost == []


def test_max_tokens_is_required_and_positive() -> None:
    with pytest.raises(ApiError) as caught:
        read_request({"model": "m", "messages": []}, Loss("messages"))
    assert caught.value.param == "max_tokens"
    assert refusal(max_tokens=0).param == "max_tokens"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"max_tokens": "9"}, "max_tokens"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"system": [{"type": "image"}]}, "system[0].type"),
        ({"tool_choice": {"type": "sometimes"}}, "tool_choice.type"),
        ({"temperature": "hot"}, "temperature"),
        ({"thinking": {}}, "thinking.type"),
        ({"context_management": {"edits": 5}}, "context_management.edits"),
    ],
)
def test_wrong_shapes_are_named(fields: dict[str, Any], param: str) -> None:
    assert refusal(**fields).param == param
