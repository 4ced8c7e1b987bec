"""The table of what models accept."""

import pytest

from wsgi_gateway.protocols.capabilities import Capabilities, capabilities_of


@pytest.mark.parametrize(
    ("kind", "model", "fact", "value"),
    [
        ("openai", "gpt-4o-mini", "efforts", ()),
        ("openai", "gpt-4o-mini", "sampling", True),
        ("openai", "o3", "sampling", False),
        ("openai", "gpt-5-mini-2025-08-07", "openai_fields", True),
        ("anthropic", "claude-sonnet-4-20250514", "thinking", "budget"),
        ("anthropic", "claude-sonnet-4-20250514", "max_output_tokens", 64_000),
        ("anthropic", "claude-opus-4-20250514", "max_output_tokens", 32_000),
        ("anthropic", "claude-sonnet-4-6", "thinking", "adaptive"),
        ("anthropic", "claude-opus-4-8", "system_messages", True),
        ("anthropic", "claude-opus-4-7", "sampling", False),
        ("anthropic", "claude-3-haiku-20240307", "max_output_tokens", 4096),
        ("openrouter", "anthropic/claude-sonnet-5", "thinking", "adaptive"),
        ("openai", "gpt-5-mini", "efforts", ("minimal", "low", "medium", "high")),
        ("openai", "gpt-5.2", "sampling_without_effort", True),
        ("openai", "gpt-5.6", "cache_breakpoints", True),
        ("openai", "gpt-6", "sampling_without_effort", False),
        ("openai", "o4-mini", "custom_tools", False),
        ("openai", "gpt-4o-search-preview", "web_search", ("chat_completions",)),
        ("azure_openai", "gpt-5", "web_search", ("responses",)),
        ("anthropic", "claude-sonnet-4-5", "structured_output", True),
        ("anthropic", "claude-sonnet-4-20250514", "structured_output", False),
        ("anthropic", "claude-sonnet-5", "forced_tools", False),
        ("anthropic", "claude-opus-4-8", "prefill", False),
        ("openrouter", "anthropic/claude-sonnet-5", "web_search", ()),
        ("deepseek", "deepseek-reasoner", "wants_reasoning_back", True),
    ],
)
def test_facts(kind: str, model: str, fact: str, value: object) -> None:
    assert getattr(capabilities_of(kind, model), fact) == value


def test_an_unknown_model_gets_the_defaults() -> None:
    assert capabilities_of("vllm", "my-model") == Capabilities()
