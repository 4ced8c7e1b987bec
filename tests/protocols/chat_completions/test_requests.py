"""Chat Completions requests read and written: what comes in goes out, and losses are named."""

from typing import Any

import pytest
from support.events import translation

from wsgi_gateway.protocols import conversation as model
from wsgi_gateway.protocols.chat_completions import read_request, write_request
from wsgi_gateway.protocols.conversation import Conversation, Message, Text, ToolCall, ToolResult
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.loss import Loss

USER = {"role": "user", "content": "Hi"}
TOOL = {
    "type": "function",
    "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True},
}


def call(call_id: str, name: str = "f", arguments: str = "{}") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def body(**more: Any) -> dict[str, Any]:
    return {"model": "asked", "messages": [USER], **more}


def there_and_back(request: dict[str, Any], **facts: Any) -> tuple[dict[str, Any], list[str]]:
    """The request as the upstream gets it, and the paths of what was lost."""
    shared = translation(**facts)
    written = write_request(read_request(request, shared.loss), shared)
    return written, [entry.path for entry in shared.loss.entries]


def test_what_the_model_can_say_survives() -> None:
    request = body(
        messages=[
            {"role": "system", "content": "Be brief."},
            USER,
            {
                "role": "assistant",
                "content": "ok",
                "tool_calls": [call("call_1"), call("call_2", "g", '{"n":12345678901234567890}')],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "one"},
            {"role": "tool", "tool_call_id": "call_2", "content": "two"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Look"},
                    {
                        "type": "image_url",
                        "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"},
                    },
                ],
            },
        ],
        tools=[TOOL],
        tool_choice={"type": "function", "function": {"name": "f"}},
        parallel_tool_calls=False,
        max_completion_tokens=100,
        temperature=0.5,
        top_p=0.9,
        stop=["END"],
        seed=7,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
        },
        safety_identifier="user-1",
        metadata={"k": "v"},
        stream=True,
    )
    written, losses = there_and_back(request, openai_fields=True)
    assert written == {**request, "model": "bare-model", "stream_options": {"include_usage": True}}
    assert losses == []


def test_a_plain_host_gets_the_plain_fields() -> None:
    written, losses = there_and_back(
        body(
            max_completion_tokens=9,
            user="u",
            metadata={"a": "b"},
            verbosity="low",
            messages=[{"role": "developer", "content": "x"}, USER],
        )
    )
    assert written["max_tokens"] == 9
    assert written["user"] == "u"
    assert written["messages"][0]["role"] == "system"
    assert losses == ["verbosity", "metadata"]


def test_a_model_without_sampling_says_what_was_left_out() -> None:
    written, losses = there_and_back(body(temperature=0.2), sampling=False)
    assert "temperature" not in written
    assert losses == ["temperature"]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": None}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
            "messages[0].content[0].input_audio",
        ),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"temperature": []}, "temperature"),
        ({"tools": [{"type": "web"}]}, "tools[0].type"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"n": 2}, "n"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"tool_choice": "required"}, "tool_choice"),
    ],
)
def test_a_bad_field_is_named(change: dict[str, Any], param: str) -> None:
    with pytest.raises(ApiError) as caught:
        there_and_back(body(**change))
    assert caught.value.kind == "invalid_request"
    assert caught.value.param == param


def test_unknown_fields_are_noted() -> None:
    loss = Loss("chat_completions")
    read_request(body(chat_template_kwargs={}, prediction={}), loss)
    assert [(entry.path, entry.verdict) for entry in loss.entries] == [
        ("chat_template_kwargs", "dropped"),
        ("prediction", "dropped"),
    ]


def write(items: list[Any], api: str = "messages", **more: Any) -> list[dict[str, Any]]:
    shared = translation(api)
    messages = write_request(Conversation(api=api, model="m", items=items, **more), shared)[
        "messages"
    ]
    return list(messages)


def test_results_stand_behind_their_turn_in_the_order_of_its_calls_and_images_behind_them() -> None:
    image = model.Image(data="AAAA", media_type="image/png")
    messages = write(
        [
            Message(role="user", parts=[Text(words="go")]),
            ToolCall(id="a", name="f", arguments="{}"),
            ToolCall(id="b", name="f", arguments="{}"),
            ToolResult(call_id="b", parts=[Text(words="two")], is_error=True),
            ToolResult(call_id="a", parts=[Text(words="one"), image]),
            Message(role="user", parts=[Text(words="and?")]),
        ]
    )
    assert [message["role"] for message in messages] == [
        "user",
        "assistant",
        "tool",
        "tool",
        "user",
        "user",
    ]
    assert messages[2] == {"role": "tool", "tool_call_id": "a", "content": "one\n[attached below]"}
    assert messages[3]["content"] == "Error: two"
    assert messages[4]["content"][1]["image_url"]["url"] == "data:image/png;base64,AAAA"


@pytest.mark.parametrize(
    "items",
    [
        [ToolCall(id="a", name="f", arguments="{}"), Message(role="user", parts=[Text(words="x")])],
        [ToolResult(call_id="a", parts=[])],
        [ToolCall(id="a", name="f", arguments="{}"), ToolCall(id="a", name="f", arguments="{}")],
        [Message(role="assistant", parts=[Text(words="prefill")])],
    ],
    ids=["call without result", "result without call", "two calls of one id", "prefill"],
)
def test_a_history_that_no_host_accepts_is_refused(items: list[Any]) -> None:
    with pytest.raises(ApiError) as caught:
        write(items)
    assert caught.value.param == "messages"


def test_a_second_round_of_calls_is_a_second_turn() -> None:
    messages = write(
        [
            ToolCall(id="a", name="f", arguments="{}"),
            ToolResult(call_id="a", parts=[Text(words="one")]),
            ToolCall(id="b", name="f", arguments="{}"),
            ToolResult(call_id="b", parts=[Text(words="two")]),
        ]
    )
    assert [message["role"] for message in messages] == ["assistant", "tool", "assistant", "tool"]


def test_reasoning_goes_back_only_to_hosts_that_want_it() -> None:
    items = [
        model.Reasoning(text="hm", proof=model.Proof(kind="none")),
        ToolCall(id="a", name="f", arguments="{}"),
        ToolResult(call_id="a", parts=[]),
    ]
    conversation = Conversation(api="chat_completions", model="m", items=items)
    wanting = write_request(conversation, translation(wants_reasoning_back=True))["messages"]
    assert wanting[0]["reasoning_content"] == "hm"
    shared = translation()
    assert "reasoning_content" not in write_request(conversation, shared)["messages"][0]
    assert shared.loss.entries


def test_a_custom_tool_becomes_a_function_and_its_history_too() -> None:
    shared = translation("responses")
    written = write_request(
        Conversation(
            api="responses",
            model="m",
            tools=[
                model.Tool(
                    name="apply_patch",
                    custom=True,
                    grammar={"syntax": "lark", "definition": "start: x"},
                )
            ],
            items=[
                ToolCall(id="a", name="apply_patch", arguments="*** Begin", custom=True),
                ToolResult(call_id="a", parts=[Text(words="done")]),
            ],
        ),
        shared,
    )
    function = written["tools"][0]["function"]
    assert function["parameters"]["required"] == ["input"]
    assert "start: x" in function["description"]
    assert (
        written["messages"][0]["tool_calls"][0]["function"]["arguments"] == '{"input":"*** Begin"}'
    )
    assert shared.aliases.restore_tool("apply_patch").custom
