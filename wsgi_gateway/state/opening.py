"""From the config to a store. Nothing is connected: what cannot be reached now may be there when it is needed.

A backend's driver is imported only where the config asks for it.
"""

from pathlib import Path

from wsgi_gateway.config import StateStorage
from wsgi_gateway.state.memory import MemoryBackend
from wsgi_gateway.state.store import Backend, Store


def open_store(storage: StateStorage) -> Store:
    """The store that a checked config asks for. Raises ImportError where its driver was taken away since."""
    return Store(_backend(storage), storage.type)


def _backend(storage: StateStorage) -> Backend:
    match storage:
        case StateStorage(type="sqlite", path=str(path)):
            from wsgi_gateway.state.sqlite import SqliteBackend

            return SqliteBackend(Path(path), storage.ttl, storage.max_items)
        case StateStorage(type="postgres", address=address) if address:
            from wsgi_gateway.state.postgres import PostgresBackend

            return PostgresBackend(address, storage.ttl, storage.max_items)
        case StateStorage(type="redis", address=address) if address:
            from wsgi_gateway.state.redis import RedisBackend

            return RedisBackend(address, storage.ttl, storage.max_items)
        case _:
            return MemoryBackend(storage.ttl, storage.max_items)
