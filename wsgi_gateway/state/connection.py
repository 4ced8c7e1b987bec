"""What is kept for one connection alone: turns that their client wants stored nowhere, and goes on from.

It is gone with the connection. Source: Open Responses 2026-04-24, "WebSocket Continuation".
"""

from collections.abc import Iterable, Mapping, Sequence
from math import inf

from wsgi_gateway.state.memory import MemoryBackend
from wsgi_gateway.state.responses import Responses
from wsgi_gateway.state.store import MOST_AT_ONCE, Namespace, Store

MOST_VALUES = 20_000
"""A turn is one value, and one for each item of its output."""

MOST_BYTES = 32 * 1024 * 1024
"""As much as one request may have: what a connection went on from longest ago goes first."""


class ConnectionState:
    """Bounded in number and in bytes."""

    def __init__(self, most_values: int = MOST_VALUES, most_bytes: int = MOST_BYTES) -> None:
        backend = MemoryBackend(inf, most_values, most_bytes)
        self._own = Store(backend, "memory").within("")

    def over(self, store: Namespace) -> Namespace:
        """The client's ``store`` as this connection sees it: with what only the connection knows."""
        return _Layered(self._own, store)

    def forget(self, response_id: str) -> None:
        """A turn that was to go on from this response failed. One that is stored stays where it is stored."""
        Responses(self._own).delete(response_id)


class _Layered(Namespace):
    """The connection's own values before those of the store, to which everything is written."""

    def __init__(self, own: Namespace, store: Namespace) -> None:
        self._below = store
        self.unstored = own

    def put(self, values: Mapping[str, bytes]) -> None:
        self._below.put(values)

    def get(self, keys: Iterable[str]) -> dict[str, bytes]:
        asked = list(keys)
        assert self.unstored is not None
        found = self.unstored.get(asked)
        missing = [key for key in asked if key not in found]
        return (found | self._below.get(missing)) if missing else found

    def delete(self, keys: Iterable[str]) -> None:
        self._below.delete(keys)

    def append(self, key: str, values: Sequence[bytes]) -> int:
        return self._below.append(key, values)

    def read(self, key: str, start: int = 0, limit: int = MOST_AT_ONCE) -> list[bytes]:
        return self._below.read(key, start, limit)

    def length(self, key: str) -> int:
        return self._below.length(key)
