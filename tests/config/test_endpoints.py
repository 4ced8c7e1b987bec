"""The base_url rule, with every example that issue 2 gives for it."""

import pytest

from wsgi_gateway.config.endpoints import BadBaseUrl, endpoints_of, parse_base_url
from wsgi_gateway.config.model import APIS
from wsgi_gateway.config.providers import UNKNOWN, known_providers

OPENAI, AZURE = known_providers()["openai"], known_providers()["azure_openai"]


def urls(base_url: str, word: str = "openai", model: str = "m") -> dict[str, str]:
    row = known_providers().get(word, UNKNOWN)
    return endpoints_of(parse_base_url(base_url, row), row, APIS, model)


@pytest.mark.parametrize(
    ("base_url", "chat", "messages", "responses"),
    [
        ("http://host:51001", "/v1/chat/completions", "/v1/messages", "/v1/responses"),
        ("http://host:51001/", "/v1/chat/completions", "/v1/messages", "/v1/responses"),
        ("http://host/x/v1", "/x/v1/chat/completions", "/x/v1/messages", "/x/v1/responses"),
        ("http://host/x/v1//", "/x/v1/chat/completions", "/x/v1/messages", "/x/v1/responses"),
        ("http://host/x", "/x/chat/completions", "/x/v1/messages", "/x/responses"),
        ("http://host/v1", "/v1/chat/completions", "/v1/messages", "/v1/responses"),
        (
            "https://host/api/paas/v4",
            "/api/paas/v4/chat/completions",
            "/api/paas/v4/v1/messages",
            "/api/paas/v4/responses",
        ),
    ],
)
@pytest.mark.parametrize("word", ["openai", "anthropic", "acme"])
def test_paths(word: str, base_url: str, chat: str, messages: str, responses: str) -> None:
    origin = base_url.split("/", 3)[0] + "//" + base_url.split("/")[2]
    assert urls(base_url, word) == {
        "chat_completions": origin + chat,
        "messages": origin + messages,
        "responses": origin + responses,
    }


def test_without_a_path_the_provider_s_own_prefix_is_used() -> None:
    assert (
        urls("http://host", "groq")["chat_completions"] == "http://host/openai/v1/chat/completions"
    )
    assert urls("http://host", "perplexity")["chat_completions"] == "http://host/chat/completions"
    assert urls("http://host", "deepseek")["messages"] == "http://host/anthropic/v1/messages"
    assert urls("http://[::1]:8000")["messages"] == "http://[::1]:8000/v1/messages"


def test_azure_v1() -> None:
    assert urls("https://r.openai.azure.com", "azure_openai") == {
        "chat_completions": "https://r.openai.azure.com/openai/v1/chat/completions",
        "messages": "https://r.openai.azure.com/anthropic/v1/messages",
        "responses": "https://r.openai.azure.com/openai/v1/responses",
    }


@pytest.mark.parametrize("path", ["", "/", "/openai/deployments/gpt%2F4"])
def test_azure_deployments(path: str) -> None:
    azure = urls(
        f"https://r.openai.azure.com{path}?api-version=2024-10-21", "azure_openai", "gpt/4"
    )
    root = "https://r.openai.azure.com/openai"
    version = "api-version=2024-10-21"
    assert azure["chat_completions"] == f"{root}/deployments/gpt%2F4/chat/completions?{version}"
    assert azure["responses"] == f"{root}/responses?{version}"


def test_a_wildcard_keeps_the_place_of_the_model() -> None:
    azure = urls("https://r.openai.azure.com?api-version=V", "azure_openai", "*")
    assert "/deployments/{model}/chat" in azure["chat_completions"]


@pytest.mark.parametrize(
    ("base_url", "message"),
    [
        ("", "http://"),
        ("host:8000", "http://"),
        ("ftp://host", "http://"),
        ("http://", "host missing"),
        ("http:///v1", "host missing"),
        ("http://host:99999", "malformed"),
        ("http://host:x", "malformed"),
        ("http://host:0", "port 0"),
        ("http://[::1", "malformed"),
        ("http://ho st", "character"),
        ("http://höst", "character"),
        ("http://host/\n", "character"),
        ("http://me:secret@host", "user name"),
        ("http://host/v1?key=secret", "?query"),
        ("http://host/v1#part", "#fragment"),
        ("http://host/v1/chat/completions", "/chat/completions"),
        ("http://host/v1/messages/", "/messages"),
        ("http://host/v1/responses", "/responses"),
    ],
)
def test_what_is_not_a_base_url(base_url: str, message: str) -> None:
    with pytest.raises(BadBaseUrl) as caught:
        parse_base_url(base_url, OPENAI)
    assert message in caught.value.args[0]
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("base_url", "message"),
    [
        ("https://r.openai.azure.com?other=1", "other than api-version"),
        ("https://r.openai.azure.com?api-version=", "other than api-version"),
        ("https://r.openai.azure.com?api-version=1&api-version=2", "other than api-version"),
        ("https://r.openai.azure.com/openai/deployments/d", "no ?api-version"),
    ],
)
def test_what_is_not_azure_s_base_url(base_url: str, message: str) -> None:
    with pytest.raises(BadBaseUrl) as caught:
        parse_base_url(base_url, AZURE)
    assert message in caught.value.args[0]
