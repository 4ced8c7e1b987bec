"""`wsgi_gateway.serving.live_config`: which config is served, and when another one is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wsgi_gateway.serving.live_config import BadConfig, FileWatch, LiveConfig

LOOPBACK = [("127.0.0.1", 12000)]


def write(path: Path, *models: str) -> None:
    entries = ", ".join(f"{{model: openai/{model}, access_key: k}}" for model in models)
    path.write_text(f"model_providers: [{entries}]")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.yaml"
    monkeypatch.setenv("WSGI_GATEWAY_CONFIG", str(path))
    monkeypatch.delenv("WSGI_GATEWAY_ACCESS", raising=False)
    write(path, "a")
    return path


def models(live: LiveConfig) -> list[str]:
    assert live.config is not None
    return [provider.model for provider in live.config.providers]


def test_what_cannot_be_served_changes_nothing(path: Path) -> None:
    live = LiveConfig()
    live.check_in(LOOPBACK)
    write(path, "b")
    with pytest.raises(BadConfig, match="not a loopback address"):
        live.check_in([("0.0.0.0", 12000)])
    path.write_text("{}")
    with pytest.raises(BadConfig, match="model_providers is missing"):
        live.check_in(["/run/gateway.sock"])
    assert models(live) == ["a"]
    assert live.newer() is None


def test_without_a_file_the_environment_is_the_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WSGI_GATEWAY_CONFIG", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    live = LiveConfig()
    assert "openai" in [provider.provider for provider in live.check_in(LOOPBACK).providers]
    assert live.path is None


def test_workers_follow_their_master(path: Path) -> None:
    """One that was forked before sees that there is another config; one that is forked then begins with it."""
    live = LiveConfig()
    live.check_in(LOOPBACK)
    ready, told = os.pipe(), os.pipe()
    if not (worker := os.fork()):
        os.read(ready[0], 1)
        first, second = live.newer(), live.newer()
        is_right = first is not None and first.providers[0].model == "b" and second is None
        path.write_text("{")
        os.write(told[1], b"y" if is_right else b"n")
        os._exit(0)
    write(path, "b")
    live.check_in(LOOPBACK)
    os.write(ready[1], b"!")
    assert os.read(told[0], 1) == b"y"
    os.waitpid(worker, 0)
    assert live.newer() is None, "the master has it already"
    assert models(live) == ["b"], "and keeps it, whatever becomes of the file"


def test_a_file_that_broke_since_is_told_once(path: Path) -> None:
    live = LiveConfig()
    live.check_in(LOOPBACK)
    live._known -= 1
    path.write_text("{")
    with pytest.raises(BadConfig, match="not YAML"):
        live.newer()
    assert live.newer() is None
    assert models(live) == ["a"]


def test_a_file_that_would_be_open_to_strangers_since_is_not_served(path: Path) -> None:
    with_keys = path.read_text() + "\naccess: {keys: [{id: a, key: 0123456789abcdef-a}]}\n"
    without = path.read_text()
    path.write_text(with_keys)
    live = LiveConfig()
    live.check_in([("0.0.0.0", 12000)])
    live._known -= 1
    path.write_text(without)
    with pytest.raises(BadConfig, match="not a loopback address"):
        live.newer()
    assert live.config is not None
    assert live.config.access.needs_key


def test_a_file_is_read_when_it_was_left_alone(tmp_path: Path) -> None:
    path, other = tmp_path / "config.yaml", tmp_path / ".env"
    path.write_text("a")
    watch = FileWatch([path, other])
    assert not watch.has_changed()
    path.write_text("being wri")
    assert not watch.has_changed(), "not yet"
    path.write_text("being written")
    assert not watch.has_changed(), "not yet"
    assert [watch.has_changed() for _ in range(3)] == [True, False, False]
    other.write_text("A=b")
    assert [watch.has_changed() for _ in range(3)] == [False, True, False]
    path.unlink()
    assert [watch.has_changed() for _ in range(3)] == [False, True, False]
