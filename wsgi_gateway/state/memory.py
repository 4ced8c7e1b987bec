"""State in the process itself: gone with a restart, and not seen by other workers."""

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import ClassVar

from wsgi_gateway.state.cache import BoundedCache


class _Values:
    """A list that knows its bytes."""

    def __init__(self) -> None:
        self.values: list[bytes] = []
        self.size = 0

    def add(self, values: Sequence[bytes]) -> "_Values":
        self.values += values
        self.size += sum(map(len, values))
        return self


class MemoryBackend:
    """A ``Backend`` that is bounded in bytes too."""

    failures: ClassVar[tuple[type[Exception], ...]] = ()

    def __init__(self, ttl: float, max_items: int) -> None:
        self._cache: BoundedCache[bytes, _Values] = BoundedCache(
            ttl=ttl, max_items=max_items, size_of=lambda values: values.size
        )
        self._lock = Lock()

    def put(self, values: Mapping[bytes, bytes]) -> None:
        with self._lock:
            for id_, value in values.items():
                self._cache.put(id_, _Values().add([value]))

    def get(self, ids: Sequence[bytes]) -> dict[bytes, bytes]:
        found = ((id_, self._cache.get(id_)) for id_ in ids)
        return {id_: kept.values[0] for id_, kept in found if kept is not None}

    def delete(self, ids: Sequence[bytes]) -> None:
        with self._lock:
            for id_ in ids:
                self._cache.delete(id_)

    def append(self, id_: bytes, values: Sequence[bytes]) -> int:
        with self._lock:
            kept = self._cache.get(id_) or _Values()
            first = len(kept.values)
            self._cache.put(id_, kept.add(values))
            return first

    def read(self, id_: bytes, start: int, limit: int) -> list[bytes]:
        kept = self._cache.get(id_)
        return kept.values[start : start + limit] if kept else []

    def length(self, id_: bytes) -> int:
        kept = self._cache.get(id_)
        return len(kept.values) if kept else 0

    def close(self) -> None:
        """Nothing is open."""
