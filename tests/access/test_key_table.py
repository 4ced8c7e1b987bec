"""Whose key it is, and how a running gateway follows its key file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wsgi_gateway.access import key_table
from wsgi_gateway.access.key_commands import create_key, revoke_keys
from wsgi_gateway.access.key_table import KeyTable
from wsgi_gateway.config import Access, Client, Secret
from wsgi_gateway.config.key_file import StoredKey
from wsgi_gateway.config.model import ClientKey

CONFIGURED = ClientKey(client=Client(id="configured"), key=Secret("sk-0123456789abcdef"))


def made(file: Path, client: str) -> str:
    return create_key(file, StoredKey(id=client, prefix="", hash="", created=""))[0]


def owner(table: KeyTable, key: str) -> str | None:
    caller = table.find(key)
    return caller and caller.id


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Lets a second pass."""
    now = [1000.0]
    monkeypatch.setattr(key_table, "monotonic", lambda: now[0])

    def passes() -> None:
        now[0] += 1

    yield passes


def test_keys_of_the_config_and_of_the_file(file: Path) -> None:
    key = made(file, "stored")
    table = KeyTable(Access(keys=(CONFIGURED,), key_file=str(file)))
    assert owner(table, "sk-0123456789abcdef") == "configured"
    assert owner(table, key) == "stored"
    for wrong in ("", key[:-1], key + "x", key.upper(), "half \udc80", "x" * 100_000):
        assert owner(table, wrong) is None


def test_no_key_is_kept_as_it_is(file: Path) -> None:
    key = made(file, "stored")
    table = KeyTable(Access(keys=(CONFIGURED,), key_file=str(file)))
    assert key.encode() not in b"".join(table._clients)
    assert key[12:] not in file.read_text()
    assert len({digest for digest, _ in table._clients.values()}) == 2
    assert set(table._clients) != set(KeyTable(Access(keys=(CONFIGURED,)))._clients)


def test_a_changed_file_is_seen_within_a_second(file: Path, second: Callable[[], None]) -> None:
    table = KeyTable(Access(key_file=str(file)))
    key = made(file, "a")
    assert owner(table, key) is None
    second()
    assert owner(table, key) == "a"
    revoke_keys(file, "a")
    assert owner(table, key) == "a"
    second()
    assert owner(table, key) is None


def test_the_file_is_looked_at_once_a_second_at_most(
    file: Path, second: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[object] = []
    stat = os.stat
    table = KeyTable(Access(key_file=str(file)))
    monkeypatch.setattr(key_table.os, "stat", lambda path: (looks.append(path), stat(path))[1])
    for _ in range(3):
        for _ in range(5):
            table.find("x")
        second()
    assert len(looks) == 2


@pytest.mark.parametrize("broken", ["{", None])
def test_another_config_has_the_keys_of_a_file_that_cannot_be_used(
    file: Path, second: Callable[[], None], broken: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    key = made(file, "a")
    before = KeyTable(Access(key_file=str(file)))
    if broken is None:
        file.unlink()
    else:
        file.write_text(broken)
    after = KeyTable(Access(keys=(CONFIGURED,), key_file=str(file)), before)
    assert owner(after, key) == "a"
    assert owner(after, "sk-0123456789abcdef") == "configured"
    assert "key file" in caplog.text
    file.unlink(missing_ok=True)
    newer = made(file, "b")
    second()
    assert (owner(after, newer), owner(after, key)) == ("b", None)
    elsewhere = KeyTable(Access(key_file=str(file.with_name("other.json"))), after)
    assert owner(elsewhere, newer) is None


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"salt": "00", "keys": []}', None])
def test_a_file_that_cannot_be_used_changes_nothing(
    file: Path, second: Callable[[], None], broken: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    key = made(file, "a")
    table = KeyTable(Access(key_file=str(file)))
    if broken is None:
        file.unlink()
    else:
        file.write_text(broken)
    for _ in range(3):
        second()
        assert owner(table, key) == "a"
    assert len(caplog.records) == 1
    assert key[12:] not in caplog.text
    file.unlink(missing_ok=True)
    newer = made(file, "b")
    second()
    assert (owner(table, newer), owner(table, key)) == ("b", None)
