"""Without a config: the providers that the environment speaks of."""

import pytest

from wsgi_gateway.config import ConfigError, discover_config


def test_each_key_is_a_wildcard_in_the_table_s_order() -> None:
    environ = {"ANTHROPIC_API_KEY": "a", "OPENAI_API_KEY": "o", "GOOGLE_API_KEY": "g"}
    providers = discover_config(environ).providers
    assert [provider.name for provider in providers] == ["openai/*", "anthropic/*", "gemini/*"]
    assert [each.access_key.reveal() for each in providers if each.access_key] == ["o", "a", "g"]
    assert list(providers[1].endpoints) == ["chat_completions", "messages"]


def test_no_model_is_the_default() -> None:
    assert not discover_config({"OPENAI_API_KEY": "o"}).providers[0].default


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("localhost", "http://localhost:11434/v1/chat/completions"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1/chat/completions"),
        (":8080", "http://127.0.0.1:8080/v1/chat/completions"),
        ("box:8080", "http://box:8080/v1/chat/completions"),
        ("[::]:8080", "http://127.0.0.1:8080/v1/chat/completions"),
        ("::", "http://127.0.0.1:11434/v1/chat/completions"),
        ("::1", "http://[::1]:11434/v1/chat/completions"),
        ("[::1]:8080", "http://[::1]:8080/v1/chat/completions"),
        ("box:8080/", "http://box:8080/v1/chat/completions"),
        ("box/", "http://box:11434/v1/chat/completions"),
        ("box:8080/ollama/v1", "http://box:8080/ollama/v1/chat/completions"),
        ("https://box/ollama/v1", "https://box/ollama/v1/chat/completions"),
    ],
)
def test_servers_without_keys_are_found_by_their_address(address: str, url: str) -> None:
    (provider,) = discover_config({"OLLAMA_HOST": address}).providers
    assert provider.endpoints == {"chat_completions": url}
    assert provider.access_key is None


def test_an_optional_key_alone_finds_nothing() -> None:
    with pytest.raises(ConfigError):
        discover_config({"VLLM_API_KEY": "k"})


def test_azure_needs_key_and_address() -> None:
    environ = {"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com/"}
    (provider,) = discover_config(environ).providers
    url = "https://r.openai.azure.com/openai/v1/chat/completions"
    assert provider.endpoints == {"chat_completions": url}
    with pytest.raises(ConfigError):
        discover_config({"AZURE_OPENAI_API_KEY": "k"})


@pytest.mark.parametrize("environ", [{}, {"OPENAI_API_KEY": " "}, {"PATH": "/bin"}])
def test_nothing_found_says_what_to_set(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"OPENAI_API_KEY, ANTHROPIC_API_KEY.*OLLAMA_HOST"):
        discover_config(environ)


def test_a_wrong_address_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="malformed"):
        discover_config({"OLLAMA_HOST": "http://box:port"})
