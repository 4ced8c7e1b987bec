"""``access`` and ``ratelimits``: what a config leads to, and what is said of a bad one."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from wsgi_gateway.access.key_commands import create_key
from wsgi_gateway.config import (
    Access,
    Client,
    Config,
    ConfigError,
    HeaderLimit,
    Limits,
    Rate,
    Secret,
)
from wsgi_gateway.config.describe import describe_config
from wsgi_gateway.config.key_file import StoredKey
from wsgi_gateway.config.model import ClientKey
from wsgi_gateway.config.schema import ConfigFile, json_schema

KEY = "hidden-0123456789"
PROVIDERS = [{"model": "openai/gpt-4o", "access_key": "k"}]


def load(access: Any = None, **more: Any) -> Config:
    source = {"model_providers": PROVIDERS, "access": access, **more}
    return load_config_of(source)


def load_config_of(source: Any) -> Config:
    from wsgi_gateway.config import load_config

    return load_config(source, {"KEY": KEY})


def problems(access: Any = None, **more: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load(access, **more)
    told = "\n".join(map(str, caught.value.problems))
    assert "hidden" not in told
    return told


def test_nothing_and_open() -> None:
    assert load().access == Access()
    assert load("open").access == Access(is_open=True)
    assert "did you mean open?" in problems("opened")
    assert "clients need no key: loopback addresses only" in describe_config(load())
    assert "clients need no key: anywhere" in describe_config(load("open"))


def test_keys() -> None:
    key = {
        "id": "team@a",
        "key": "$KEY",
        "models": ["gpt*"],
        "requests": ["60/m", "1000/d"],
        "tokens": "1000/m",
        "budget": "2.5/d",
        "concurrency": 3,
    }
    config = load({"keys": [key]})
    limits = Limits(
        requests=(Rate(60, 60), Rate(1000, 86_400)),
        tokens=(Rate(1000, 60),),
        budget=(Rate(2_500_000_000, 86_400),),
        concurrency=3,
    )
    client = Client(id="team@a", models=("gpt*",), limits=limits)
    assert config.access.keys == (ClientKey(client=client, key=Secret(KEY)),)
    assert config.access.needs_key
    told = describe_config(config)
    allowed = "gpt*; 60/m requests; 1000/d requests; 1000/m tokens; $2.5/d; 3 at a time"
    assert f"team@a: {allowed}" in told
    assert KEY not in told + repr(config)


def test_bad_keys() -> None:
    told = problems(
        {
            "keys": [
                {"id": "a", "key": KEY, "requests": "many"},
                {"id": "b", "key": KEY},
                {"id": "no blanks", "key": "hidden space 0123456789", "models": []},
                {"id": "c", "key": "hidden", "budget": "-1/d", "concurrency": 0},
                {"id": "d"},
            ]
        }
    )
    for part in (
        "keys[0].requests: not so much in so long",
        "keys[1].key: the same key as another entry's",
        "keys[2].id: letters, digits",
        "keys[2].key: is empty, or has a space",
        "keys[2].models: must be a list that is not empty",
        "keys[3].key: shorter than 16 characters",
        "keys[3].budget: not so much",
        "keys[3].concurrency: must be a whole number from 1",
        "keys[4]: key is missing",
    ):
        assert part in told


def test_a_budget_needs_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "genai_prices" else found(name)
    )
    assert "wsgi-gateway[prices]" in problems({"keys": [{"id": "a", "key": KEY, "budget": "1/d"}]})


def test_a_key_file_beside_the_config(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "model_providers: [{model: openai/gpt-4o, access_key: k}]\naccess: {key_file: keys.json}\n"
    )
    config = load_config_of(path)
    assert config.access.key_file == str(tmp_path / "keys.json")
    assert config.access.needs_key
    assert "no such file yet" in str(config.warnings[0])
    create_key(tmp_path / "keys.json", StoredKey(id="a", prefix="", hash="", created=""))
    assert load_config_of(path).warnings == ()
    (tmp_path / "keys.json").write_text("{}")
    with pytest.raises(ConfigError, match="not a key file"):
        load_config_of(path)
    (tmp_path / "keys.json").unlink()
    (tmp_path / "keys.json").mkdir()
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config_of(path)
    assert "not a key file" in problems({"key_file": "a\0b"})
    assert "not a file name" in problems({"key_file": "~nobody-of-this-name/keys"})


def test_the_place_of_counters() -> None:
    url = "redis://:hidden@h:6379/0"
    access = load({"storage": {"url": url}, "on_limiter_failure": "closed"}).access
    assert (access.redis, access.on_limiter_failure) == (Secret(url), "closed")
    assert not access.needs_key
    assert load({"storage": {"type": "memory"}}).access == Access()
    ignored = load({"storage": {"type": "memory", "url": url}})
    assert "ignored: it is for redis" in str(ignored.warnings[0])
    assert "url is missing" in problems({"storage": {"type": "redis"}})
    assert "must begin with redis://" in problems({"storage": {"url": "http://hidden"}})
    odd = problems({"storage": {"url": f"{url}?hidden=1"}})
    assert "access.storage.url: it has an option that redis-py" in odd
    described = describe_config(load({"keys": [{"id": "a", "key": KEY}], "storage": {"url": url}}))
    assert "counted in redis (****); while it is away, open" in described


@pytest.mark.parametrize("missing", ["redis", "limits"])
def test_counting_in_redis_needs_its_extra(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == missing else found(name)
    )
    told = problems({"storage": {"url": "redis://h"}})
    assert f"the Python package {missing} is not installed" in told


def test_passed_on_keys_come_in_another_header() -> None:
    passing = [{"model": "openai/*", "passthrough_auth": True}]
    with_keys = load({"keys": [{"id": "a", "key": KEY}]}, model_providers=passing)
    assert "send it in x-gateway-key" in describe_config(with_keys)
    assert "x-gateway-key" not in describe_config(load(model_providers=passing))


def limit(model: str = "gpt-4o", unit: str = "minute", **selector: str) -> dict[str, Any]:
    return {
        "model": model,
        "selector": {"key": "X-Team", **selector},
        "limit": {"tokens": 5, "unit": unit},
    }


def test_plano_s_ratelimits() -> None:
    config = load(ratelimits=[limit(), limit(unit="day", value="v")])
    assert config.ratelimits == (
        HeaderLimit(model="gpt-4o", header="x-team", tokens=Rate(5, 60)),
        HeaderLimit(model="gpt-4o", header="x-team", value="v", tokens=Rate(5, 86_400)),
    )
    assert config.warnings == ()
    assert "gpt-4o with header x-team (****): 5/d tokens" in describe_config(config)


def test_odd_ratelimits() -> None:
    config = load(ratelimits=[limit(), limit(), limit("gpt-4x")])
    assert len(config.ratelimits) == 2
    same, unknown = map(str, config.warnings)
    assert "another entry is for the same model and selector" in same
    assert "no model provider answers to gpt-4x" in unknown
    aliased = load(ratelimits=[limit("fast")], model_aliases={"fast": {"target": "gpt-4o"}})
    assert aliased.warnings == ()
    assert "not a header name" in problems(ratelimits=[limit(key="a b")])
    assert "must be a whole number from 1" in problems(
        ratelimits=[{**limit(), "limit": {"tokens": 0, "unit": "day"}}]
    )


def test_editors_know_both_forms() -> None:
    schema = json_schema()
    forms = schema["$defs"][ConfigFile.__name__]["properties"]["access"]["anyOf"]
    assert {"enum": ["open"]} in forms
