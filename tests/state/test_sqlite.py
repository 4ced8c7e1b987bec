"""What is SQLite's alone. Not here: what it keeps, as all storages do (test_store_contract.py), and how it fails."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from wsgi_gateway.state import Store
from wsgi_gateway.state.sqlite import SqliteBackend


def written(path: Path) -> dict[str, int]:
    """The permissions of all files that a write makes, or finds."""
    store = Store(SqliteBackend(path, 60, 1000), "sqlite")
    store.within("t").put({"a": b"1"})
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    store.close()
    return modes


@pytest.fixture(autouse=True)
def _open_hand() -> Iterator[None]:
    """As under a umask that keeps nothing from anybody."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_its_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    modes = written(tmp_path / "state.db")
    assert modes.keys() > {"state.db"}
    assert set(modes.values()) == {0o600}


def test_a_file_that_is_there_keeps_its_permissions(tmp_path: Path) -> None:
    """Its operator may have given it to a group."""
    path = tmp_path / "state.db"
    path.touch(0o660)
    assert set(written(path).values()) == {0o660}
