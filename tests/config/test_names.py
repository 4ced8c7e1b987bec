"""Which provider a name means."""

import pytest

from wsgi_gateway.config import load_config
from wsgi_gateway.config.names import NameIndex


def index(*entries: str | dict[str, object]) -> NameIndex:
    providers = [
        {
            "base_url": "http://host",
            "access_key": "k",
            **({"model": entry} if isinstance(entry, str) else entry),
        }
        for entry in entries
    ]
    return NameIndex(load_config({"model_providers": providers}, {}).providers)


def find(names: NameIndex, name: str) -> tuple[str, str] | None:
    found = names.find(name)
    return (found[0].name, found[1]) if found else None


def test_name_then_provider_and_id_then_bare_id() -> None:
    names = index("openai/a", {"model": "groq/b", "name": "quick"}, {"model": "xai/c", "name": "a"})
    assert find(names, "openai/a") == ("openai/a", "a")
    assert find(names, "quick") == find(names, "groq/b") == find(names, "b") == ("quick", "b")
    assert find(names, "a") == ("a", "c")


def test_the_first_in_the_file_has_the_bare_id() -> None:
    names = index("openai/same", "groq/same")
    assert find(names, "same") == ("openai/same", "same")
    assert find(names, "groq/same") == ("groq/same", "same")


def test_the_first_in_the_file_has_the_provider_and_id() -> None:
    names = index("openai/a", {"model": "openai/a", "name": "second"})
    assert find(names, "openai/a") == ("openai/a", "a")
    assert find(names, "second") == ("second", "a")


def test_ids_with_slashes() -> None:
    names = index("openrouter/meta-llama/llama-3")
    assert find(names, "openrouter/meta-llama/llama-3") == find(names, "meta-llama/llama-3")
    assert find(names, "llama-3") is None


def test_a_wildcard_takes_what_is_not_configured_exactly() -> None:
    names = index("openai/*", {"model": "openai/a", "name": "exact"})
    assert find(names, "openai/a") == ("exact", "a")
    assert find(names, "openai/b") == ("openai/*", "b")
    assert find(names, "openai/b/c") == ("openai/*", "b/c")


@pytest.mark.parametrize("name", ["openai/", "openai/*", "groq/a", "/a", "*", ""])
def test_what_a_wildcard_does_not_take(name: str) -> None:
    assert find(index("openai/*"), name) is None


def test_a_wildcard_s_own_name_works_as_its_prefix() -> None:
    names = index("openai/*", {"model": "openai/*", "name": "research"})
    assert find(names, "research/a") == ("research", "a")
    assert find(names, "openai/a") == ("openai/*", "a")


def test_a_bare_id_belongs_to_its_maker_s_wildcard() -> None:
    names = index("ollama/*", "openai/*", "anthropic/*")
    assert find(names, "gpt-5") == ("openai/*", "gpt-5")
    assert find(names, "claude-x") == ("anthropic/*", "claude-x")


def test_else_to_the_only_wildcard_that_serves_everybody_s_models() -> None:
    assert find(index("ollama/*", "anthropic/*"), "llama3.2") == ("ollama/*", "llama3.2")
    follower: dict[str, object] = {"model": "litellm/*", "provider_interface": "openai"}
    assert find(index(follower), "claude-x") == ("litellm/*", "claude-x")


def test_else_to_nobody() -> None:
    assert find(index("ollama/*", "vllm/*"), "llama3.2") is None
    assert find(index("anthropic/*"), "gpt-5") is None
    assert find(index("ollama/*"), "meta/llama") is None
