"""What is kept for one connection alone: turns that their client wants stored nowhere, and goes on from.

It is gone with the connection. Source: Open Responses 2026-04-24, "WebSocket Continuation".
"""

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from threading import Lock

from wsgi_gateway.state.cache import MAX_BYTES
from wsgi_gateway.state.memory import MemoryBackend
from wsgi_gateway.state.responses import Responses
from wsgi_gateway.state.store import MOST_AT_ONCE, Namespace, Store

MOST_VALUES = 20_000
"""A turn is one value, and one for each item of its output."""

MOST_BYTES = 32 * 1024 * 1024
"""As much as one request may have: what a connection went on from longest ago goes first."""


class SharedBound:
    """How many bytes connections hold together. Beyond ``most_bytes`` the one that holds most gives its oldest away.

    Safe between greenlets and threads.
    """

    def __init__(self, most_bytes: int = MAX_BYTES) -> None:
        self.size = 0
        self._most = most_bytes
        self._sizes: dict[MemoryBackend, int] = {}
        self._lock = Lock()

    def changed(self, backend: MemoryBackend) -> None:
        """To be told after each change of what it holds."""
        with self._lock:
            self._count(backend)
            while self.size > self._most:
                largest = max(self._sizes, key=self._sizes.__getitem__)
                largest.drop_oldest()
                self._count(largest)

    def leave(self, backend: MemoryBackend) -> None:
        """It is counted no more."""
        with self._lock:
            self.size -= self._sizes.pop(backend, 0)

    def _count(self, backend: MemoryBackend) -> None:
        self.size += backend.size - self._sizes.get(backend, 0)
        self._sizes[backend] = backend.size


_OF_THIS_PROCESS = SharedBound()


class _SharingBackend(MemoryBackend):
    """One among several that are bounded together."""

    def __init__(self, most_values: int, most_bytes: int, shared: SharedBound) -> None:
        super().__init__(inf, most_values, most_bytes)
        self._shared = shared

    def put(self, values: Mapping[bytes, bytes]) -> None:
        super().put(values)
        self._shared.changed(self)

    def delete(self, ids: Sequence[bytes]) -> None:
        super().delete(ids)
        self._shared.changed(self)

    def close(self) -> None:
        self._shared.leave(self)


class ConnectionState:
    """Bounded in number and in bytes, alone and with those of all others."""

    def __init__(
        self,
        most_values: int = MOST_VALUES,
        most_bytes: int = MOST_BYTES,
        shared: SharedBound = _OF_THIS_PROCESS,
    ) -> None:
        self._store = Store(_SharingBackend(most_values, most_bytes, shared), "memory")
        self._own = self._store.within("")

    def over(self, store: Namespace) -> Namespace:
        """The client's ``store`` as this connection sees it: with what only the connection knows."""
        return _Layered(self._own, store)

    def forget(self, response_id: str) -> None:
        """A turn that was to go on from this response failed. One that is stored stays where it is stored."""
        Responses(self._own).delete(response_id)

    def close(self) -> None:
        """The connection is over, and nothing is kept for it any more."""
        self._store.close()


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
