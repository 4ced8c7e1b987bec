"""Settings, as a Chat Completions host gets them: its own fields where it knows them, notes where not."""

from typing import Any

import pytest
from support.events import translation

from wsgi_gateway.protocols.chat_completions import write_request
from wsgi_gateway.protocols.conversation import Conversation, OutputFormat, ReasoningOptions
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.translation import Translation

OPENAI = {"openai_fields": True}
REASONING = {"openai_fields": True, "sampling": False}


def noted(task: Translation) -> list[tuple[str, str]]:
    return [(entry.path, entry.verdict) for entry in task.loss.entries]


def write(api: str, facts: dict[str, Any], **fields: Any) -> tuple[dict[str, Any], Translation]:
    task = translation(api, **facts)
    body = write_request(Conversation(api=api, model="m", **fields), task)
    return {k: v for k, v in body.items() if k not in ("model", "messages")}, task


OPENAI_ONLY: dict[str, Any] = {
    "metadata": {"a": "b"},
    "prompt_cache_key": "k",
    "prompt_cache_retention": "24h",
    "service_tier": "flex",
    "verbosity": "low",
}


def test_what_openai_alone_knows_goes_to_openai_alone() -> None:
    body, task = write("responses", OPENAI, **OPENAI_ONLY)
    assert (body, noted(task)) == (OPENAI_ONLY, [])
    body, task = write("responses", {}, **OPENAI_ONLY)
    assert body == {}
    assert noted(task) == [
        ("text.verbosity", "approximated"),
        ("metadata", "dropped"),
        ("prompt_cache_key", "dropped"),
        ("prompt_cache_retention", "dropped"),
        ("service_tier", "dropped"),
    ]


def test_options_of_the_cache_go_to_models_that_have_breakpoints() -> None:
    options = {"mode": "explicit"}
    body, task = write("responses", {"cache_breakpoints": True}, prompt_cache_options=options)
    assert (body, noted(task)) == ({"prompt_cache_options": options}, [])
    body, task = write("responses", OPENAI, prompt_cache_options=options)
    assert (body, noted(task)) == ({}, [("prompt_cache_options", "dropped")])


def test_moderation_is_never_left_out_in_silence() -> None:
    body, task = write("responses", OPENAI, moderation={"model": "omni"})
    assert body == {"moderation": {"model": "omni"}}
    assert noted(task) == [("moderation", "approximated")]
    with pytest.raises(ApiError) as caught:
        write("responses", {}, moderation={"model": "omni"})
    assert caught.value.param == "moderation"


@pytest.mark.parametrize(
    ("tier", "written", "lost"),
    [
        ("standard_only", "default", []),
        ("priority", "priority", []),
        ("ultrafast", "fast", [("service_tier", "dropped")]),
    ],
)
def test_tiers_in_chats_words(tier: str, written: str, lost: list[Any]) -> None:
    body, task = write("responses", OPENAI, service_tier=tier)
    assert (body, noted(task)) == ({"service_tier": written}, lost)


def test_sampling_goes_to_models_that_take_it() -> None:
    given = {"frequency_penalty": 0.5, "presence_penalty": 0.0, "logit_bias": {"1": 2}}
    assert write("responses", OPENAI, **given)[0] == given
    body, task = write("responses", REASONING, **given)
    assert body == {}
    assert noted(task) == [("frequency_penalty", "approximated"), ("logit_bias", "approximated")]


def test_probabilities_are_asked_for() -> None:
    assert write("responses", {}, top_logprobs=3)[0] == {"logprobs": True, "top_logprobs": 3}
    assert write("responses", {}, logprobs=True)[0] == {"logprobs": True}
    assert write("responses", {}, logprobs=False)[0] == {}


def test_stop_sequences_go_upstream_where_they_are_taken() -> None:
    body, task = write("chat_completions", OPENAI, stop=["END"])
    assert (body, task.stop, task.sent_stop) == ({"stop": ["END"]}, [], ["END"])
    assert noted(task) == []


def test_a_messages_client_is_told_that_a_match_may_not_be() -> None:
    body, task = write("messages", {}, stop=["END"])
    assert body == {"stop": ["END"]}
    assert noted(task) == [("stop_sequences", "approximated")]


@pytest.mark.parametrize(
    ("facts", "stop"), [(REASONING, ["END"]), ({}, list("abcde"))], ids=["refused", "too many"]
)
def test_stop_sequences_that_no_upstream_looks_for_are_the_gateways(
    facts: dict[str, Any], stop: list[str]
) -> None:
    body, task = write("messages", facts, stop=stop)
    assert (body, task.stop, noted(task)) == ({}, stop, [])


@pytest.mark.parametrize("facts", [REASONING, {}], ids=["ours", "sent"])
def test_an_empty_stop_sequence_stops_nothing(facts: dict[str, Any]) -> None:
    """The gateway would find it at once, and cut the reply to nothing."""
    body, task = write("chat_completions", facts, stop=[""])
    assert (body, task.stop, task.sent_stop) == ({}, [], [])
    assert noted(task) == [("stop", "dropped")]
    assert write("chat_completions", {}, stop=["", "a"])[0] == {"stop": ["a"]}


@pytest.mark.parametrize("closed", [True, False])
def test_a_schema_of_messages_is_enforced_where_openai_can(closed: bool) -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": not closed}
    output = OutputFormat(type="json_schema", schema=schema)
    body, task = write("messages", OPENAI, output_format=output)
    assert body["response_format"]["json_schema"] == {
        "name": "response",
        "schema": schema,
        "strict": closed,
    }
    assert noted(task) == ([] if closed else [("output_config.format", "approximated")])


def test_a_summary_of_thoughts_is_nothing_that_openai_tells_in_chat() -> None:
    options = ReasoningOptions(effort="low", summary="auto")
    body, task = write("responses", OPENAI, reasoning=options)
    assert (body, noted(task)) == ({"reasoning_effort": "low"}, [("reasoning.summary", "dropped")])
    assert noted(write("responses", {}, reasoning=options)[1]) == []


def test_thoughts_that_are_not_to_be_shown_are_no_loss() -> None:
    hidden = ReasoningOptions(mode="adaptive", summary="omitted")
    assert noted(write("messages", OPENAI, reasoning=hidden)[1]) == []
    shown = ReasoningOptions(mode="adaptive", summary="summarized")
    task = write("messages", OPENAI, reasoning=shown)[1]
    assert noted(task) == [("thinking.display", "dropped")]


@pytest.mark.parametrize(
    ("options", "written", "lost"),
    [
        ({"mode": "explicit", "ttl": "30m"}, {"mode": "explicit", "ttl": "30m"}, []),
        ({"mode": "explicit", "ttl": "12h"}, {"mode": "explicit"}, ["ttl"]),
        ({"comparison_response_id": "r", "ttl": None}, None, ["comparison_response_id"]),
    ],
)
def test_cache_options_that_chat_does_not_have_are_left_out(
    options: dict[str, Any], written: dict[str, str] | None, lost: list[str]
) -> None:
    facts = {**OPENAI, "cache_breakpoints": True}
    body, task = write("responses", facts, prompt_cache_options=options)
    assert body.get("prompt_cache_options") == written
    assert noted(task) == [(f"prompt_cache_options.{name}", "dropped") for name in lost]
