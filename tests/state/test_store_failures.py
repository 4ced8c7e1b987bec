"""Storage that is not there, does not answer or dies: who waits how long, who is told what, and what comes back."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from conftest import Json
from support.databases import PASSWORD, PLAIN_PASSWORD, Database, Postgres, RedisServer
from support.gateway import free_port
from support.until import until

from wsgi_gateway.config import load_config
from wsgi_gateway.state import (
    Store,
    StoreDown,
    open_store,
    postgres_connections,
    redis,
    sqlite,
    store,
)

PROVIDERS = [{"model": "openai/m", "access_key": "k"}]
ROOT = Path(__file__).parents[2]
PLACES = {"postgres": "connection_string", "redis": "url"}
SCHEMES = {"postgres": "postgresql", "redis": "redis"}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_PAUSE", 0.0)
    monkeypatch.setattr(postgres_connections, "_STATEMENT_TIMEOUT", 0.3)
    monkeypatch.setattr(postgres_connections, "_CONNECT_TIMEOUT", 1)
    monkeypatch.setattr(redis, "_ANSWER_TIMEOUT", 0.3)
    monkeypatch.setattr(sqlite, "_BUSY_TIMEOUT", 0.1)


def opened(storage: Json) -> Store:
    return open_store(
        load_config({"model_providers": PROVIDERS, "state_storage": storage}, {}).state_storage
    )


def is_down(of: Store) -> bool:
    try:
        of.within("t").get(["a"])
    except StoreDown:
        return True
    return False


@pytest.mark.parametrize("kind", ["sqlite", "postgres", "redis"])
def test_waiting_for_a_store_lets_other_greenlets_go_on(storage: Json) -> None:
    command = [sys.executable, "-m", "support.greenlets", json.dumps(storage)]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": paths}, timeout=60)


@pytest.mark.parametrize("kind", ["postgres", "redis"])
def test_a_killed_server_loses_nothing_and_is_found_again(storage: Json, server: Database) -> None:
    opened_store = opened(storage)
    state = opened_store.within("t")
    state.put({"a": b"1"})
    numbers = [state.append("log", [b"%d" % number]) for number in range(20)]
    server.kill()
    for write in (lambda: state.put({"a": b"2"}), lambda: state.append("log", [b"x"])):
        with pytest.raises(StoreDown) as told:
            write()
        assert told.value.kind == "overloaded"
    assert is_down(opened_store)
    server.start()
    until(lambda: not is_down(opened_store))
    assert state.get(["a"]) == {"a": b"1"}
    assert state.read("log")[:20] == [b"%d" % number for number in numbers]
    state.put({"a": b"3"})
    assert state.get(["a"]) == {"a": b"3"}
    opened_store.close()


@pytest.mark.parametrize("kind", ["postgres", "redis"])
def test_a_store_opens_although_nobody_is_there(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"{SCHEMES[kind]}://user:{PASSWORD}@127.0.0.1:{free_port()}/0"
    opened_store = opened({"type": kind, PLACES[kind]: url})
    assert is_down(opened_store)
    assert "connection refused" in caplog.text
    assert len(caplog.records) == 1
    opened_store.close()


@pytest.mark.parametrize("kind", ["postgres", "redis"])
def test_a_server_that_says_nothing_is_not_waited_for(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        url = f"{SCHEMES[kind]}://127.0.0.1:{port}/0"
        opened_store = opened({"type": kind, PLACES[kind]: url})
        assert is_down(opened_store)
        opened_store.close()


def test_a_statement_that_hangs_is_given_up(postgres: Postgres) -> None:
    opened_store = opened({"type": "postgres", "connection_string": postgres.url})
    state = opened_store.within("t")
    state.put({"a": b"1"})
    with psycopg.connect(postgres.url) as other:
        other.execute("LOCK TABLE wsgi_gateway_item")
        assert is_down(opened_store)
    assert state.get(["a"]) == {"a": b"1"}
    opened_store.close()


def test_a_redis_that_hangs_is_given_up(redis_server: RedisServer) -> None:
    opened_store = opened({"type": "redis", "url": redis_server.url})
    state = opened_store.within("t")
    state.put({"a": b"1"})
    assert redis_server.process_id
    os.kill(redis_server.process_id, signal.SIGSTOP)
    try:
        assert is_down(opened_store)
    finally:
        os.kill(redis_server.process_id, signal.SIGCONT)
    until(lambda: not is_down(opened_store))
    assert state.get(["a"]) == {"a": b"1"}
    opened_store.close()


@pytest.mark.parametrize("kind", ["postgres", "redis"])
def test_a_wrong_password_is_told_without_any(
    kind: str, server: Database, caplog: pytest.LogCaptureFixture
) -> None:
    url = server.url.replace(PASSWORD, "wr0ng-secret")
    opened_store = opened({"type": kind, PLACES[kind]: url})
    with pytest.raises(StoreDown) as told:
        opened_store.within("t").get(["a"])
    assert "authentication failed" in caplog.text or "invalid username-password" in caplog.text
    for said in (caplog.text, str(told.value), repr(told.value.__cause__)):
        assert "wr0ng-secret" not in said
        assert PLAIN_PASSWORD not in said
    opened_store.close()


def test_tables_that_were_dropped_are_made_again(postgres: Postgres) -> None:
    opened_store = opened({"type": "postgres", "connection_string": postgres.url})
    opened_store.within("t").put({"a": b"1"})
    with psycopg.connect(postgres.url) as other:
        other.execute("DROP TABLE wsgi_gateway_item, wsgi_gateway_value, wsgi_gateway_schema")
    assert is_down(opened_store)
    assert not is_down(opened_store)
    opened_store.close()


def test_a_file_that_another_process_writes_for_long_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    opened_store = opened({"type": "sqlite", "path": str(path)})
    state = opened_store.within("t")
    state.put({"a": b"1"})
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreDown):
        state.put({"a": b"2"})
    assert state.get(["a"]) == {"a": b"1"}, "who reads waits for no writer"
    other.execute("ROLLBACK")
    state.put({"a": b"3"})
    other.close()
    opened_store.close()


def test_all_workers_may_meet_a_new_file_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_BUSY_TIMEOUT", 5.0)
    workers = 6
    start = threading.Barrier(workers)

    def work(file: Path) -> int:
        opened_store = opened({"path": str(file)})
        start.wait()
        number = opened_store.within("t").append("log", [b"x"])
        opened_store.close()
        return number

    with ThreadPoolExecutor(workers) as pool:
        for attempt in range(20):
            numbers = pool.map(work, [tmp_path / f"{attempt}.db"] * workers)
            assert sorted(numbers) == list(range(workers))


def test_a_file_that_is_no_database_is_no_500(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(b"something else" * 1000)
    opened_store = opened({"type": "sqlite", "path": str(path)})
    assert is_down(opened_store)
    assert path.read_bytes() == b"something else" * 1000


def test_a_store_that_failed_is_left_alone_for_a_moment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(store, "_PAUSE", 3600.0)
    opened_store = opened({"path": str(tmp_path / "state.db")})
    asked: list[object] = []

    def fail(backend: object) -> None:
        asked.append(backend)
        raise OSError("no")

    for _ in range(3):
        with pytest.raises(StoreDown):
            opened_store.do(fail)
    assert len(asked) == 1
