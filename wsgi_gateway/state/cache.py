"""Values in the memory of one process: bounded in number, size and age, gone with a restart."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

MAX_BYTES = 256 * 1024 * 1024


class BoundedCache(Generic[K, V]):
    """Keeps values by key. The oldest go first when a bound is reached; ``ttl`` is in seconds.

    ``size_of`` tells a value's bytes, by its length if nothing else is said.
    """

    def __init__(
        self,
        *,
        ttl: float,
        max_items: int = 50_000,
        max_bytes: int = MAX_BYTES,
        size_of: Callable[[Any], int] = len,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._ttl = ttl
        self._size_of = size_of
        self._clock = clock
        self._size = 0
        self._values: OrderedDict[K, tuple[float, int, V]] = OrderedDict()

    @property
    def size(self) -> int:
        """The bytes of all that is kept."""
        return self._size

    def __len__(self) -> int:
        """How many values are kept, expired ones that nobody asked for included."""
        return len(self._values)

    def get(self, key: K) -> V | None:
        """The value, None if it is unknown, expired or was pushed out."""
        entry = self._values.get(key)
        if entry is None or entry[0] <= self._clock():
            return None
        return entry[2]

    def put(self, key: K, value: V) -> None:
        """A value beyond the size bound is kept alone until the next comes."""
        self.delete(key)
        size = self._size_of(value)
        self._values[key] = (self._clock() + self._ttl, size, value)
        self._size += size
        while len(self._values) > 1 and self._is_over():
            self.drop_oldest()

    def drop_oldest(self) -> None:
        """Without what would go first, if there is anything."""
        if self._values:
            self.delete(next(iter(self._values)))

    def delete(self, key: K) -> None:
        entry = self._values.pop(key, None)
        if entry is not None:
            self._size -= entry[1]

    def _is_over(self) -> bool:
        oldest = next(iter(self._values.values()))
        return (
            len(self._values) > self._max_items
            or self._size > self._max_bytes
            or oldest[0] <= self._clock()
        )
