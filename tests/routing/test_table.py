"""The model that a request names, to the provider that answers it."""

from typing import Any

import pytest

from wsgi_gateway.config import Config, load_config
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.routing import ModelEntry, ModelTable
from wsgi_gateway.routing.deployment import Deployment


def table(*models: str, default: str | None = None, **aliases: str) -> ModelTable:
    entries: list[dict[str, Any]] = [
        {"model": model, "access_key": "k", "default": model == default} for model in models
    ]
    targets = {name: {"target": target} for name, target in aliases.items()}
    return ModelTable(load_config({"model_providers": entries, "model_aliases": targets}, {}))


def route(models: ModelTable, name: str | None) -> tuple[str, str]:
    found = models.resolve(name)
    return found.provider.name, found.model


def refusal(models: ModelTable, name: str | None) -> ApiError:
    with pytest.raises(ApiError) as caught:
        models.resolve(name)
    return caught.value


def test_the_upstream_sees_the_bare_id() -> None:
    models = table("openai/gpt-4o", "anthropic/*", fast="gpt-4o", smart="anthropic/claude-x")
    assert route(models, "openai/gpt-4o") == ("openai/gpt-4o", "gpt-4o")
    assert route(models, "gpt-4o") == ("openai/gpt-4o", "gpt-4o")
    assert route(models, "anthropic/claude-x") == ("anthropic/*", "claude-x")
    assert route(models, "claude-x") == ("anthropic/*", "claude-x")
    assert route(models, "fast") == ("openai/gpt-4o", "gpt-4o")
    assert route(models, "smart") == ("anthropic/*", "claude-x")


def test_an_alias_comes_first_and_is_followed_once() -> None:
    models = table("openai/gpt-4o", "openai/o3", **{"gpt-4o": "o3", "o3": "gpt-4o"})
    assert route(models, "gpt-4o") == ("openai/o3", "o3")
    assert route(models, "o3") == ("openai/gpt-4o", "gpt-4o")
    assert route(models, "openai/o3") == ("openai/o3", "o3")


@pytest.mark.parametrize("name", [None, ""])
def test_no_model_is_the_default(name: str | None) -> None:
    assert route(table("openai/a", "openai/b", default="openai/b"), name) == ("openai/b", "b")
    assert route(table("openai/a"), name) == ("openai/a", "a")


@pytest.mark.parametrize("models", [("openai/a", "openai/b"), ("openai/*",)])
def test_no_model_without_a_default_is_refused(models: tuple[str, ...]) -> None:
    error = refusal(table(*models), None)
    assert (error.kind, error.param) == ("invalid_request", "model")
    assert "no default" in error.message


def test_an_unknown_model_is_refused_with_the_closest_names() -> None:
    error = refusal(table("openai/gpt-4o", "openai/gpt-4o-mini", quick="gpt-4o"), "gpt-4o-mino")
    assert (error.kind, error.param) == ("model_not_found", "model")
    assert "'gpt-4o-mino' does not exist; the closest are: gpt-4o-mini" in error.message


def test_an_unknown_model_is_told_of_wildcards() -> None:
    assert "anthropic/…" in refusal(table("anthropic/*"), "zzz").message


def test_a_hostile_name_stays_short_and_on_one_line() -> None:
    message = refusal(table("openai/gpt-4o"), "a\n" * 100_000).message
    assert len(message) < 300
    assert "\n" not in message


def test_entries_are_aliases_then_models_each_once() -> None:
    models = table("openai/gpt-4o", "anthropic/*", "openrouter/x/y", fast="gpt-4o", own="claude-x")
    assert models.entries() == [
        ModelEntry("fast", "openai"),
        ModelEntry("own", "anthropic"),
        ModelEntry("openai/gpt-4o", "openai"),
        ModelEntry("openrouter/x/y", "openrouter"),
    ]


def test_every_entry_resolves() -> None:
    models = table("openai/gpt-4o", "groq/gpt-4o", "openai/*", fast="gpt-4o")
    for entry in models.entries():
        assert models.resolve(entry.id).provider.provider == entry.owned_by


def test_who_else_can_be_asked() -> None:
    providers = [
        {"model": "openai/gpt-4o", "name": "eu", "access_key": "k"},
        {"model": "openai/gpt-4o", "name": "us", "access_key": "k", "fallbacks": ["smart"]},
        {"model": "anthropic/*", "access_key": "k"},
    ]
    deployments = [{"target": "us", "weight": 2}, {"target": "eu", "priority": 3}]
    aliases = {
        "gpt-4o": {"deployments": deployments, "fallbacks": ["smart", "eu"]},
        "smart": {"target": "anthropic/claude-x"},
        "fast": {"target": "us"},
    }
    models = ModelTable(load_config({"model_providers": providers, "model_aliases": aliases}, {}))

    route = models.resolve("gpt-4o")
    assert (route.provider.name, route.model) == ("us", "gpt-4o")
    us, eu = route.pool.members
    assert (us.deployment.provider.name, us.weight, us.priority) == ("us", 2, 1)
    assert (eu.deployment.provider.name, eu.weight, eu.priority) == ("eu", 1, 3)
    claude, last = (stand_in.members[0].deployment for stand_in in route.pool.fallbacks)
    assert (claude.provider.name, claude.model) == ("anthropic/*", "claude-x")
    assert last is eu.deployment, "whoever asks it, what is known of it is one"

    assert models.resolve("us").pool is models.resolve("fast").pool
    assert models.resolve("us").pool.members[0].deployment is us.deployment
    assert not models.resolve("us").pool.is_lone
    assert models.resolve("eu").pool.is_lone
    lone = models.resolve("anthropic/claude-y")
    assert (lone.model, lone.pool.members[0].deployment.model) == ("claude-y", "*")


def test_what_is_known_of_a_deployment_outlives_a_config_that_says_the_same_of_it() -> None:
    def config(key: str, rest: str) -> Config:
        entries = [
            {"model": "openai/same", "access_key": "k"},
            {"model": "openai/other", "access_key": key},
        ]
        return load_config({"model_providers": entries, "health": {"ejection_time": rest}}, {})

    def deployment(models: ModelTable, name: str) -> Deployment:
        (member,) = models.resolve(name).pool.members
        return member.deployment

    before = ModelTable(config("k", "1s"))
    after = ModelTable(config("another", "1s"), before)
    assert deployment(after, "same") is deployment(before, "same")
    assert deployment(after, "other") is not deployment(before, "other")
    last = ModelTable(config("another", "2s"), after)
    assert deployment(last, "same") is not deployment(after, "same")
