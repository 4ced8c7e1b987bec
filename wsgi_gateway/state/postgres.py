"""State in PostgreSQL, for any number of gateways.

Each operation is one statement of its own, so that poolers between here and the server may hand each to another
connection of theirs.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import psycopg

from wsgi_gateway.config.secret import Secret
from wsgi_gateway.state.postgres_connections import Connections
from wsgi_gateway.state.pruning import Pruning

_PRUNING_LOCK = 0x75736769_67617466  # any number that no other program takes

_PUT = """
    WITH given AS (
        SELECT * FROM unnest(%(ids)s::bytea[], %(values)s::bytea[]) AS given (id, value) ORDER BY id
    ), item AS (
        INSERT INTO wsgi_gateway_item (id, length, expires_at)
        SELECT id, 1, now() + %(ttl)s * interval '1 second' FROM given
        ON CONFLICT (id) DO UPDATE SET length = 1, expires_at = excluded.expires_at
        RETURNING id
    )
    INSERT INTO wsgi_gateway_value (id, position, value)
    SELECT id, 0, value FROM given JOIN item USING (id)
    ON CONFLICT (id, position) DO UPDATE SET value = excluded.value
"""
# Who appends to the same item waits for its row, so numbers have no gaps.
_APPEND = """
    WITH item AS (
        INSERT INTO wsgi_gateway_item AS item (id, length, expires_at)
        VALUES (%(id)s, %(added)s, now() + %(ttl)s * interval '1 second')
        ON CONFLICT (id) DO UPDATE SET
            length = %(added)s + CASE WHEN item.expires_at > now() THEN item.length ELSE 0 END,
            expires_at = excluded.expires_at
        RETURNING length - %(added)s AS first
    ), added AS (
        INSERT INTO wsgi_gateway_value (id, position, value)
        SELECT %(id)s, first + number - 1, value
        FROM item, unnest(%(values)s::bytea[]) WITH ORDINALITY AS given (value, number)
        ON CONFLICT (id, position) DO UPDATE SET value = excluded.value
    )
    SELECT first FROM item
"""
# Values beyond an item's length are what was there before it was put anew or expired.
_READ = """
    SELECT id, value FROM wsgi_gateway_item JOIN wsgi_gateway_value USING (id)
    WHERE id = ANY(%(ids)s) AND expires_at > now()
        AND position >= %(start)s AND position < least(length, %(end)s)
    ORDER BY position
"""
_LENGTH = "SELECT length FROM wsgi_gateway_item WHERE id = %(id)s AND expires_at > now()"
_DELETE = """
    DELETE FROM wsgi_gateway_item WHERE id IN (
        SELECT id FROM wsgi_gateway_item WHERE id = ANY(%(ids)s) ORDER BY id FOR UPDATE
    )
"""
# One gateway at a time. What was written again meanwhile has another time, and stays.
_PRUNE = """
    DELETE FROM wsgi_gateway_item AS item USING (
        (SELECT id, expires_at FROM wsgi_gateway_item WHERE expires_at <= now() LIMIT 5000)
        UNION
        (SELECT id, expires_at FROM wsgi_gateway_item
         ORDER BY expires_at DESC, id DESC OFFSET %(most)s LIMIT 5000)
    ) AS old
    WHERE item.id = old.id AND item.expires_at = old.expires_at
        AND (SELECT pg_try_advisory_xact_lock(%(lock)s))
"""


class PostgresBackend:
    """A ``Backend`` whose tables are made when the server is first reached."""

    failures: ClassVar[tuple[type[Exception], ...]] = (psycopg.Error, OSError)

    def __init__(self, connection_string: Secret, ttl: float, max_items: int) -> None:
        self._connections = Connections(connection_string)
        self._ttl = ttl
        self._pruning = Pruning(max_items)

    def put(self, values: Mapping[bytes, bytes]) -> None:
        self._prune_in_time(len(values))
        self._run(_PUT, ids=list(values), values=list(values.values()), ttl=self._ttl)

    def get(self, ids: Sequence[bytes]) -> dict[bytes, bytes]:
        return dict(self._run(_READ, ids=list(ids), start=0, end=1))

    def delete(self, ids: Sequence[bytes]) -> None:
        self._run(_DELETE, ids=list(ids))

    def append(self, id_: bytes, values: Sequence[bytes]) -> int:
        self._prune_in_time(1)
        ((first,),) = self._run(
            _APPEND, id=id_, added=len(values), values=list(values), ttl=self._ttl
        )
        return int(first)

    def read(self, id_: bytes, start: int, limit: int) -> list[bytes]:
        return [value for _, value in self._run(_READ, ids=[id_], start=start, end=start + limit)]

    def length(self, id_: bytes) -> int:
        return sum(length for (length,) in self._run(_LENGTH, id=id_))

    def close(self) -> None:
        self._connections.close()

    def _prune_in_time(self, items: int) -> None:
        if self._pruning.is_due(items):
            self._run(_PRUNE, most=self._pruning.max_items, lock=_PRUNING_LOCK)

    def _run(self, statement: str, **parameters: Any) -> list[Any]:
        """The rows, each with its columns; bytes go both ways in PostgreSQL's binary form."""
        with self._connections.one() as connection:
            cursor = connection.execute(statement, parameters, binary=True)
            return cursor.fetchall() if cursor.description else []
