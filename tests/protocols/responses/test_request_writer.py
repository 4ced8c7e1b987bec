"""What a Responses upstream is asked for on behalf of Chat and Messages clients."""

from typing import Any

import pytest
from support.events import translation

from wsgi_gateway.protocols.conversation import (
    Conversation,
    Message,
    OutputFormat,
    ReasoningOptions,
    Text,
    Tool,
    ToolChoice,
)
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.responses import write_request
from wsgi_gateway.protocols.translation import Translation

CLOSED = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}
OPEN = {"type": "object", "properties": {"a": {"type": "string"}}}


def write(to: Translation | None = None, api: str = "chat_completions", **more: Any) -> Any:
    items = [Message(role="user", parts=[Text(words="hi")])]
    conversation = Conversation(api=api, model="asked", **{"items": items, **more})
    return write_request(conversation, to or translation(api))


def noted(to: Translation) -> list[tuple[str, str]]:
    return [(entry.path, entry.verdict) for entry in to.loss.entries]


def test_the_least_request() -> None:
    content = [{"type": "input_text", "text": "hi"}]
    assert write() == {
        "model": "bare-model",
        "input": [{"type": "message", "role": "user", "content": content}],
        "store": False,
    }


def test_plain_fields() -> None:
    body = write(
        translation(openai_fields=True, cache_breakpoints=True),
        stream=True,
        max_output_tokens=100,
        temperature=0.5,
        top_p=0.9,
        verbosity="low",
        user_id="u",
        metadata={"a": "b"},
        service_tier="flex",
        prompt_cache_key="k",
        prompt_cache_options={"mode": "explicit"},
        prompt_cache_retention="24h",
        moderation={"model": "omni"},
    )
    expected = {
        "stream": True,
        "max_output_tokens": 100,
        "temperature": 0.5,
        "top_p": 0.9,
        "text": {"verbosity": "low"},
        "safety_identifier": "u",
        "metadata": {"a": "b"},
        "service_tier": "flex",
        "prompt_cache_key": "k",
        "prompt_cache_options": {"mode": "explicit"},
        "prompt_cache_retention": "24h",
        "moderation": {"model": "omni"},
    }
    assert expected.items() <= body.items()


def test_approximations_are_noted() -> None:
    to = translation(sampling=False, openai_fields=True)
    body = write(
        to,
        max_output_tokens=1,
        temperature=0.5,
        top_k=3,
        seed=7,
        logprobs=True,
        user_id="x" * 65,
        frequency_penalty=0.0,
        logit_bias={},
    )
    assert body["max_output_tokens"] == 16
    assert len(body["safety_identifier"]) == 64
    assert not {"temperature", "top_k", "seed", "top_logprobs"} & set(body)
    assert noted(to) == [
        ("max_completion_tokens", "approximated"),
        ("temperature", "approximated"),
        ("top_k", "approximated"),
        ("seed", "dropped"),
        ("safety_identifier", "approximated"),
        ("logprobs", "approximated"),
    ]


@pytest.mark.parametrize(
    ("field", "value", "param"),
    [
        ("moderation", {"model": "omni"}, "moderation"),
        ("frequency_penalty", 0.5, "frequency_penalty"),
        ("presence_penalty", 0.5, "presence_penalty"),
        ("logit_bias", {"1": 5}, "logit_bias"),
        ("max_output_tokens", 0, "max_completion_tokens"),
        ("tool_choice", ToolChoice(mode="required"), "tool_choice"),
    ],
)
def test_what_would_change_the_answer_is_refused(field: str, value: Any, param: str) -> None:
    with pytest.raises(ApiError) as caught:
        write(**{field: value})
    assert (caught.value.kind, caught.value.param) == ("invalid_request", param)


def test_stop_sequences_are_the_gateways_own_business() -> None:
    to = translation()
    body = write(to, stop=["END", ""])
    assert "stop" not in body
    assert to.stop == ["END"]
    assert noted(to) == [("stop", "dropped")]


@pytest.mark.parametrize("top", [None, 3])
def test_log_probabilities_are_asked_for(top: int | None) -> None:
    to = translation()
    body = write(to, logprobs=True, top_logprobs=top)
    assert body["include"] == ["message.output_text.logprobs"]
    assert body.get("top_logprobs") == top
    assert noted(to) == []


def test_a_model_that_takes_sampling_without_effort_only() -> None:
    facts = {"sampling": False, "sampling_without_effort": True}
    none = ReasoningOptions(effort="none")
    assert write(translation(**facts), reasoning=none, temperature=0.5)["temperature"] == 0.5
    assert "top_logprobs" in write(translation(**facts), reasoning=none, top_logprobs=2)
    to = translation(**facts)
    body = write(to, temperature=0.5, top_logprobs=2)
    assert not {"temperature", "top_logprobs", "include"} & set(body)
    assert noted(to) == [("temperature", "approximated"), ("logprobs", "approximated")]


def test_other_hosts_are_not_told_what_only_openai_knows() -> None:
    to = translation()
    body = write(
        to,
        verbosity="low",
        user_id="u",
        metadata={"a": "b"},
        service_tier="flex",
        prompt_cache_key="k",
        prompt_cache_options={"mode": "explicit"},
        prompt_cache_retention="24h",
    )
    assert set(body) == {"model", "input", "store"}
    assert noted(to) == [
        ("verbosity", "approximated"),
        ("safety_identifier", "dropped"),
        ("metadata", "dropped"),
        ("service_tier", "dropped"),
        ("prompt_cache_key", "dropped"),
        ("prompt_cache_retention", "dropped"),
        ("prompt_cache_options", "dropped"),
    ]


def test_a_model_without_breakpoints_gets_no_options_for_them() -> None:
    to = translation(openai_fields=True)
    body = write(to, prompt_cache_options={"mode": "explicit"}, prompt_cache_key="k")
    assert "prompt_cache_options" not in body and body["prompt_cache_key"] == "k"
    assert noted(to) == [("prompt_cache_options", "dropped")]


ENCRYPTED = ["reasoning.encrypted_content"]


@pytest.mark.parametrize(
    ("api", "options", "reasoning", "include"),
    [
        ("chat_completions", None, None, None),
        ("chat_completions", ReasoningOptions(effort="high"), {"effort": "high"}, ENCRYPTED),
        ("chat_completions", ReasoningOptions(effort="none"), {"effort": "none"}, None),
        ("messages", ReasoningOptions(mode="adaptive"), {"summary": "auto"}, ENCRYPTED),
        (
            "messages",
            ReasoningOptions(mode="adaptive", effort="max", summary="summarized"),
            {"effort": "max", "summary": "auto"},
            ENCRYPTED,
        ),
        (
            "messages",
            ReasoningOptions(mode="enabled", budget_tokens=2048, summary="omitted"),
            {"effort": "low"},
            ENCRYPTED,
        ),
        ("messages", ReasoningOptions(mode="disabled"), None, None),
    ],
)
def test_reasoning(
    api: str,
    options: ReasoningOptions | None,
    reasoning: dict[str, str] | None,
    include: list[str] | None,
) -> None:
    body = write(api=api, reasoning=options)
    assert body.get("reasoning") == reasoning
    assert body.get("include") == include


def test_a_model_that_does_not_reason_is_not_asked_to() -> None:
    to = translation("messages", efforts=())
    body = write(to, "messages", reasoning=ReasoningOptions(mode="adaptive", effort="high"))
    assert "reasoning" not in body and "include" not in body
    assert noted(to) == [("output_config.effort", "dropped")]


def test_tools() -> None:
    to = translation()
    body = write(
        to,
        tools=[
            Tool(name="f", description="F.", parameters=OPEN, cache={"type": "ephemeral"}),
            Tool(name="g", strict=True, parameters=OPEN),
            Tool(name="x" * 70, namespace="ns"),
            Tool(name="p", custom=True, grammar={"syntax": "lark", "definition": "d"}),
        ],
        tool_choice=ToolChoice(mode="auto"),
        parallel_tool_calls=False,
    )
    first, second, third, fourth = body["tools"]
    assert first == {
        "type": "function",
        "name": "f",
        "description": "F.",
        "parameters": OPEN,
        "strict": False,
    }
    assert second["strict"] is True
    assert len(third["name"]) <= 64
    assert to.aliases.restore_tool(third["name"]).namespace == "ns"
    assert third["parameters"] == {"type": "object", "properties": {}}
    assert fourth == {
        "type": "custom",
        "name": "p",
        "format": {"type": "grammar", "syntax": "lark", "definition": "d"},
    }
    assert (body["tool_choice"], body["parallel_tool_calls"]) == ("auto", False)
    assert noted(to) == [("tools", "dropped")]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ToolChoice(mode="none"), "none"),
        (ToolChoice(mode="required"), "required"),
        (ToolChoice(mode="tool", name="f"), {"type": "function", "name": "f"}),
        (ToolChoice(mode="tool", name="p"), {"type": "custom", "name": "p"}),
        (
            ToolChoice(mode="required", allowed=["f", "p"]),
            {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "p"}],
            },
        ),
    ],
)
def test_tool_choice(choice: ToolChoice, expected: object) -> None:
    body = write(tools=[Tool(name="f"), Tool(name="p", custom=True)], tool_choice=choice)
    assert body["tool_choice"] == expected


@pytest.mark.parametrize(("schema", "strict"), [(CLOSED, True), (OPEN, False)])
def test_strictness_of_messages_schemas(schema: dict[str, Any], strict: bool) -> None:
    to = translation("messages")
    body = write(
        to,
        "messages",
        tools=[Tool(name="f", parameters=schema, strict=True)],
        output_format=OutputFormat(type="json_schema", schema=schema),
    )
    assert body["tools"][0]["strict"] is strict
    assert body["text"]["format"] == {
        "type": "json_schema",
        "name": "response",
        "schema": schema,
        "strict": strict,
    }
    assert bool(noted(to)) is not strict


def test_output_formats_of_chat() -> None:
    given = OutputFormat(type="json_schema", name="n", description="d", schema=OPEN, strict=False)
    assert write(output_format=given)["text"]["format"] == {
        "type": "json_schema",
        "name": "n",
        "description": "d",
        "schema": OPEN,
        "strict": False,
    }
    body = write(output_format=OutputFormat(type="json_object"))
    assert body["text"] == {"format": {"type": "json_object"}}
