"""State in the process itself: gone with a restart, and not seen by other workers."""

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import ClassVar

from wsgi_gateway.state.cache import MAX_BYTES, BoundedCache


class _Values:
    """A list of several values that knows its bytes."""

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

    def __init__(self, ttl: float, max_items: int, max_bytes: int = MAX_BYTES) -> None:
        # A value that is alone is kept as it is: of that the garbage collector knows nothing.
        self._cache: BoundedCache[bytes, bytes | _Values] = BoundedCache(
            ttl=ttl, max_items=max_items, max_bytes=max_bytes, size_of=_size
        )
        self._lock = Lock()

    def put(self, values: Mapping[bytes, bytes]) -> None:
        with self._lock:
            for id_, value in values.items():
                self._cache.put(id_, value)

    def get(self, ids: Sequence[bytes]) -> dict[bytes, bytes]:
        found = ((id_, self._values(id_)) for id_ in ids)
        return {id_: values[0] for id_, values in found if values}

    def delete(self, ids: Sequence[bytes]) -> None:
        with self._lock:
            for id_ in ids:
                self._cache.delete(id_)

    def append(self, id_: bytes, values: Sequence[bytes]) -> int:
        with self._lock:
            kept = self._cache.get(id_)
            if not isinstance(kept, _Values):
                kept = _Values().add([] if kept is None else [kept])
            first = len(kept.values)
            self._cache.put(id_, kept.add(values))
            return first

    def read(self, id_: bytes, start: int, limit: int) -> list[bytes]:
        return list(self._values(id_)[start : start + limit])

    def length(self, id_: bytes) -> int:
        return len(self._values(id_))

    @property
    def size(self) -> int:
        """The bytes of all values."""
        return self._cache.size

    def drop_oldest(self) -> None:
        """One value less, if there is any: that which was written longest ago."""
        with self._lock:
            self._cache.drop_oldest()

    def close(self) -> None:
        """Nothing is open."""

    def _values(self, id_: bytes) -> Sequence[bytes]:
        kept = self._cache.get(id_)
        if isinstance(kept, _Values):
            return kept.values
        return () if kept is None else (kept,)


def _size(kept: bytes | _Values) -> int:
    return kept.size if isinstance(kept, _Values) else len(kept)
