"""A program, not a module for tests: does a store that waits for its server let other greenlets go on?

A write waits for a lock that another greenlet of the same process lets go of only then. If waiting stopped the loop,
that one would never run, and the write would fail. Its argument is ``state_storage`` as JSON.
"""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import sqlite3  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402

import gevent  # noqa: E402
import psycopg  # noqa: E402
import redis  # noqa: E402

from wsgi_gateway.config import load_config  # noqa: E402
from wsgi_gateway.state import open_store  # noqa: E402


def locked(storage: dict[str, str]) -> Callable[[], None]:
    """Keep everybody from writing; what it returns lets them."""
    match storage["type"]:
        case "postgres":
            connection = psycopg.connect(storage["connection_string"])
            connection.execute("LOCK TABLE wsgi_gateway_item")
            return connection.commit
        case "sqlite":
            file = sqlite3.connect(storage["path"], isolation_level=None)
            file.execute("BEGIN IMMEDIATE")
            return lambda: file.execute("COMMIT") and None
        case _:
            client = redis.Redis.from_url(storage["url"])
            client.client_pause(60_000, all=False)
            return lambda: client.client_unpause() and None


def main(storage: dict[str, str]) -> None:
    config = {"model_providers": [{"model": "openai/m", "access_key": "k"}]}
    store = open_store(load_config({**config, "state_storage": storage}, {}).state_storage)
    state = store.within("t")
    state.put({"a": b"1"})
    unlock = locked(storage)
    writer = gevent.spawn(state.put, {"a": b"2"})
    others = gevent.spawn(gevent.sleep, 0.05)
    others.join()
    assert not writer.ready(), "the write did not wait"
    unlock()
    writer.get()
    assert state.get(["a"]) == {"a": b"2"}
    many = [gevent.spawn(state.append, "log", [b"x"]) for _ in range(50)]
    assert sorted(greenlet.get() for greenlet in many) == list(range(50))
    store.close()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
