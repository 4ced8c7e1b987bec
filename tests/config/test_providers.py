"""The table of known providers: that it is complete, consistent, and that each URL is the documented one."""

import re

import pytest

from wsgi_gateway.config import APIS, load_config
from wsgi_gateway.config.model import Api
from wsgi_gateway.config.providers import known_providers

TABLE = known_providers()


def endpoints(model: str, apis: list[Api], base_url: str | None = None) -> dict[str, str]:
    entry = {"model": model, "access_key": "k", "upstream_apis": apis}
    if base_url:
        entry["base_url"] = base_url
    (provider,) = load_config({"model_providers": [entry]}, {}).providers
    return dict(provider.endpoints)


def test_every_provider_that_issue_2_asks_for_is_there() -> None:
    asked = """openai anthropic gemini groq mistral deepseek xai together_ai openrouter fireworks cerebras perplexity
        moonshotai zhipu qwen minimax vercel digitalocean github nvidia cohere azure_openai ollama vllm llamacpp
        lmstudio"""
    assert set(asked.split()) <= set(TABLE)


@pytest.mark.parametrize("word", TABLE)
def test_rows_are_consistent(word: str) -> None:
    row = TABLE[word]
    assert re.fullmatch(r"[a-z_]+", word)
    assert set(row.upstream_apis) <= set(row.apis)
    assert set(row.upstream_apis_of_followers) <= set(row.apis)
    assert set(row.auth) <= set(row.apis)
    assert all(path == "" or re.fullmatch(r"(/[\w.-]+)+", path) for path in row.apis.values())
    assert row.url is None or re.fullmatch(r"https?://[\w.-]+(:\d+)?", row.url)
    assert bool(row.key_variables) or not row.key_required
    assert row.docs.startswith("https://")
    assert row.apis.get("messages", "/v1").endswith("/v1")


# Each from the provider's own documentation; see the docs column of the table.
@pytest.mark.parametrize(
    ("model", "api", "url"),
    [
        ("openai/m", "chat_completions", "https://api.openai.com/v1/chat/completions"),
        ("openai/m", "responses", "https://api.openai.com/v1/responses"),
        ("anthropic/m", "chat_completions", "https://api.anthropic.com/v1/chat/completions"),
        ("anthropic/m", "messages", "https://api.anthropic.com/v1/messages"),
        (
            "gemini/m",
            "chat_completions",
            "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions",
        ),
        ("groq/m", "chat_completions", "https://api.groq.com/openai/v1/chat/completions"),
        ("groq/m", "responses", "https://api.groq.com/openai/v1/responses"),
        ("mistral/m", "chat_completions", "https://api.mistral.ai/v1/chat/completions"),
        ("deepseek/m", "chat_completions", "https://api.deepseek.com/v1/chat/completions"),
        ("deepseek/m", "messages", "https://api.deepseek.com/anthropic/v1/messages"),
        ("xai/m", "responses", "https://api.x.ai/v1/responses"),
        ("together_ai/m", "chat_completions", "https://api.together.xyz/v1/chat/completions"),
        ("openrouter/m", "chat_completions", "https://openrouter.ai/api/v1/chat/completions"),
        ("openrouter/m", "messages", "https://openrouter.ai/api/v1/messages"),
        ("openrouter/m", "responses", "https://openrouter.ai/api/v1/responses"),
        (
            "fireworks/m",
            "chat_completions",
            "https://api.fireworks.ai/inference/v1/chat/completions",
        ),
        ("fireworks/m", "messages", "https://api.fireworks.ai/inference/v1/messages"),
        ("cerebras/m", "chat_completions", "https://api.cerebras.ai/v1/chat/completions"),
        ("perplexity/m", "chat_completions", "https://api.perplexity.ai/chat/completions"),
        ("perplexity/m", "responses", "https://api.perplexity.ai/v1/responses"),
        ("moonshotai/m", "chat_completions", "https://api.moonshot.ai/v1/chat/completions"),
        ("moonshotai/m", "messages", "https://api.moonshot.ai/anthropic/v1/messages"),
        ("zhipu/m", "chat_completions", "https://api.z.ai/api/paas/v4/chat/completions"),
        ("zhipu/m", "messages", "https://api.z.ai/api/anthropic/v1/messages"),
        (
            "qwen/m",
            "chat_completions",
            "https://dashscope-intl.aliyuncs.com/compatible-mode/v1/chat/completions",
        ),
        ("qwen/m", "messages", "https://dashscope-intl.aliyuncs.com/apps/anthropic/v1/messages"),
        ("minimax/m", "chat_completions", "https://api.minimax.io/v1/chat/completions"),
        ("minimax/m", "messages", "https://api.minimax.io/anthropic/v1/messages"),
        ("vercel/m", "chat_completions", "https://ai-gateway.vercel.sh/v1/chat/completions"),
        ("digitalocean/m", "chat_completions", "https://inference.do-ai.run/v1/chat/completions"),
        ("github/m", "chat_completions", "https://models.github.ai/inference/chat/completions"),
        ("nvidia/m", "chat_completions", "https://integrate.api.nvidia.com/v1/chat/completions"),
        ("cohere/m", "chat_completions", "https://api.cohere.ai/compatibility/v1/chat/completions"),
        ("ollama/m", "chat_completions", "http://localhost:11434/v1/chat/completions"),
        ("vllm/m", "messages", "http://localhost:8000/v1/messages"),
        ("llamacpp/m", "responses", "http://localhost:8080/v1/responses"),
        ("lmstudio/m", "messages", "http://localhost:1234/v1/messages"),
    ],
)
def test_urls(model: str, api: Api, url: str) -> None:
    assert endpoints(model, [api]) == {api: url}


def test_default_apis() -> None:
    defaults = {word: list(row.upstream_apis) for word, row in TABLE.items()}
    assert defaults.pop("openai") == ["chat_completions", "responses"]
    assert defaults.pop("anthropic") == ["chat_completions", "messages"]
    assert defaults.pop("chatgpt") == ["responses"]
    assert all(apis == ["chat_completions"] for apis in defaults.values())


def test_headers_of_keys() -> None:
    bearer = ("authorization", "Bearer ")
    assert [TABLE["openai"].auth_of(api) for api in APIS] == [bearer] * 3
    assert TABLE["anthropic"].auth_of("chat_completions") == bearer
    assert TABLE["anthropic"].auth_of("messages") == ("x-api-key", "")
    assert TABLE["azure_openai"].auth_of("responses") == ("api-key", "")


def test_own_models() -> None:
    assert TABLE["openai"].makes("gpt-5")
    assert TABLE["anthropic"].makes("claude-opus-4-5")
    assert not TABLE["anthropic"].makes("gpt-5")
    assert not TABLE["ollama"].makes("gpt-5")
