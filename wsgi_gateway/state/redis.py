"""State in Redis, for any number of gateways. It is as durable as the server's own settings make it.

Each item is a Redis list; an index by time of expiry tells which are too many.
"""

from collections.abc import Mapping, Sequence
from time import time
from typing import Any, ClassVar

from redis import BlockingConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from wsgi_gateway.config.secret import Secret

_MOST_CONNECTIONS = 20
_CONNECT_TIMEOUT = 3.0  # seconds, as the others
_ANSWER_TIMEOUT = 5.0
_TURN_TIMEOUT = 5.0
_PREFIX = b"wsgi_gateway:"
_INDEX = _PREFIX + b"index"
_MOST_PRUNED = 5000
# In one step, so that nothing that was written again meanwhile is deleted.
_PRUNE = """
    for number, word in ipairs(redis.call('ZPOPMIN', KEYS[1], ARGV[1])) do
        if number % 2 == 1 then redis.call('DEL', word) end
    end
"""


class RedisBackend:
    """A ``Backend``."""

    failures: ClassVar[tuple[type[Exception], ...]] = (RedisError, OSError)

    def __init__(self, url: Secret, ttl: float, max_items: int) -> None:
        pool = BlockingConnectionPool.from_url(
            url.reveal(),
            max_connections=_MOST_CONNECTIONS,
            timeout=_TURN_TIMEOUT,
            socket_connect_timeout=_CONNECT_TIMEOUT,
            socket_timeout=_ANSWER_TIMEOUT,
            # What is sent twice may be done twice.
            retry=Retry(NoBackoff(), 0),
            decode_responses=False,
        )
        self._redis = Redis(connection_pool=pool)
        self._ttl = ttl
        self._max_items = max_items

    def put(self, values: Mapping[bytes, bytes]) -> None:
        pipeline = self._redis.pipeline(transaction=True)
        for id_, value in values.items():
            pipeline.delete(_key(id_))
            pipeline.rpush(_key(id_), value)
        self._finish(pipeline, list(values))

    def get(self, ids: Sequence[bytes]) -> dict[bytes, bytes]:
        pipeline = self._redis.pipeline(transaction=False)
        for id_ in ids:
            pipeline.lindex(_key(id_), 0)
        found = zip(ids, pipeline.execute(), strict=True)
        return {id_: value for id_, value in found if value is not None}

    def delete(self, ids: Sequence[bytes]) -> None:
        keys = [_key(id_) for id_ in ids]
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.delete(*keys)
        pipeline.zrem(_INDEX, *keys)
        pipeline.execute()

    def append(self, id_: bytes, values: Sequence[bytes]) -> int:
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.rpush(_key(id_), *values)
        length = self._finish(pipeline, [id_])[0]
        return int(length) - len(values)

    def read(self, id_: bytes, start: int, limit: int) -> list[bytes]:
        found: Any = self._redis.lrange(_key(id_), start, start + limit - 1)
        return list(found)

    def length(self, id_: bytes) -> int:
        found: Any = self._redis.llen(_key(id_))
        return int(found)

    def close(self) -> None:
        self._redis.close()
        self._redis.connection_pool.disconnect()

    def _finish(self, pipeline: Any, ids: Sequence[bytes]) -> list[Any]:
        """Send what writes to ``ids``, with their time and their place in the index, as one transaction."""
        now = time()
        for id_ in ids:
            pipeline.pexpire(_key(id_), max(int(self._ttl * 1000), 1))
        pipeline.zadd(_INDEX, {_key(id_): now + self._ttl for id_ in ids})
        pipeline.zremrangebyscore(_INDEX, "-inf", now)
        pipeline.zcard(_INDEX)
        results: list[Any] = pipeline.execute()
        excess = results[-1] - self._max_items
        if excess > 0:
            self._redis.eval(_PRUNE, 1, _INDEX, min(excess, _MOST_PRUNED))
        return results


def _key(id_: bytes) -> bytes:
    return _PREFIX + id_.hex().encode()
