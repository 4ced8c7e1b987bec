"""The store that lives in the process: bounded in number, size and age, gone with a restart."""

import time
from collections import OrderedDict
from collections.abc import Callable

_MAX_ITEMS = 50_000  # responses, and each item of their output
_MAX_BYTES = 256 * 1024 * 1024
_TTL = 24 * 3600.0


class MemoryStore:
    """Keeps encoded values by id. The oldest go first when a bound is reached; ``ttl`` is in seconds."""

    def __init__(
        self,
        max_items: int = _MAX_ITEMS,
        max_bytes: int = _MAX_BYTES,
        ttl: float = _TTL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._ttl = ttl
        self._clock = clock
        self._size = 0
        self._values: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    def get(self, key: str) -> bytes | None:
        """The value, None if it is unknown, expired or was pushed out."""
        entry = self._values.get(key)
        if entry is None or entry[0] < self._clock():
            return None
        return entry[1]

    def put(self, key: str, value: bytes) -> None:
        """A value beyond the size bound is kept alone until the next comes."""
        self.delete(key)
        self._values[key] = (self._clock() + self._ttl, value)
        self._size += len(value)
        while len(self._values) > 1 and self._is_over():
            self.delete(next(iter(self._values)))

    def delete(self, key: str) -> None:
        entry = self._values.pop(key, None)
        if entry is not None:
            self._size -= len(entry[1])

    def _is_over(self) -> bool:
        oldest = next(iter(self._values.values()))
        return (
            len(self._values) > self._max_items
            or self._size > self._max_bytes
            or oldest[0] < self._clock()
        )
