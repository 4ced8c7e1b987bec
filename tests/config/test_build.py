"""Listeners and version."""

from typing import Any

import pytest

from wsgi_gateway.config import Config, ConfigError, Listener, load_config

PROVIDERS = [{"model": "openai/gpt-4o", "access_key": "k"}]


def load(**keys: Any) -> Config:
    return load_config({"model_providers": PROVIDERS, **keys}, {})


def problem(**keys: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load(**keys)
    (only,) = caught.value.problems
    return str(only)


def test_without_listeners_there_is_one_on_port_12000() -> None:
    config = load()
    assert config.listeners == (Listener(address="127.0.0.1", port=12000),)
    assert config.warnings == ()


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        ("1h", 3600),
        ("500ms", 0.5),
        ("1.5s", 1.5),
        ("30", 30),
        (30, 30),
        (2.5, 2.5),
        ("0s", None),
        (0, None),
        ("30d", 2_592_000),
        (None, None),
    ],
)
def test_timeouts(timeout: object, seconds: float | None) -> None:
    config = load(listeners=[{"type": "model", "name": "m", "timeout": timeout}])
    assert config.listeners[0].timeout == seconds


@pytest.mark.parametrize("timeout", ["soon", "-5s", -5, float("inf"), float("nan"), "5 years", ""])
def test_what_is_not_a_timeout(timeout: object) -> None:
    assert "listeners[0].timeout: not a duration" in problem(
        listeners=[{"type": "model", "name": "m", "timeout": timeout}]
    )


def test_a_listener_s_keys() -> None:
    config = load(listeners=[{"type": "model", "name": "m", "address": "::", "port": 1}])
    assert config.listeners == (Listener(name="m", address="::", port=1),)


@pytest.mark.parametrize("port", [0, 65536, -1])
def test_ports(port: int) -> None:
    assert "port: must be a whole number from 1 to 65535" in problem(
        listeners=[{"type": "model", "name": "m", "port": port}]
    )


def test_only_the_first_model_listener_is_served() -> None:
    config = load(
        listeners=[
            {"type": "agent", "name": "a", "port": 1, "agents": [{"id": "x"}], "router": "r"},
            {"type": "model", "name": "first", "port": 2},
            {"type": "model", "name": "second", "port": 3},
        ]
    )
    assert config.listeners[0].name == "first"
    assert [(warning.path, warning.message.split(":")[0]) for warning in config.warnings] == [
        ("listeners[0]", "ignored"),
        ("listeners[2]", "ignored"),
    ]


def test_filters_of_the_served_listener_are_warned_of() -> None:
    config = load(listeners=[{"type": "model", "name": "m", "input_filters": ["guard"]}])
    (warning,) = config.warnings
    assert warning.path == "listeners[0].input_filters"
    assert "requests are not filtered" in warning.message


def test_the_older_form_of_listeners() -> None:
    config = load(
        listeners={
            "egress_traffic": {
                "address": "0.0.0.0",
                "port": 12001,
                "message_format": "openai",
                "timeout": "30s",
            },
            "ingress_traffic": {"address": "0.0.0.0", "port": 10000},
        }
    )
    assert config.listeners == (
        Listener(name="egress_traffic", address="0.0.0.0", port=12001, timeout=30.0),
    )
    (warning,) = config.warnings
    assert warning.path == "listeners.ingress_traffic"


def test_listeners_of_other_types_only_leave_the_usual_one() -> None:
    config = load(listeners=[{"type": "prompt", "name": "p", "port": 10000}])
    assert config.listeners == (Listener(),)
    assert any("no model listener" in warning.message for warning in config.warnings)


@pytest.mark.parametrize(
    "version", ["v0.1", "v0.1.0", "0.1-beta", "0.2.0", "v0.3.0", "v0.4.0", 0.4, None]
)
def test_versions(version: object) -> None:
    assert load(version=version).warnings == ()


@pytest.mark.parametrize("version", ["v0.5.0", "v9", 1, "latest"])
def test_unknown_versions(version: object) -> None:
    assert "version" in problem(version=version)
