"""The entries of model_providers: names, kinds, keys, headers, APIs."""

from typing import Any

import pytest

from wsgi_gateway.config import Config, ConfigError, Provider, load_config
from wsgi_gateway.config.secret import Secret


def load(*entries: dict[str, Any]) -> Config:
    return load_config({"model_providers": list(entries)}, {})


def only(**entry: Any) -> Provider:
    (provider,) = load(entry).providers
    return provider


def problems(*entries: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(*entries)
    return [str(problem) for problem in caught.value.problems]


def problem(**entry: Any) -> str:
    (text,) = problems(entry)
    return text


def test_a_plain_entry() -> None:
    provider = only(model="openai/gpt-4o", access_key=" sk-1\n")
    assert provider == Provider(
        name="openai/gpt-4o",
        provider="openai",
        kind="openai",
        model="gpt-4o",
        endpoints={
            "chat_completions": "https://api.openai.com/v1/chat/completions",
            "responses": "https://api.openai.com/v1/responses",
        },
        auth={
            "chat_completions": ("authorization", "Bearer "),
            "responses": ("authorization", "Bearer "),
        },
        access_key=Secret("sk-1"),
        headers={},
        default=True,
    )


def test_an_only_model_is_the_default_but_a_wildcard_is_not() -> None:
    assert only(model="openai/gpt-4o", access_key="k").default
    assert not only(model="openai/*", access_key="k").default
    two = load({"model": "openai/a", "access_key": "k"}, {"model": "openai/b", "access_key": "k"})
    assert not any(provider.default for provider in two.providers)


def test_upstream_apis_keep_their_order() -> None:
    provider = only(
        model="anthropic/c", access_key="k", upstream_apis=["messages", "chat_completions"]
    )
    assert list(provider.endpoints) == ["messages", "chat_completions"]
    assert provider.auth["messages"] == ("x-api-key", "")
    assert provider.auth["chat_completions"] == ("authorization", "Bearer ")


@pytest.mark.parametrize("model", ["gpt-4o", "openai/", "/gpt-4o", "openai", " openai/gpt-4o"])
def test_models_are_provider_and_id(model: str) -> None:
    assert "must be provider/id" in problem(model=model, access_key="k")


def test_a_bare_model_is_completed_in_the_suggestion() -> None:
    assert "like anthropic/claude-opus-4-5" in problem(model="claude-opus-4-5", access_key="k")


def test_wildcards_are_whole_and_no_default() -> None:
    assert "stands for a whole id" in problem(model="openai/gpt-*", access_key="k")
    assert "default must be one model" in problem(model="openai/*", access_key="k", default=True)


def test_names_are_unique() -> None:
    first = {"model": "openai/a", "access_key": "k"}
    (text,) = problems(first, first)
    assert "model_providers[1].model: openai/a is already configured by model_providers[0]" in text
    (text,) = problems({**first, "name": "x"}, {"model": "groq/b", "access_key": "k", "name": "x"})
    assert "model_providers[1].name: x is already the name of model_providers[0]" in text
    assert len(load(first, {**first, "name": "second"}).providers) == 2


def test_there_is_one_default() -> None:
    (text,) = problems(
        {"model": "openai/a", "access_key": "k", "default": True},
        {"model": "openai/b", "access_key": "k", "default": True},
    )
    assert "model_providers[1].default: a second default (the first is model_providers[0])" in text


@pytest.mark.parametrize("model", ["openai/a", "azure_openai/a", "anthropic/*"])
def test_keys_are_needed(model: str) -> None:
    text = problems({"model": model})[-1]
    assert "access_key" in text or "base_url" in text


def test_the_suggestion_names_the_usual_variable() -> None:
    assert "access_key: $GROQ_API_KEY" in problem(model="groq/a")
    assert "needs access_key" in problem(model="azure_openai/a", base_url="https://r.example.com")


@pytest.mark.parametrize(
    "entry",
    [
        {"model": "ollama/a"},
        {"model": "vllm/a"},
        {"model": "llamacpp/a"},
        {"model": "lmstudio/a"},
        {"model": "openai/a", "passthrough_auth": True},
        {"model": "openai/a", "base_url": "http://localhost:8000"},
        {"model": "acme/a", "base_url": "http://localhost:8000"},
        {"model": "acme/a", "base_url": "http://localhost:8000", "provider_interface": "openai"},
        {"model": "chatgpt/*"},
    ],
)
def test_where_no_key_is_needed(entry: dict[str, Any]) -> None:
    assert load(entry).providers[0].access_key is None


@pytest.mark.parametrize("key", ["a b", "a\nb", "kä", "a\x00"])
def test_a_key_fits_into_a_header(key: str) -> None:
    text = problem(model="openai/a", access_key=key)
    assert "no header can carry" in text
    assert key not in text


def test_an_empty_key_is_no_key() -> None:
    assert "access_key: is empty" in problem(model="openai/a", access_key="  ")


def test_passthrough_sends_no_key_of_ours() -> None:
    config = load({"model": "openai/a", "access_key": "k", "passthrough_auth": True})
    assert config.providers[0].passthrough_auth
    assert config.providers[0].access_key is None
    assert "no effect beside passthrough_auth" in config.warnings[0].message


def test_chatgpt_passes_the_client_s_key_on_unless_it_has_one() -> None:
    assert only(model="chatgpt/*").passthrough_auth
    assert not only(model="chatgpt/*", access_key="k").passthrough_auth


def test_an_unknown_provider_needs_base_url() -> None:
    text = problem(model="opnai/gpt-4o", access_key="k")
    assert "opnai is not a known provider, so it needs base_url" in text
    assert "did you mean openai?" in text


@pytest.mark.parametrize("word", ["azure_openai", "amazon_bedrock", "plano"])
def test_some_known_providers_need_base_url_too(word: str) -> None:
    assert f"{word} needs base_url" in problem(model=f"{word}/a", access_key="k")


def test_an_unknown_provider_speaks_chat_completions_at_v1() -> None:
    provider = only(model="acme/a", base_url="http://host", access_key="k")
    assert provider.kind == "acme"
    assert provider.endpoints == {"chat_completions": "http://host/v1/chat/completions"}


def test_an_unknown_provider_with_messages_has_their_header() -> None:
    provider = only(
        model="acme/a", base_url="http://host", access_key="k", upstream_apis=["messages"]
    )
    assert provider.auth == {"messages": ("x-api-key", "")}


@pytest.mark.parametrize(
    ("interface", "endpoints"),
    [
        ("openai", {"chat_completions": "http://host/v1/chat/completions"}),
        ("anthropic", {"messages": "http://host/v1/messages"}),
        ("groq", {"chat_completions": "http://host/openai/v1/chat/completions"}),
    ],
)
def test_provider_interface(interface: str, endpoints: dict[str, str]) -> None:
    provider = only(model="acme/a", base_url="http://host", provider_interface=interface)
    assert (provider.provider, provider.kind) == ("acme", interface)
    assert provider.endpoints == endpoints


def test_provider_interface_is_a_known_provider_s() -> None:
    text = problem(model="acme/a", base_url="http://host", provider_interface="opena")
    assert "did you mean openai?" in text


def test_a_known_provider_keeps_its_own_conventions() -> None:
    assert only(model="groq/a", access_key="k", provider_interface="groq").kind == "groq"
    text = problem(model="groq/a", access_key="k", provider_interface="openai")
    assert "my_groq/a" in text


def test_base_urls() -> None:
    text = problem(model="openai/a", access_key="k", base_url="https://me:secret@host/v1")
    assert "model_providers[0].base_url: has a user name" in text
    assert "secret" not in text


def test_another_provider_s_address_is_warned_of() -> None:
    config = load(
        {"model": "openai/kimi-k2.5", "access_key": "k", "base_url": "https://api.moonshot.ai/v1"}
    )
    assert "moonshotai/kimi-k2.5" in str(config.warnings[0])


def test_an_api_that_a_provider_is_not_known_to_speak_is_warned_of() -> None:
    config = load({"model": "groq/a", "access_key": "k", "upstream_apis": ["messages"]})
    assert config.providers[0].endpoints == {"messages": "https://api.groq.com/v1/messages"}
    assert "groq is not known to speak messages" in config.warnings[0].message


def test_upstream_apis_are_known_and_different() -> None:
    assert "did you mean messages?" in problem(
        model="openai/a", access_key="k", upstream_apis=["message"]
    )
    assert "listed twice" in problem(
        model="openai/a", access_key="k", upstream_apis=["messages", "messages"]
    )
    assert "not empty" in problem(model="openai/a", access_key="k", upstream_apis=[])


def test_headers_and_host() -> None:
    provider = only(
        model="openai/a",
        access_key="k",
        headers={"OpenAI-Project": "secret"},
        http_host="api.example.com:8080",
    )
    assert provider.headers == {"OpenAI-Project": "secret"}
    assert provider.http_host == "api.example.com:8080"
    assert "secret" not in repr(provider)


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"a b": "x"}, "not a header name"),
        ({"": "x"}, "not a header name"),
        ({"x": "a\r\nb: c"}, "no header can carry"),
        ({"x": "€"}, "no header can carry"),
        ({"Host": "x"}, "use http_host"),
        ({"content-length": "1"}, "sets itself"),
    ],
)
def test_headers_that_cannot_be_sent(headers: dict[str, str], message: str) -> None:
    assert message in problem(model="openai/a", access_key="k", headers=headers)


def test_a_host_is_a_host() -> None:
    assert "not a host name" in problem(model="openai/a", access_key="k", http_host="a b")


def test_on_loss_is_the_entry_s_else_the_file_s_else_to_warn() -> None:
    entry = {"model": "openai/a", "access_key": "k"}
    own = {"model": "openai/b", "access_key": "k", "translation": {"on_loss": "ignore"}}
    silent = {"model": "openai/c", "access_key": "k", "translation": {}}
    of_file = {"translation": {"on_loss": "reject"}}

    config = load_config({"model_providers": [entry, own, silent], **of_file}, {})

    assert [provider.on_loss for provider in config.providers] == ["reject", "ignore", "reject"]
    assert [provider.on_loss for provider in load(entry, own).providers] == ["warn", "ignore"]


def test_on_loss_has_three_values() -> None:
    text = problem(model="openai/a", access_key="k", translation={"on_loss": "explode"})
    assert "translation.on_loss" in text and "warn" in text
