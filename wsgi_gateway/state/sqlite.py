"""State in one SQLite file, for the workers of one machine.

SQLite blocks its thread while it works. Under gevent it works in threads of its own, so that the loop never waits.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from time import time
from typing import ClassVar, TypeVar

import gevent
from gevent import monkey
from gevent.threadpool import ThreadPool

from wsgi_gateway.state.pruning import Pruning

T = TypeVar("T")

_BUSY_TIMEOUT = 5.0  # seconds that a write waits for those of other processes
_PATIENCE = 10.0  # seconds that a request waits, its turn in this process included
_READERS = 4
_WAL_TRIES = 20

_MIGRATIONS = (
    """
    CREATE TABLE item (id BLOB PRIMARY KEY, length INTEGER NOT NULL, expires_at REAL NOT NULL) WITHOUT ROWID;
    CREATE INDEX item_expires_at ON item (expires_at, id);
    CREATE TABLE value (
        id BLOB NOT NULL REFERENCES item ON DELETE CASCADE,
        position INTEGER NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (id, position)
    );
    """,
)
"""Each takes the file from one version to the next; what was released is never changed."""

# Values beyond an item's length are what was there before it was put anew or expired.
_READ = """
    SELECT id, value FROM item JOIN value USING (id)
    WHERE id IN ({ids}) AND expires_at > ? AND position >= ? AND position < min(length, ?)
    ORDER BY position
"""
_GROW = """
    INSERT INTO item (id, length, expires_at) VALUES (:id, :added, :expires_at)
    ON CONFLICT (id) DO UPDATE SET
        length = :added + CASE WHEN :keep AND expires_at > :now THEN length ELSE 0 END,
        expires_at = excluded.expires_at
    RETURNING length
"""
_SET = """
    INSERT INTO value (id, position, value) VALUES (?, ?, ?)
    ON CONFLICT (id, position) DO UPDATE SET value = excluded.value
"""


class SqliteBackend:
    """A ``Backend``. Each write is on the disk when it returns (WAL, synchronous=FULL)."""

    failures: ClassVar[tuple[type[Exception], ...]] = (sqlite3.Error, OSError)

    def __init__(self, path: Path, ttl: float, max_items: int) -> None:
        self._path = path
        self._ttl = ttl
        self._pruning = Pruning(max_items)
        self._idle: list[sqlite3.Connection] = []
        # Writers of one process wait here, in turn, and not for the file's lock, for which SQLite polls.
        self._writer = ThreadPool(1) if monkey.is_module_patched("socket") else None
        self._readers = ThreadPool(_READERS) if self._writer else None

    def put(self, values: Mapping[bytes, bytes]) -> None:
        def work(connection: sqlite3.Connection) -> None:
            for id_, value in values.items():
                self._add(connection, id_, [value], keep=False)

        self._write(work, len(values))

    def get(self, ids: Sequence[bytes]) -> dict[bytes, bytes]:
        return dict(self._read(ids, 0, 1))

    def delete(self, ids: Sequence[bytes]) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM item WHERE id = ?", [(id_,) for id_ in ids])

        self._write(work, 0)

    def append(self, id_: bytes, values: Sequence[bytes]) -> int:
        return self._write(lambda connection: self._add(connection, id_, values, keep=True), 1)

    def read(self, id_: bytes, start: int, limit: int) -> list[bytes]:
        return [value for _, value in self._read([id_], start, start + limit)]

    def length(self, id_: bytes) -> int:
        query = "SELECT length FROM item WHERE id = ? AND expires_at > ?"
        row = self._run(
            self._readers, lambda connection: connection.execute(query, (id_, time())).fetchone()
        )
        return int(row[0]) if row else 0

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()
        for pool in (self._writer, self._readers):
            if pool:
                pool.kill()

    def _read(self, ids: Sequence[bytes], start: int, end: int) -> list[tuple[bytes, bytes]]:
        query = _READ.format(ids=", ".join("?" * len(ids)))
        return self._run(
            self._readers,
            lambda connection: connection.execute(query, (*ids, time(), start, end)).fetchall(),
        )

    def _add(
        self, connection: sqlite3.Connection, id_: bytes, values: Sequence[bytes], *, keep: bool
    ) -> int:
        """Put values behind those that are there, or in their place; the number of the first."""
        now = time()
        names = {"id": id_, "added": len(values), "keep": keep, "now": now}
        row = connection.execute(_GROW, names | {"expires_at": now + self._ttl}).fetchone()
        first = int(row[0]) - len(values)
        connection.executemany(
            _SET, [(id_, at, value) for at, value in enumerate(values, start=first)]
        )
        return first

    def _write(self, work: Callable[[sqlite3.Connection], T], items: int) -> T:
        def transaction(connection: sqlite3.Connection) -> T:
            with _transaction(connection):
                result = work(connection)
                if self._pruning.is_due(items):
                    self._prune(connection)
                return result

        return self._run(self._writer, transaction)

    def _prune(self, connection: sqlite3.Connection) -> None:
        connection.execute(
            "DELETE FROM item WHERE id IN (SELECT id FROM item WHERE expires_at <= ? LIMIT 5000)",
            (time(),),
        )
        connection.execute(
            "DELETE FROM item WHERE id IN "
            "(SELECT id FROM item ORDER BY expires_at DESC, id DESC LIMIT 5000 OFFSET ?)",
            (self._pruning.max_items,),
        )

    def _run(self, threads: ThreadPool | None, work: Callable[[sqlite3.Connection], T]) -> T:
        def run() -> T:
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self._connect()
            try:
                result = work(connection)
            except BaseException:
                connection.close()
                raise
            self._idle.append(connection)
            return result

        if threads is None:
            return run()
        with gevent.Timeout(_PATIENCE, sqlite3.OperationalError("timeout")):
            result: T = threads.apply(run)
        return result

    def _connect(self) -> sqlite3.Connection:
        """A connection for one thread at a time, whichever."""
        _make_private(self._path)
        connection = sqlite3.connect(
            self._path, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            if _version(connection) < len(_MIGRATIONS):
                _use_wal(connection)
                _migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection


def _make_private(path: Path) -> None:
    """A new file is for its owner alone, and so are those that SQLite makes beside it: it holds what clients say."""
    with suppress(OSError):  # SQLite says what is wrong
        os.close(os.open(path, os.O_CREAT | os.O_CLOEXEC, 0o600))


def _use_wal(connection: sqlite3.Connection) -> None:
    """Kept in the file. Of several that do it at once all but one fail without any wait, which a transaction has."""
    for _ in range(_WAL_TRIES):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            with _transaction(connection):
                pass
    connection.execute("PRAGMA journal_mode = WAL")


def _migrate(connection: sqlite3.Connection) -> None:
    with _transaction(connection):
        for number in range(_version(connection), len(_MIGRATIONS)):
            for statement in filter(str.strip, _MIGRATIONS[number].split(";")):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number + 1}")


def _version(connection: sqlite3.Connection) -> int:
    with closing(connection.execute("PRAGMA user_version")) as found:
        return int(found.fetchone()[0])


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """One that waits for its turn at its beginning, where waiting is safe."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
