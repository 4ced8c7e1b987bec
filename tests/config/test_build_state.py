"""``state_storage``: what a config leads to, and what is said of a bad one."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from wsgi_gateway.cli import main
from wsgi_gateway.config import Config, ConfigError, Secret, StateStorage, load_config
from wsgi_gateway.config.describe import describe_config

PROVIDERS = [{"model": "openai/gpt-4o", "access_key": "k"}]
POSTGRES = "postgresql://u:hidden@h:5432/d"
REDIS = "rediss://:hidden@h:6379/0"


def load(**storage: Any) -> Config:
    return load_config({"model_providers": PROVIDERS, "state_storage": storage}, {})


def problem(**storage: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load(**storage)
    (only,) = caught.value.problems
    assert "hidden" not in str(only)
    return str(only)


def test_without_it_state_is_in_memory() -> None:
    config = load_config({"model_providers": PROVIDERS}, {})
    assert config.state_storage == StateStorage()
    assert load(type="memory").state_storage == StateStorage()
    assert load().warnings == ()


def test_each_storage_has_its_place(tmp_path: Path) -> None:
    path = str(tmp_path / "state.db")
    sqlite = StateStorage(type="sqlite", path=path, max_items=1_000_000)
    postgres = StateStorage(type="postgres", address=Secret(POSTGRES), max_items=1_000_000)
    redis = StateStorage(type="redis", address=Secret(REDIS), max_items=1_000_000)
    assert load(type="sqlite", path=path).state_storage == sqlite
    assert load(type="postgres", connection_string=POSTGRES).state_storage == postgres
    assert load(type="redis", url=REDIS).state_storage == redis
    assert load(path=path).state_storage == sqlite
    assert load(connection_string=POSTGRES).state_storage == postgres
    assert load(url=REDIS).state_storage == redis


def test_what_passes_is_kept_too_unless_it_should_not() -> None:
    assert load(passthrough=True).state_storage.passthrough
    assert not load(passthrough=False).state_storage.passthrough
    assert load(type="memory").state_storage.passthrough


@pytest.mark.parametrize(
    ("kind", "key"), [("sqlite", "path"), ("postgres", "connection_string"), ("redis", "url")]
)
def test_a_place_that_is_missing(kind: str, key: str) -> None:
    assert f"{key} is missing: {kind} needs it" in problem(type=kind)


def test_a_place_of_another_storage_is_ignored_with_a_warning() -> None:
    config = load(type="memory", connection_string=POSTGRES)
    assert config.state_storage == StateStorage()
    (warning,) = config.warnings
    assert warning.path == "state_storage.connection_string"
    assert "it is for postgres, and the type is memory" in warning.message


def test_bounds() -> None:
    storage = load(ttl="12h", max_items=7).state_storage
    assert (storage.ttl, storage.max_items) == (43_200, 7)
    assert "ttl: must be more than 0" in problem(ttl=0)
    assert "ttl: must be more than 0 and at most 3650d" in problem(ttl="3651d")
    assert "ttl: not a duration" in problem(ttl="soon")
    assert "max_items: must be a whole number from 1" in problem(max_items=0)


def test_an_unknown_type() -> None:
    assert "did you mean postgres?" in problem(type="postgresql")


@pytest.mark.parametrize(("kind", "driver"), [("postgres", "psycopg"), ("redis", "redis")])
def test_a_driver_that_is_missing(kind: str, driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == driver else name)
    text = problem(**{"postgres": {"connection_string": POSTGRES}, "redis": {"url": REDIS}}[kind])
    assert f"the Python package {driver} is not installed" in text
    assert f"pip install 'wsgi-gateway[{kind}]'" in text


@pytest.mark.parametrize(
    "address",
    [
        "postgres://u:hidden@h/d",
        "postgresql://u:hidden@h1:5432,h2:5432/d?target_session_attrs=read-write",
        "postgresql:///d?host=/var/run/postgresql&user=me@hidden",
        "postgresql://u:hid%40den@[::1]/d",
        "host=h user=u password=hidden",
    ],
)
def test_addresses_of_postgresql(address: str) -> None:
    assert load(connection_string=address).state_storage.address == Secret(address)


@pytest.mark.parametrize(
    "address",
    [
        "redis://h",
        "unix:///run/redis.sock?db=1",
        f"{REDIS}?ssl_cert_reqs=none&client_name=a",
        REDIS,
    ],
)
def test_addresses_of_redis(address: str) -> None:
    assert load(url=address).state_storage.address == Secret(address)


@pytest.mark.parametrize(
    "address",
    [
        {"connection_string": "postgresql://u:hid@den@h/d"},
        {"connection_string": "postgresql://u:hidden/1@h/d"},
        {"connection_string": "postgresql://u:hidden#1@h/d"},
        {"connection_string": "postgresql://u:[hidden@h/d"},
        {"url": "redis://:hidden?1@h/0"},
        {"url": "redis://h:hidden/0"},
    ],
)
def test_credentials_that_break_an_address(address: dict[str, str]) -> None:
    text = problem(**address)
    assert "not a URL" in text
    assert "write @ as %40" in text


@pytest.mark.parametrize(
    "options",
    [
        "hidden=1",
        "db=hidden",
        "protocol=hidden",
        "ssl_cert_reqs=hidden",
        "max_connections=-1",
        "parser_class=hidden",
    ],
)
def test_options_that_redis_py_refuses(options: str) -> None:
    text = problem(url=f"rediss://:hidden@h/0?{options}")
    assert text.startswith("error: state_storage.url: it has an option that redis-py")


@pytest.mark.parametrize(
    ("address", "schemes"),
    [
        ({"connection_string": "mysql://u:hidden@h/d"}, "postgresql:// or postgres://"),
        ({"connection_string": "hidden"}, "postgresql:// or postgres://"),
        ({"url": "http://:hidden@h"}, "redis:// or rediss:// or unix://"),
        ({"url": "hidden:6379"}, "redis:// or rediss:// or unix://"),
    ],
)
def test_addresses_of_something_else(address: dict[str, str], schemes: str) -> None:
    assert f"must begin with {schemes}" in problem(**address)


def test_a_file_s_path_begins_at_the_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    config = tmp_path / "config.yaml"
    config.write_text(
        "model_providers: [{model: openai/m, access_key: k}]\nstate_storage: {path: state.db}\n"
    )
    assert load_config(config, {}).state_storage.path == str(tmp_path / "state.db")


def test_paths_that_cannot_be_used(tmp_path: Path) -> None:
    assert "its folder does not exist" in problem(path=str(tmp_path / "no" / "state.db"))
    assert "path: not a file" in problem(path=str(tmp_path))
    assert "state_storage.path" in problem(path="nul\x00")


def test_a_folder_that_cannot_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, _: path != tmp_path)
    assert "its folder cannot be written to" in problem(path=str(tmp_path / "state.db"))
    file = tmp_path / "state.db"
    file.touch()
    monkeypatch.setattr("os.access", lambda path, _: path != file)
    assert "cannot be read and written" in problem(path=str(file))


def test_check_names_the_line(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "model_providers:\n  - {model: openai/m, access_key: k}\n"
        "state_storage:\n  type: postgres\n  connection_string: postgresql://u:hid@den@h/d\n"
    )
    result = CliRunner().invoke(main, ["check", str(config)])
    assert result.exit_code == 2
    assert "config.yaml:5: error: state_storage.connection_string: not a URL" in result.stderr
    assert "hid" not in result.output.replace(str(tmp_path), "")


def test_what_check_prints_of_a_good_one(tmp_path: Path) -> None:
    text = describe_config(load(connection_string=POSTGRES, ttl="36h"))
    assert "stored responses: postgres (****), for 1.5 days, at most 1,000,000 items" in text
    assert f"sqlite ({tmp_path}/s.db)" in describe_config(load(path=str(tmp_path / "s.db")))
    assert "stored responses: memory (of each worker), for 30 days" in describe_config(load())
    for config in (load(connection_string=POSTGRES), load(url=REDIS)):
        assert "hidden" not in describe_config(config) + repr(config) + str(config.state_storage)


KEYED = {"keys": [{"id": "a", "key": "0123456789abcdef"}]}


@pytest.mark.parametrize(
    ("access", "chosen", "asks"),
    [
        (None, None, True),
        (None, "refuse", False),
        (KEYED, None, False),
        (KEYED, "ask", True),
        ("open", None, True),
    ],
)
def test_what_is_unknown_is_asked_for_where_clients_are_not_told_apart(
    access: Any, chosen: str | None, asks: bool
) -> None:
    storage = {"unknown_ids": chosen} if chosen else {}
    content = {"model_providers": PROVIDERS, "access": access, "state_storage": storage}
    config = load_config(content, {})
    assert config.asks_unknown is asks
    assert f"unknown ids: {'ask' if asks else 'refuse'}" in describe_config(config)
    assert config.warnings == ()


def test_that_nothing_can_be_gone_on_from_is_said() -> None:
    content = {"model_providers": PROVIDERS, "access": KEYED}
    (warning,) = load_config({**content, "state_storage": {"passthrough": False}}, {}).warnings
    assert "they cannot go on from it" in str(warning)
    chosen = {"passthrough": False, "unknown_ids": "ask"}
    assert load_config({**content, "state_storage": chosen}, {}).warnings == ()
