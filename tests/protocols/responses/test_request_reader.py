"""What a Responses client may ask, read into a Conversation; what it may not, refused by name."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.events import translation

from wsgi_gateway.protocols import chat_completions, messages
from wsgi_gateway.protocols.conversation import Conversation, OutputFormat, ReasoningOptions, Text
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.responses import read_request

OBFUSCATION = ("stream_options.include_obfuscation", "dropped")
COMPACTION = {"type": "compaction"}
THRESHOLD = "context_management[0].compact_threshold"
CODEX = json.loads((Path(__file__).parent / "codex_requests.json").read_bytes())


def read(loss: Loss | None = None, **body: Any) -> Conversation:
    return read_request({"model": "m", "input": "hi", **body}, loss or Loss("responses"))


def notes(**body: Any) -> list[tuple[str, str]]:
    loss = Loss("responses")
    read(loss, **body)
    return [(entry.path, entry.verdict) for entry in loss.entries]


def test_every_field_finds_its_place() -> None:
    conversation = read(
        instructions="Be brief.",
        stream=True,
        max_output_tokens=100,
        temperature=0.5,
        top_p=0.9,
        parallel_tool_calls=False,
        reasoning={"effort": "high", "summary": "auto"},
        text={
            "format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}},
            "verbosity": "low",
        },
        safety_identifier="u1",
        user="u2",
        metadata={"a": "b"},
        service_tier="flex",
        prompt_cache_key="k",
        include=["reasoning.encrypted_content"],
        store=False,
        previous_response_id="resp_1",
        prompt_cache_options={"mode": "explicit"},
        prompt_cache_retention="24h",
        moderation={"model": "omni"},
    )
    assert conversation.prompt_cache_options == {"mode": "explicit"}
    assert conversation.prompt_cache_retention == "24h"
    assert conversation.moderation == {"model": "omni"}
    assert conversation.instructions == [Text(words="Be brief.")]
    assert conversation.stream is True
    assert conversation.max_output_tokens == 100
    assert (conversation.temperature, conversation.top_p) == (0.5, 0.9)
    assert conversation.parallel_tool_calls is False
    assert conversation.reasoning == ReasoningOptions(effort="high", summary="auto")
    assert conversation.output_format == OutputFormat(
        type="json_schema", name="n", schema={"type": "object"}
    )
    assert conversation.verbosity == "low"
    assert conversation.user_id == "u1"
    assert conversation.metadata == {"a": "b"}
    assert conversation.service_tier == "flex"
    assert conversation.prompt_cache_key == "k"
    assert conversation.body["previous_response_id"] == "resp_1"


def test_nothing_is_noted_of_what_is_carried_or_null() -> None:
    assert (
        notes(
            user="u",
            truncation="disabled",
            stream_options={"include_obfuscation": False},
            background=False,
            max_tool_calls=3,
            access_programs={"cyber": "standard"},
            include=["web_search_call.action.sources", "message.output_text.logprobs"],
            image=None,
        )
        == []
    )


@pytest.mark.parametrize(
    ("field", "value", "noted"),
    [
        ("client_metadata", {"a": "b"}, ("client_metadata", "dropped")),
        ("stream_options", {"include_obfuscation": True}, OBFUSCATION),
        ("image", {"context_compression": "auto"}, ("image", "dropped")),
        ("include", ["file_search_call.results"], ("include[0]", "dropped")),
        ("reasoning", {"context": "all_turns"}, ("reasoning.context", "dropped")),
        ("never_heard_of", 1, ("never_heard_of", "dropped")),
    ],
)
def test_hints_are_noted(field: str, value: object, noted: tuple[str, str]) -> None:
    assert notes(**{field: value}) == [noted]


@pytest.mark.parametrize(("asked", "allowed"), [("auto", True), ("disabled", False), (None, False)])
def test_truncation_allows_a_cut(asked: str | None, allowed: bool) -> None:
    assert read(truncation=asked).may_be_cut is allowed


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"prompt_cache_options": {"prewarm": True}}, "prompt_cache_options.prewarm"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"prompt": {"id": "pmpt_1"}, "input": None}, "prompt"),
        ({"access_programs": {"cyber": "daybreak_red"}}, "access_programs.cyber"),
        ({"context_management": [{"type": "forgetting"}]}, "context_management[0].type"),
        ({"context_management": [{**COMPACTION, "compact_threshold": 0}]}, THRESHOLD),
        ({"context_management": [{**COMPACTION, "compact_threshold": True}]}, THRESHOLD),
        ({"context_management": [{**COMPACTION, "compact_threshold": "1"}]}, THRESHOLD),
        ({"reasoning": {"mode": "pro"}}, "reasoning.mode"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0]"),
        ({"model": None}, "model"),
        ({"input": None}, "input"),
        ({"input": [{"type": "function_call", "call_id": 3}]}, "input[0].call_id"),
        ({"temperature": "hot"}, "temperature"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(body: dict[str, Any], param: str) -> None:
    with pytest.raises(ApiError) as caught:
        read(**body)
    assert caught.value.kind == "invalid_request"
    assert caught.value.param == param
    assert param in caught.value.message


def test_of_several_thresholds_the_lowest_counts() -> None:
    thresholds = [{**COMPACTION, "compact_threshold": tokens} for tokens in (5000, 2000)]
    assert read(context_management=thresholds).compact_threshold == 2000
    assert read(context_management=[]).compact_threshold is None
    assert read(context_management=[COMPACTION]).compact_threshold == 100_000
    assert notes(context_management=[COMPACTION]) == [(THRESHOLD, "approximated")]


@pytest.mark.parametrize("body", CODEX.values(), ids=CODEX.keys())
def test_what_codex_sends_goes_to_a_chat_upstream(body: dict[str, Any]) -> None:
    to = translation("responses")
    conversation = read_request(body, to.loss)
    chat = chat_completions.write_request(conversation, to)
    offered = {tool["function"]["name"] for tool in chat["tools"]}
    assert {"exec_command", "write_stdin", "view_image"} <= offered
    assert offered & {"multi_agent_v1__spawn_agent", "tool_search"}
    assert [message["role"] for message in chat["messages"]][-2:] == ["assistant", "tool"]
    assert to.loss.header() is not None


@pytest.mark.parametrize("body", CODEX.values(), ids=CODEX.keys())
def test_what_codex_sends_goes_to_a_messages_upstream(body: dict[str, Any]) -> None:
    to = translation("responses")
    written = messages.write_request(read_request(body, to.loss), to)
    offered = {tool["name"] for tool in written["tools"]}
    assert {"exec_command", "write_stdin", "view_image"} <= offered
    assert offered & {"multi_agent_v1__spawn_agent", "tool_search"}
    last, result = written["messages"][-2:]
    assert (last["role"], last["content"][-1]["type"]) == ("assistant", "tool_use")
    assert (result["role"], result["content"][0]["type"]) == ("user", "tool_result")
