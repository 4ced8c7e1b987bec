"""What a Chat Completions client's settings become, and what is refused or noted by its path."""

from typing import Any

import pytest

from wsgi_gateway.protocols.chat_completions import read_request
from wsgi_gateway.protocols.conversation import Conversation, ToolChoice, WebSearch
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.loss import Loss


def request(**more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": "Hi"}], **more}


def heard(**more: Any) -> tuple[Conversation, list[tuple[str, str]]]:
    """The conversation, and the paths and verdicts of what was lost."""
    loss = Loss("chat_completions")
    conversation = read_request(request(**more), loss)
    return conversation, [(entry.path, entry.verdict) for entry in loss.entries]


def test_what_other_apis_have_is_carried() -> None:
    search = {
        "search_context_size": "high",
        "user_location": {
            "type": "approximate",
            "approximate": {"city": "Oslo", "country": "NO", "region": None},
        },
    }
    conversation, lost = heard(
        web_search_options=search,
        prompt_cache_options={"mode": "explicit", "ttl": "30m"},
        prompt_cache_retention="24h",
        moderation={"model": "omni"},
        store=False,
        stream=True,
        stream_options={"include_usage": True, "include_obfuscation": False},
    )
    assert conversation.web_search == WebSearch(
        context_size="high", location={"city": "Oslo", "country": "NO"}
    )
    assert conversation.prompt_cache_options == {"mode": "explicit", "ttl": "30m"}
    assert conversation.prompt_cache_retention == "24h"
    assert conversation.moderation == {"model": "omni"}
    assert conversation.include_usage
    assert lost == []


def test_a_search_without_options_is_a_search() -> None:
    assert heard(web_search_options={})[0].web_search == WebSearch()
    assert heard()[0].web_search is None


@pytest.mark.parametrize("name", ["prediction", "store", "web_search_options", "logit_bias", "zz"])
def test_null_means_not_set(name: str) -> None:
    assert heard(**{name: None})[1] == []


def test_hints_without_a_counterpart_are_noted() -> None:
    assert heard(store=True, prediction={"type": "content", "content": "x"}, zz=1)[1] == [
        ("zz", "dropped"),
        ("store", "dropped"),
        ("prediction", "dropped"),
    ]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"audio": {"voice": "alloy"}}, "audio"),
        ({"modalities": ["audio"]}, "modalities"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "custom"}]}, "tools[0].custom"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.function.name"),
        ({"tool_choice": {"type": "custom", "custom": {}}}, "tool_choice.custom.name"),
        ({"tool_choice": {"type": "web"}}, "tool_choice"),
        ({"tool_choice": {"type": "allowed_tools"}}, "tool_choice.allowed_tools"),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {"mode": "auto", "tools": [{"type": "function"}]},
                }
            },
            "tool_choice.allowed_tools.tools[0].function.name",
        ),
        ({"function_call": {"nome": "f"}}, "function_call.name"),
        ({"function_call": "sometimes"}, "function_call"),
        ({"web_search_options": {"user_location": {"approximate": 3}}}, None),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
    ],
)
def test_a_refusal_names_the_exact_path(change: dict[str, Any], param: str | None) -> None:
    with pytest.raises(ApiError) as caught:
        heard(**change)
    assert caught.value.param == (param or "web_search_options.user_location.approximate")


def test_tools_know_their_places() -> None:
    loss = Loss("chat_completions")
    tool = {"type": "custom", "custom": {"name": "patch"}}
    function = {"name": "f"}
    conversation = read_request(request(tools=[tool], functions=[function]), loss)
    for given in conversation.tools:
        loss.dropped(given, "x")
    assert [entry.path for entry in loss.entries] == ["tools[0]", "functions[0]"]


def test_choices() -> None:
    allowed = {
        "mode": "required",
        "tools": [
            {"type": "function", "function": {"name": "f"}},
            {"type": "custom", "custom": {"name": "g"}},
        ],
    }
    choice = {"type": "allowed_tools", "allowed_tools": allowed}
    assert heard(tool_choice=choice)[0].tool_choice == ToolChoice(
        mode="required", allowed=["f", "g"]
    )
    assert heard(function_call={"name": "f"})[0].tool_choice == ToolChoice(mode="tool", name="f")
    assert heard(function_call="none")[0].tool_choice == ToolChoice(mode="none")


def test_a_client_of_functions_is_answered_with_one_call_at_a_time() -> None:
    assert heard(functions=[{"name": "f"}])[0].parallel_tool_calls is False
    both = heard(functions=[{"name": "f"}], tools=[{"function": {"name": "g"}}])[0]
    assert both.parallel_tool_calls is None
