"""That the loss matrix leaves nothing out: what the official SDKs' types list has a case each.

Here: fields, parts, items, tools, events that no case uses. Not here: the cases (tests/loss), their running
(test_loss_matrix.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from support.loss_cases import BASE, Direction, cases
from support.pairs import CLIENTS
from support.places import changed
from support.reply_streams import told_stream
from support.sdk_types import Field, listed, name_of, used, variants
from support.streams import Api, Json
from support.validators import frames

ROOTS: dict[tuple[Direction, Api], Any] = {
    ("requests", "chat_completions"): CompletionCreateParamsNonStreaming,
    ("requests", "messages"): MessageCreateParamsNonStreaming,
    ("requests", "responses"): ResponseCreateParamsNonStreaming,
    ("replies", "chat_completions"): ChatCompletion,
    ("replies", "messages"): Message,
    ("replies", "responses"): Response,
}
EVENTS: dict[Api, Any] = {
    "chat_completions": ChatCompletionChunk,
    "messages": RawMessageStreamEvent,
    "responses": ResponseStreamEvent,
}

OPAQUE: dict[tuple[Direction, Api], str] = {
    ("requests", "messages"): (
        # Tools that run at Anthropic, and toolsets: refused whole.
        r"(computer|browser)_.*|(web_fetch|code_execution|tool_search)_tool_\w*\d+_param.*"
        # What they gave, in a history: told as text, whatever it is.
        r"|(web_fetch|code_execution|bash_code|text_editor_code|tool_search_tool|encrypted_code)_.*"
        r"|web_search_(result|tool_request_error).*"
    ),
    ("requests", "responses"): (
        # Items and tools of OpenAI's own: refused whole.
        r"response_(computer|file_search|code_interpreter|compaction|configuration|function_shell).*"
        r"|response_input_param\.(ComputerCall|ImageGen|LocalShell|Shell|ApplyPatch|Mcp|Program).*"
        r"|(file_search|function_shell|apply_patch|computer)_\w*tool_param.*"
        r"|tool_param\.(Mcp|CodeInterpreter|ImageGeneration|LocalShell|Programmatic).*"
    ),
    ("replies", "chat_completions"): r"chat_completion\.Moderation.*",
    ("replies", "messages"): (
        r"(web_fetch|code_execution|bash_code|text_editor_code|tool_search_tool|cache_miss)_.*"
    ),
    ("replies", "responses"): (
        r"(?!response\.Response\b|response_output_(message|text|refusal)|response_usage"
        r"|response_reasoning_item|response_function_(tool_call\.|web_search)|response_error\.Resp).*"
    ),
}
"""Shapes whose inside is of no interest: a case for the whole is enough."""

ELSEWHERE: dict[tuple[Direction, Api], str] = {
    ("requests", "chat_completions"): r".*PromptCacheBreakpoint\.ttl.*",
    ("requests", "messages"): (
        # Objects of replies, which SDKs let one send back: on the wire the same as the params.
        r"(?!message_create_params)(?!\w*_param\.).*"
        # Headers.
        r"|.*\.(user_profile_id|workspace_id)"
        # What bash has too.
        r"|(memory_tool|tool_text_editor)_\w+\.\w+\.(?!name|type|max_characters).*"
        # Other versions of the same tools.
        r"|server_tool_caller_20260120_param.*|.*TextEditor20250(124|429)Param.*"
        r"|code_execution_tool_(20250522|2026\d+)_param.*|web_fetch_tool_(2025|202603)\d+_param.*"
        r"|web_search_tool_2026\d+_param\.\w+\.(?!response_inclusion).*"
    ),
    ("requests", "responses"): (
        # Tools that items bring along, and those of a namespace: the same shapes again.
        r"response_tool_search_output_item_param_param\.Tool.*|tool_search_output_namespace.*"
        r"|namespace_tool_param\.ToolFunction.*|.*PromptCacheBreakpoint\.ttl.*|\w+\.Caller.*"
        r"|\w+_content_param\..*=.*|response_input_file_param\..*=.*"
        r"|container_network_policy_.*"
        # Put in front of input before anything is translated.
        r"|.*\.previous_response_id"
    ),
    ("replies", "messages"): r"server_tool_caller_20260120.*|cache_miss_.*",
    ("replies", "responses"): (
        # Echoes of the request: its instructions, tools, choice, formats.
        r"response\.Response\.(tool_choice|truncation)=.*|"
        r"response_error\.ResponseError\.(misalignment|param|type)|"
        r"response_input_\w+\..*|\w*tool\..*|tool_choice_\w+\..*|response_format_.*|easy_input.*"
        r"|response_tool_search_output_item_param.*|response_c\w+_param\..*|custom_tool_input_.*"
        r"|response_(computer_action|function_shell_call_output_content|text_config|prompt)\..*"
        r"|response_custom_tool_call_output\.Resp.*|mcp_tool_call_error.*|response_error\.Mis.*"
        r"|response\.(?!Response\b|IncompleteDetails|ToolUsage\b).*|.*Caller.*|reasoning\..*"
    ),
}
"""Shapes and fields that are another's, or no part of the body."""


@pytest.mark.parametrize(
    ("direction", "api"), [pytest.param(*root, id="-of-".join(root)) for root in ROOTS]
)
def test_every_field_of_the_sdk_s_types_has_a_case(direction: Direction, api: Api) -> None:
    assert missing(direction, api) == []


@CLIENTS
def test_every_event_of_the_sdk_s_types_has_a_case(client_api: Api) -> None:
    seen: set[Field] = set()
    for event in _events(client_api):
        seen |= {field for field in used(EVENTS[client_api], event) if not field[1]}
    assert not [
        name_of(kind) for kind in variants(EVENTS[client_api]) if (name_of(kind), "") not in seen
    ]


VALUES = re.compile(
    r".*\.(reasoning_effort|effort|service_tier|tool_choice|function_call|finish_reason|stop_reason"
    r"|reason|truncation|include|speed|verbosity|detail|ttl|display|oversized_image|syntax|mode|role"
    r"|response_inclusion|Response\.status|ResponseError\.code)"
)
"""Fields whose every value is mapped for itself, and needs a case for itself."""


def missing(direction: Direction, api: Api) -> list[str]:
    """Fields and shapes that no case uses."""
    root = ROOTS[direction, api]
    opaque = re.compile(OPAQUE.get((direction, api), "-"))
    elsewhere = re.compile(ELSEWHERE.get((direction, api), "-"))
    found: set[Field] = set()
    for value in _values(direction, api):
        found |= used(root, value)
    lacking = listed(root, lambda name: opaque.fullmatch(name) is not None) - found
    names = {".".join(field).rstrip(".") for field in lacking}
    return sorted(
        name
        for name in names
        if not elsewhere.fullmatch(name)
        and ("=" not in name or VALUES.fullmatch(name.partition("=")[0]))
    )


def _values(direction: Direction, api: Api) -> Iterator[Json]:
    """Every case's request or reply, whole."""
    for case in cases(direction, api):
        fragment = case.given.get("request" if direction == "requests" else "reply")
        if fragment:
            yield changed(BASE[direction][api], fragment, api)


def _events(api: Api) -> Iterator[Json]:
    """Those of every streamed reply; of an error without its nested half, which the types do not have."""
    for case in cases("replies", api):
        if "error" in case.given:
            reply = {"error": case.given["error"]["body"]}
        else:
            reply = changed(BASE["replies"][api], case.given.get("reply") or {}, api)
        if case.given.get("form") != "plain":
            stream = told_stream(api, reply, case.given.get("events") or [])
            for _, data in frames(stream):
                event = json.loads(data) if data != "[DONE]" else {}
                yield {name: value for name, value in event.items() if name != "error"}


def test_what_no_case_uses_is_found() -> None:
    root = ROOTS["requests", "chat_completions"]
    body = {
        "model": "m",
        "reasoning_effort": "low",
        "messages": [
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]},
        ],
    }
    lacking = {".".join(field) for field in listed(root, lambda _: False) - used(root, body)}
    image = "chat_completion_content_part_image_param.ImageURL"
    own = "completion_create_params.CompletionCreateParamsNonStreaming"
    assert {f"{image}.detail", f"{own}.seed", f"{own}.reasoning_effort=high"} <= lacking
    assert not {f"{image}.", f"{image}.url", f"{own}.reasoning_effort=low"} & lacking
