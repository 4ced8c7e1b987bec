"""The top-level fields of each API's requests with the JSON types that its reference gives them, and values to try.

Written from the references, not from the gateway's own shapes. `null` is right wherever a field may be left out: SDKs
send it so. Sources: OpenAI API reference, "Chat Completions", "Responses", "Compact a response"; Anthropic API
reference, "Messages", its beta fields included.
"""

from __future__ import annotations

from support.streams import Api, Json

Kinds = frozenset[str]


def _kinds(text: str) -> Kinds:
    kinds = set(text.split())
    return frozenset(kinds | {"integer"} if "number" in kinds else kinds)


def _table(*rows: tuple[str, str]) -> dict[str, Kinds]:
    """Rows of types and the fields that have them."""
    return {name: _kinds(kinds) for kinds, names in rows for name in names.split()}


FIELDS: dict[Api, dict[str, Kinds]] = {
    "chat_completions": _table(
        ("string", "model"),
        ("array", "messages"),
        ("array null", "functions modalities tools"),
        ("boolean null", "logprobs parallel_tool_calls store stream"),
        (
            "integer null",
            "max_completion_tokens max_tokens n seed top_k top_logprobs",
        ),
        ("number null", "frequency_penalty presence_penalty temperature top_p"),
        (
            "object null",
            "audio logit_bias metadata moderation prediction prompt_cache_options response_format"
            " stream_options web_search_options",
        ),
        (
            "string null",
            "prompt_cache_key prompt_cache_retention reasoning_effort safety_identifier"
            " service_tier user verbosity",
        ),
        ("string object null", "function_call tool_choice"),
        ("string array null", "stop"),
    ),
    "messages": _table(
        ("string", "model"),
        ("integer", "max_tokens"),
        ("array", "messages"),
        ("array null", "mcp_servers stop_sequences tools"),
        ("boolean null", "stream"),
        ("integer null", "top_k"),
        ("number null", "temperature top_p"),
        ("object null", "context_management metadata output_config output_format thinking"),
        ("object null", "tool_choice"),
        ("string null", "inference_geo service_tier speed"),
        ("string array null", "system"),
    ),
    "responses": _table(
        ("string", "model"),
        ("string array", "input"),
        ("array null", "context_management include tools"),
        ("boolean null", "background parallel_tool_calls store stream"),
        ("integer null", "max_output_tokens max_tool_calls top_logprobs"),
        ("number null", "frequency_penalty presence_penalty temperature top_p"),
        (
            "object null",
            "access_programs metadata moderation prompt prompt_cache_options reasoning"
            " stream_options text",
        ),
        (
            "string null",
            "instructions previous_response_id prompt_cache_key prompt_cache_retention"
            " safety_identifier service_tier truncation user",
        ),
        ("string object null", "conversation tool_choice"),
    ),
}

UNREAD: dict[Api, tuple[str, ...]] = {
    "chat_completions": ("field_of_2031",),
    "messages": (
        "billing_policy",
        "cache_control",
        "compaction",
        "container",
        "diagnostics",
        "fallback_credit_token",
        "fallbacks",
        "field_of_2031",
        "thread",
    ),
    "responses": ("background_options", "client_metadata", "field_of_2031", "image"),
}
"""Fields whose values no translation reads, right or wrong: they are left out with a warning, or refused."""

VALUES: tuple[tuple[str, str], ...] = (
    ("null", "null"),
    ("boolean", "true"),
    ("boolean", "false"),
    ("integer", "0"),
    ("integer", "1"),
    ("integer", "-1"),
    ("integer", "9223372036854775808"),
    ("integer", "1" + "0" * 40),
    ("number", "0.5"),
    ("number", "-1e300"),
    ("string", '""'),
    ("string", '"text"'),
    ("string", '"\\u0000\\ud83d\\ude00\\r\\nx-evil: 1"'),
    ("array", "[]"),
    ("array", "[1]"),
    ("array", "[null]"),
    ("array", '["text"]'),
    ("array", "[[[]]]"),
    ("array", "[{}]"),
    ("array", '[{"type":"nonsense"}]'),
    ("object", "{}"),
    ("object", '{"a":1}'),
    ("object", '{"type":5}'),
    ("object", '{"type":"nonsense"}'),
    ("no JSON", "NaN"),
    ("no JSON", "-Infinity"),
    ("no JSON", "1e999"),
    ("no JSON", '"\\ud83d"'),
)
"""JSON texts, each with its type. The last are what some parsers take for JSON."""

SMALLEST: dict[Api, Json] = {
    "chat_completions": {"messages": [{"role": "user", "content": "Hi"}]},
    "messages": {"max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}]},
    "responses": {"input": "Hi"},
}
"""What a request needs beside its model."""
