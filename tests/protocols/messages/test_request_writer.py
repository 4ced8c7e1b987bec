"""What a Messages upstream gets."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.events import translation

from wsgi_gateway.protocols.conversation import (
    Conversation,
    Message,
    OutputFormat,
    Proof,
    Reasoning,
    ReasoningOptions,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.messages import read_request, write_request

HI = Message(role="user", parts=[Text(words="hi")])
TOOL = Tool(name="f", parameters={"type": "object", "properties": {}})
CACHE = {"type": "ephemeral"}


def write(*items: Any, facts: Any = None, **more: Any) -> tuple[dict[str, Any], list[str]]:
    conversation = Conversation(
        api="chat_completions", model="asked", items=list(items) or [HI], **more
    )
    task = translation("chat_completions", **(facts or {}))
    body = json.loads(encode(write_request(conversation, task)))
    return body, [entry.path for entry in task.loss.entries]


def refusal(*items: Any, **more: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        write(*items, **more)
    assert caught.value.kind == "invalid_request"
    return caught.value


def test_the_least_request() -> None:
    assert write() == (
        {
            "model": "bare-model",
            "max_tokens": 8192,
            "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
        },
        [],
    )


def test_settings() -> None:
    body, lost = write(
        stream=True,
        instructions=[Text(words="Be brief.")],
        max_output_tokens=99,
        temperature=0.5,
        top_p=1.0,
        top_k=4,
        stop=["END"],
        user_id="u",
        service_tier="default",
    )
    assert body["stream"] is True
    assert body["system"] == "Be brief."
    assert (body["max_tokens"], body["temperature"], body["top_k"]) == (99, 0.5, 4)
    assert "top_p" not in body
    assert body["stop_sequences"] == ["END"]
    assert body["metadata"] == {"user_id": "u"}
    assert body["service_tier"] == "standard_only"
    assert lost == []


def test_several_system_texts_stay_blocks() -> None:
    body, _ = write(
        Message(role="developer", parts=[Text(words="a", cache=CACHE)]),
        Message(role="system", parts=[Text(words=" "), Text(words="b")]),
        HI,
        instructions=[Text(words="0")],
    )
    assert body["system"] == [
        {"type": "text", "text": "0"},
        {"type": "text", "text": "a", "cache_control": CACHE},
        {"type": "text", "text": "b"},
    ]


@pytest.mark.parametrize(
    ("fields", "kept", "lost"),
    [
        ({"temperature": 1.7}, {"temperature": 1.0}, ["temperature"]),
        ({"temperature": 0.2, "top_p": 0.5}, {"temperature": 0.2}, ["top_p"]),
        ({"top_p": 0.5}, {"top_p": 0.5}, []),
        ({"temperature": 1, "top_p": 0.5}, {"top_p": 0.5}, []),
        ({"stop": [""]}, {}, ["stop"]),
        ({"service_tier": "auto"}, {}, []),
        ({"service_tier": "priority"}, {}, ["service_tier"]),
        ({"verbosity": "medium"}, {}, []),
        ({"verbosity": "low"}, {}, ["verbosity"]),
        ({"service_tier": "fast"}, {}, ["service_tier"]),
        ({"seed": 7}, {}, ["seed"]),
        ({"seed": 0}, {}, ["seed"]),
        ({"prompt_cache_key": "k", "metadata": {"a": "b"}}, {}, ["metadata", "prompt_cache_key"]),
        (
            {"prompt_cache_options": {"mode": "explicit"}, "prompt_cache_retention": "24h"},
            {},
            ["prompt_cache_options", "prompt_cache_retention"],
        ),
        ({"frequency_penalty": 0.0, "logprobs": False, "logit_bias": {}}, {}, []),
        ({"presence_penalty": 0, "top_logprobs": 0}, {}, []),
    ],
)
def test_what_is_kept_and_what_is_lost(
    fields: dict[str, Any], kept: dict[str, Any], lost: list[str]
) -> None:
    body, paths = write(**fields)
    assert {**write()[0], **kept} == body
    assert paths == lost


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"frequency_penalty": 0.1}, "frequency_penalty"),
        ({"presence_penalty": -1.0}, "presence_penalty"),
        ({"logit_bias": {"1": 5}}, "logit_bias"),
        ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"moderation": {"model": "m"}}, "moderation"),
        ({"max_output_tokens": 0}, "max_completion_tokens"),
        ({"tool_choice": ToolChoice(mode="required")}, "tool_choice"),
    ],
)
def test_refused(fields: dict[str, Any], param: str) -> None:
    assert refusal(**fields).param == param


@pytest.mark.parametrize("fields", [{"temperature": 0.3}, {"top_p": 0.3}, {"top_k": 3}])
def test_models_without_sampling(fields: dict[str, Any]) -> None:
    assert write(facts={"sampling": False}, **fields) == (write()[0], list(fields))


def test_neutral_sampling_is_left_out_without_a_word() -> None:
    assert write(facts={"sampling": False}, temperature=1.0, top_p=1)[1] == []


HIGH = ReasoningOptions(effort="high")
ADAPTIVE = {"thinking": "adaptive"}


def test_adaptive_thinking() -> None:
    body, lost = write(facts=ADAPTIVE, reasoning=ReasoningOptions(effort="high", summary="auto"))
    assert body["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert body["output_config"] == {"effort": "high"}
    assert lost == []


def test_a_budget_and_what_it_excludes() -> None:
    body, lost = write(
        reasoning=HIGH,
        max_output_tokens=20_000,
        temperature=0.5,
        tools=[TOOL],
        tool_choice=ToolChoice(mode="required"),
    )
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 16_384}
    assert "temperature" not in body and "output_config" not in body
    assert body["tool_choice"] == {"type": "auto"}
    assert lost == ["reasoning_effort", "tool_choice", "temperature"]


def test_no_thinking_excludes_nothing() -> None:
    body, lost = write(
        reasoning=ReasoningOptions(effort="none"),
        temperature=0.5,
        tools=[TOOL],
        tool_choice=ToolChoice(mode="required"),
    )
    assert body["thinking"] == {"type": "disabled"}
    assert (body["temperature"], body["tool_choice"]) == (0.5, {"type": "any"})
    assert lost == []


CALL = ToolCall(id="c", name="f", arguments="{}")
RESULT = ToolResult(call_id="c", parts=[Text(words="r")])
THOUGHT = Reasoning(text="Hm.", proof=Proof(kind="signature", value="S", origin="prov"))


@pytest.mark.parametrize(
    ("items", "facts", "thinks"),
    [
        ([HI, CALL, RESULT], {}, False),
        ([HI, THOUGHT, CALL, RESULT], {}, True),
        ([HI, CALL, RESULT], ADAPTIVE, True),
        ([HI, CALL, RESULT, HI], {}, False),
        ([HI, CALL, RESULT, Message(role="assistant", parts=[Text(words="a")]), HI], {}, True),
    ],
)
def test_a_tool_loop_without_its_thinking_goes_on_without(
    items: list[Any], facts: dict[str, Any], thinks: bool
) -> None:
    body, lost = write(*items, facts=facts, tools=[TOOL], reasoning=HIGH)
    assert ("thinking" in body) is thinks
    assert bool(lost) is (facts != ADAPTIVE)


SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 1}},
    "required": ["n"],
    "additionalProperties": False,
}


def test_structured_output() -> None:
    given = OutputFormat(type="json_schema", name="x", description="A count.", schema=SCHEMA)
    body, lost = write(
        output_format=given, facts={**ADAPTIVE, "structured_output": True}, reasoning=HIGH
    )
    assert body["output_config"] == {
        "effort": "high",
        "format": {
            "type": "json_schema",
            "schema": {
                "type": "object",
                "properties": {"n": {"type": "integer", "description": "(minimum: 1)"}},
                "required": ["n"],
                "additionalProperties": False,
                "description": "A count.",
            },
        },
    }
    assert lost == ["response_format"]


def test_a_json_object_is_asked_for_in_words() -> None:
    body, lost = write(output_format=OutputFormat(type="json_object"))
    assert "JSON" in body["system"]
    assert lost == ["response_format"]
    assert write(output_format=OutputFormat(type="text")) == write()


def test_only_the_last_four_cache_breakpoints_are_kept() -> None:
    texts = [Message(role="user", parts=[Text(words=str(n), cache=CACHE)]) for n in range(3)]
    tools = [Tool(name="f", cache=CACHE), Tool(name="g", cache=CACHE)]
    system = Text(words="s", cache=CACHE)
    body, lost = write(*texts, instructions=[system], tools=tools)
    assert not any("cache_control" in tool for tool in body["tools"])
    assert body["system"][0]["cache_control"] == CACHE
    assert [block["cache_control"] for block in body["messages"][0]["content"]] == [CACHE] * 3
    assert lost == ["messages"], "as nothing was placed"
    task = translation("chat_completions")
    for number, tool in enumerate(tools):
        task.loss.at(f"tools[{number}]", tool)
    conversation = Conversation(
        api="chat_completions", model="m", items=[*texts], instructions=[system], tools=tools
    )
    write_request(conversation, task)
    assert [entry.path for entry in task.loss.entries] == ["tools[0]", "tools[1]"]


def test_blank_stop_sequences_are_looked_for_by_the_gateway() -> None:
    task = translation()
    conversation = Conversation(
        api="chat_completions", model="m", items=[HI], stop=["a", " \n", ""]
    )
    body = write_request(conversation, task)
    assert (body["stop_sequences"], task.stop) == (["a"], [" \n"])
    assert [entry.note for entry in task.loss.entries] == ["an empty stop sequence"]


def test_the_conversation_is_not_touched() -> None:
    conversation = Conversation(
        api="chat_completions",
        model="asked",
        instructions=[Text(words="s", cache=CACHE)],
        items=[HI, THOUGHT, CALL, RESULT],
        tools=[Tool(name="f", cache=CACHE)],
    )
    first = encode(write_request(conversation, translation()))
    assert encode(write_request(conversation, translation())) == first


def test_claude_codes_own_request_survives_being_read_and_written() -> None:
    body = json.loads(Path(__file__).with_name("claude_code_request.json").read_text())
    task = translation("messages", thinking="adaptive", sampling=False, system_messages=True)
    written = json.loads(encode(write_request(read_request(body, task.loss), task)))
    expected = {**body, "model": "bare-model"}
    del expected["context_management"]
    (result,) = expected["messages"][3]["content"]
    del result["is_error"]
    system = expected["messages"][1]
    system["content"] = [{"type": "text", "text": system["content"]}]
    assert written == expected
