"""The connections to PostgreSQL: few, bounded in every wait, opened when they are needed, thrown away when in doubt.

Under gevent, psycopg waits for the server in a way that lets other requests go on.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import BoundedSemaphore
from typing import Any

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import ConnStatus

from wsgi_gateway.config.secret import Secret

_MOST_CONNECTIONS = 10
_CONNECT_TIMEOUT = 3  # seconds, as the other two
_STATEMENT_TIMEOUT = 5.0
_TURN_TIMEOUT = 5.0

_MIGRATIONS = (
    """
    CREATE TABLE wsgi_gateway_item (
        id bytea PRIMARY KEY,
        length integer NOT NULL,
        expires_at timestamptz NOT NULL
    );
    CREATE INDEX wsgi_gateway_item_expires_at ON wsgi_gateway_item (expires_at, id);
    CREATE TABLE wsgi_gateway_value (
        id bytea NOT NULL REFERENCES wsgi_gateway_item ON DELETE CASCADE,
        position integer NOT NULL,
        value bytea NOT NULL,
        PRIMARY KEY (id, position)
    );
    """,
)
"""Each takes the database from one version to the next; what was released is never changed."""
_MIGRATION_LOCK = 0x75736769_67617465  # any number that no other program takes


class Connection(psycopg.Connection[Any]):
    """Waits for the server no longer than a statement may take, also where the server does not say a word."""

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:
        return super().wait(gen, interval, timeout or _STATEMENT_TIMEOUT)


class Connections:
    """A few connections, opened when they are needed, each used by one request at a time."""

    def __init__(self, connection_string: Secret) -> None:
        self._connection_string = connection_string
        self._turns = BoundedSemaphore(_MOST_CONNECTIONS)
        self._idle: list[Connection] = []
        self._is_migrated = False

    @contextmanager
    def one(self) -> Iterator[Connection]:
        """A connection that was alive a moment ago. It is closed after any failure: nobody knows its state then."""
        if not self._turns.acquire(timeout=_TURN_TIMEOUT):
            raise psycopg.OperationalError("timeout: all connections are in use")
        try:
            connection = self._living() or self._connect()
            try:
                yield connection
            except BaseException as error:
                if isinstance(error, psycopg.errors.UndefinedTable):
                    self._is_migrated = False
                connection.close()
                # What ended this one may have ended the others too, without a word.
                self.close()
                raise
            self._idle.append(connection)
        finally:
            self._turns.release()

    def close(self) -> None:
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _living(self) -> Connection | None:
        with suppress(IndexError):  # other threads take some too
            while True:
                connection = self._idle.pop()
                if _is_alive(connection):
                    return connection
                connection.close()
        return None

    def _connect(self) -> Connection:
        connection = Connection.connect(
            self._connection_string.reveal(),
            autocommit=True,
            connect_timeout=_CONNECT_TIMEOUT,
            # Poolers know nothing of statements that another of their connections prepared.
            prepare_threshold=None,
        )
        try:
            if not self._is_migrated:
                _migrate(connection)
                self._is_migrated = True
        except BaseException:
            connection.close()
            raise
        return connection


def _is_alive(connection: Connection) -> bool:
    """Whether the server has not closed it. What it said last comes first, the end only behind that."""
    try:
        connection.pgconn.consume_input()
        connection.pgconn.consume_input()
    except psycopg.Error:
        return False
    return connection.pgconn.status == ConnStatus.OK


def _migrate(connection: Connection) -> None:
    """Bring the tables to the newest version, one gateway at a time."""
    if _version(connection) >= len(_MIGRATIONS):
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_MIGRATION_LOCK])
        connection.execute("CREATE TABLE IF NOT EXISTS wsgi_gateway_schema (version integer)")
        for statements in _MIGRATIONS[_version(connection) :]:
            connection.execute(statements)
            connection.execute(
                "INSERT INTO wsgi_gateway_schema SELECT count(*) + 1 FROM wsgi_gateway_schema"
            )


def _version(connection: Connection) -> int:
    """How many migrations the database has had."""
    ((table,),) = connection.execute("SELECT to_regclass('wsgi_gateway_schema')::text")
    if table is None:
        return 0
    ((version,),) = connection.execute("SELECT coalesce(max(version), 0) FROM wsgi_gateway_schema")
    return int(version)
