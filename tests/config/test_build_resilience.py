"""Timeouts, retries and health: what the file says, what it leaves out, and what cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from wsgi_gateway.config import Config, ConfigError, load_config
from wsgi_gateway.config.model import HealthRules, Hedge, KeepaliveRules, Retries, Timeouts

PROVIDER = {"model": "openai/gpt-4o", "access_key": "k"}


def load(entry: dict[str, Any] | None = None, **keys: Any) -> Config:
    return load_config({"model_providers": [{**PROVIDER, **(entry or {})}], **keys}, {})


def timeouts(entry: dict[str, Any] | None = None, **keys: Any) -> Timeouts:
    return load(entry, **keys).providers[0].timeouts


def test_nothing_said_is_ten_minutes_of_silence() -> None:
    assert timeouts() == Timeouts(connect=10, first_event=600, idle=600, total=None, plain=600)


def test_the_listeners_timeout_bounds_every_silence() -> None:
    listener = {"type": "model", "timeout": "30s"}
    assert timeouts(listeners=[listener]) == Timeouts(first_event=30, idle=30, plain=30)
    listener["timeout"] = "0"
    assert timeouts(listeners=[listener]) == Timeouts(first_event=None, idle=None, plain=None)


def test_an_entrys_timeouts_come_before_the_files() -> None:
    of_file = {"connect": 2, "first_event": "20s", "total": "5m"}
    of_entry = {"timeouts": {"first_event": "500ms", "total": 0}}
    assert timeouts(timeouts=of_file) == Timeouts(connect=2, first_event=20, total=300, plain=300)
    assert timeouts(of_entry, timeouts=of_file) == Timeouts(
        connect=2, first_event=0.5, total=None, plain=None
    )


def test_retries() -> None:
    assert load().retries == Retries()
    given = {"max_retries": 0, "base_delay": "1s", "max_delay": 2, "budget": 0.5}
    assert load(retries=given).retries == Retries(
        max_retries=0, base_delay=1, max_delay=2, budget=0.5
    )


def test_planos_max_retries_hold_where_retries_has_none() -> None:
    listeners = [{"type": "model", "max_retries": 3}]
    assert load(listeners=listeners).retries.max_retries == 3
    assert load(listeners=listeners, retries={"budget": 0}).retries.max_retries == 3
    assert load(listeners=listeners, retries={"max_retries": 1}).retries.max_retries == 1


def test_health() -> None:
    assert load().health == HealthRules()
    given = {"consecutive_failures": 2, "ejection_time": "1s", "window": 5, "error_rate": 1}
    assert load(health=given).health == HealthRules(
        consecutive_failures=2, ejection_time=1, window=5, error_rate=1
    )


def test_keepalives() -> None:
    assert load().keepalive == KeepaliveRules(interval=15, before_first_event=False)
    given = {"interval": "30s", "before_first_event": True}
    assert load(keepalive=given).keepalive == KeepaliveRules(interval=30, before_first_event=True)
    assert load(keepalive={"interval": 0}).keepalive.interval is None


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"timeouts": {"idle": "soon"}}, "timeouts.idle: not a duration"),
        ({"timeouts": {"read": 5}}, "timeouts.read: unknown key"),
        ({"retries": {"max_retries": 11}}, "retries.max_retries: must be"),
        ({"retries": {"base_delay": "0s"}}, "retries.base_delay: must be more than 0"),
        ({"retries": {"base_delay": 9}}, "retries.base_delay: longer than max_delay, 5s"),
        ({"retries": {"budget": 1.5}}, "retries.budget: must be"),
        ({"health": {"error_rate": 0}}, "health.error_rate: must be"),
        ({"health": {"ejection_time": "1h"}}, "longer than max_ejection_time, 300s"),
    ],
)
def test_flaws_are_told_where_they_are(keys: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(**keys)
    (only,) = caught.value.problems
    assert told in str(only)


def test_an_entrys_timeouts_are_told_by_its_path() -> None:
    with pytest.raises(ConfigError, match=r"model_providers\[0\].timeouts.connect: not a duration"):
        load({"timeouts": {"connect": "x"}})


def test_work_in_the_background() -> None:
    assert load().background.max_running == 256
    assert load(background={"max_running": 4}).background.max_running == 4
    with pytest.raises(ConfigError, match=r"background\.max_running: must be"):
        load(background={"max_running": 0})


def hedge(entry: dict[str, Any], *targets: str) -> tuple[Hedge | None, Config]:
    deployments = [{"target": target} for target in targets or ("openai/gpt-4o", "other")]
    providers = [PROVIDER, {**PROVIDER, "name": "other"}]
    alias = {"deployments": deployments, "hedge": entry}
    config = load_config({"model_providers": providers, "model_aliases": {"m": alias}}, {})
    return config.groups["m"].hedge, config


def test_hedges() -> None:
    assert hedge({"after": "2s"})[0] == Hedge(after=2, max=1)
    assert hedge({"after": 0.5, "max": 3})[0] == Hedge(after=0.5, max=3)
    assert hedge({"after": "p95"})[0] == Hedge(percentile=95)
    assert hedge({"after": " P50 "})[0] == Hedge(percentile=50)
    assert hedge({"after": "2s"})[1].warnings == ()


def test_a_hedge_needs_another_deployment() -> None:
    built, config = hedge({"after": "2s"}, "other")
    assert built is None
    assert "hedge: has no effect without another deployment" in str(config.warnings[0])


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"after": "soon"}, "after: not a duration"),
        ({"after": 0}, "after: must be more than 0"),
        ({"after": "p100"}, "after: not a percentile"),
        ({"after": "p9"}, "after: not a percentile"),
        ({"after": "1s", "max": 0}, "max: must be"),
        ({"max": 1}, "hedge"),
    ],
)
def test_flaws_of_hedges_are_told(entry: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        hedge(entry)
    (only,) = caught.value.problems
    assert told in str(only)
