"""Aliases, their deployments, and fallbacks: what they lead to, and what is said of those that lead nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from wsgi_gateway.config import Config, ConfigError, load_config
from wsgi_gateway.config.model import Fallback, Group, Target

PROVIDERS = [{"model": "openai/gpt-4o", "access_key": "k"}]
THREE = [
    {"model": "openai/gpt-4o", "name": "eu", "access_key": "k"},
    {"model": "openai/gpt-4o", "name": "us", "access_key": "k2"},
    {"model": "anthropic/*", "access_key": "k3"},
]


def load(**keys: Any) -> Config:
    return load_config({"model_providers": PROVIDERS, **keys}, {})


def problem(**keys: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load(**keys)
    (only,) = caught.value.problems
    return str(only)


def test_an_alias_leads_to_a_bare_id_a_full_one_or_a_name() -> None:
    providers = [{"model": "openai/gpt-4o", "access_key": "k", "name": "mine"}]
    for target in ("gpt-4o", "openai/gpt-4o", "mine"):
        config = load_config(
            {"model_providers": providers, "model_aliases": {"fast": {"target": target}}}, {}
        )
        assert config.aliases == {"fast": target}


def test_an_alias_to_nothing() -> None:
    text = problem(model_aliases={"a.b": {"target": "gpt-4p"}})
    assert 'model_aliases["a.b"].target' in text
    assert "did you mean gpt-4o?" in text or "did you mean openai/gpt-4o?" in text


def test_aliases_are_checked_although_a_provider_is_wrong() -> None:
    providers = [{"model": "openai/gpt-4o", "access_key": "$UNSET"}, {"model": "acme/x"}]
    aliases = {name: {"target": name[:-1]} for name in ("gpt-4o-", "x-", "acme/x-", "nothing-")}
    with pytest.raises(ConfigError) as caught:
        load_config({"model_providers": providers, "model_aliases": aliases}, {})
    assert [problem.path for problem in caught.value.problems] == [
        "model_providers[0].access_key",
        "model_providers[1]",
        "model_aliases.nothing-.target",
    ]


def test_an_alias_to_an_alias() -> None:
    aliases = {"one": {"target": "gpt-4o"}, "two": {"target": "one"}}
    text = problem(model_aliases=aliases)
    assert "one is itself an alias" in text
    assert "write its target, gpt-4o" in text


def test_an_alias_into_a_wildcard() -> None:
    providers = [{"model": "anthropic/*", "access_key": "k"}]
    for target in ("anthropic/claude-x", "claude-x"):
        config = load_config(
            {"model_providers": providers, "model_aliases": {"fast": {"target": target}}}, {}
        )
        assert config.aliases == {"fast": target}
    with pytest.raises(ConfigError, match=r"one of: anthropic/…"):
        load_config(
            {"model_providers": providers, "model_aliases": {"fast": {"target": "gpt-5"}}}, {}
        )


def test_an_alias_may_take_a_model_s_name() -> None:
    providers = [*PROVIDERS, {"model": "openai/o3", "access_key": "k"}]
    config = load_config(
        {"model_providers": providers, "model_aliases": {"gpt-4o": {"target": "o3"}}}, {}
    )
    assert config.aliases == {"gpt-4o": "o3"}


def test_deployments_are_a_group_and_the_first_is_the_aliases_target() -> None:
    deployments = [{"target": "eu", "weight": 3}, {"target": "anthropic/claude-x", "priority": 2}]
    alias = {"deployments": deployments, "balance": "weighted", "fallbacks": ["us", "other"]}
    aliases = {"gpt-4o": alias, "other": {"target": "us"}}
    config = load(model_providers=THREE, model_aliases=aliases)
    assert config.aliases == {"gpt-4o": "eu", "other": "us"}
    assert config.groups == {
        "gpt-4o": Group(
            targets=(Target("eu", weight=3), Target("anthropic/claude-x", priority=2)),
            balance="weighted",
            fallback=Fallback(("us", "other")),
        )
    }


def test_one_target_with_fallbacks_is_a_group_too() -> None:
    alias = {"target": "eu", "fallbacks": ["us"], "fallback_on": ["context_window"]}
    (group,) = load(model_providers=THREE, model_aliases={"a": alias}).groups.values()
    assert group.targets == (Target("eu"),)
    assert group.fallback == Fallback(("us",), frozenset({"context_window"}))


@pytest.mark.parametrize(
    ("alias", "told"),
    [
        ({}, "model_aliases.a: needs target or deployments"),
        ({"target": "eu", "deployments": [{"target": "us"}]}, "model_aliases.a: has both"),
        ({"deployments": []}, "model_aliases.a.deployments: must be a list that is not empty"),
        (
            {"deployments": [{"target": "eu"}, {"target": "asia"}]},
            "model_aliases.a.deployments[1].target: no model provider answers to asia",
        ),
        ({"deployments": [{"target": "b"}]}, "b is itself an alias"),
        ({"deployments": [{"target": "eu", "weight": 0}]}, "deployments[0].weight: must be"),
        ({"target": "eu", "fallbacks": ["nowhere"]}, "model_aliases.a.fallbacks[0]: no model"),
        ({"target": "eu", "fallbacks": ["us", "a"]}, "fallbacks[1]: a cannot stand in for itself"),
        ({"target": "eu", "balance": "fair"}, "model_aliases.a.balance"),
        ({"target": "eu", "fallbacks": ["us"], "fallback_on": ["rain"]}, "fallback_on[0]"),
    ],
)
def test_flaws_are_told_where_they_are(alias: dict[str, Any], told: str) -> None:
    assert told in problem(model_providers=THREE, model_aliases={"b": {"target": "us"}, "a": alias})


def test_a_provider_has_fallbacks_too() -> None:
    providers = [{**THREE[0], "fallbacks": ["b", "claude-x"]}, *THREE[1:]]
    config = load(model_providers=providers, model_aliases={"b": {"target": "us"}})
    assert config.providers[0].fallback.models == ("b", "claude-x")
    assert config.providers[1].fallback == Fallback()
    providers[0]["fallbacks"] = ["us", "eu"]
    told = problem(model_providers=providers)
    assert "model_providers[0].fallbacks[1]: eu cannot stand in for itself" in told


def test_fallback_on_alone_is_warned_of() -> None:
    config = load(model_aliases={"a": {"target": "gpt-4o", "fallback_on": ["quota"]}})
    assert "fallback_on: has no effect without fallbacks" in str(config.warnings[0])


def test_a_clients_own_key_goes_to_one_provider_only() -> None:
    providers = [
        {"model": "one/m", "name": "a", "base_url": "http://a", "passthrough_auth": True},
        {"model": "one/m", "name": "b", "base_url": "http://b", "passthrough_auth": True},
        {"model": "two/*", "base_url": "http://c", "passthrough_auth": True},
        {"model": "openai/gpt-4o", "access_key": "k"},
    ]
    deployments = [{"target": "a"}, {"target": "b"}]
    fine = {"x": {"deployments": deployments, "fallbacks": ["gpt-4o"]}}
    assert load(model_providers=providers, model_aliases=fine).groups
    for more in (
        {"deployments": [*deployments, {"target": "two/n"}]},
        {"target": "a", "fallbacks": ["y"]},
    ):
        aliases = {"x": more, "y": {"target": "two/n"}}
        told = problem(model_providers=providers, model_aliases=aliases)
        assert "model_aliases.x: a client's own key would go to one and two" in told
    providers[0]["fallbacks"] = ["two/n"]
    assert "model_providers[0]: a client's own key" in problem(model_providers=providers)
