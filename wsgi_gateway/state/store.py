"""The one interface to what outlives a request, and what holds for every backend behind it.

Here: namespaces, the bounds of a read, and what a request is told while the backend cannot be reached. Not here: how
values are kept (memory, sqlite, postgres, redis beside this file), and what they mean (history.py).
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from time import monotonic
from typing import ClassVar, Protocol, TypeVar

from wsgi_gateway.protocols.errors import ApiError

_log = logging.getLogger(__name__)
T = TypeVar("T")

MOST_AT_ONCE = 1000
"""Values that one read returns at most."""

_LAST = 2**31 - 1 - MOST_AT_ONCE
"""A number behind which no database can count."""

_PAUSE = 1.0
"""Seconds for which a backend that failed is not asked again: who needs it is told so without a wait."""

# The words of the drivers that say why without quoting an address, a name or a part of a URL.
_REASONS = (
    "connection refused",
    "timeout",
    "timed out",
    "authentication failed",
    "invalid username-password pair",
    "starting up",
    "shutting down",
    "too many connections",
    "too many clients",
    "loading the dataset",
    "out of memory",
    "server closed the connection",
    "database is locked",
    "unable to open database file",
    "disk is full",
    "does not exist",
    "no space left",
)


class StoreDown(ApiError):
    """The state storage cannot be reached: a 503 for the request that needs it."""

    def __init__(self) -> None:
        super().__init__(
            "overloaded",
            "the gateway's state storage is unavailable: try again, or send the whole conversation "
            "without previous_response_id and item references",
            code="state_storage_unavailable",
            headers={"retry-after": "1"},
        )


class Backend(Protocol):
    """How one kind of storage keeps lists of values under ids of 32 bytes each.

    A list is gone ``ttl`` seconds after its last write; where there are more than ``max_items`` of them, those that
    would be gone first are dropped. Every method returns once its write is as durable as the storage is, within
    seconds. Raises one of ``failures`` where it cannot.
    """

    failures: ClassVar[tuple[type[Exception], ...]]

    def put(self, values: Mapping[bytes, bytes]) -> None: ...

    def get(self, ids: Sequence[bytes]) -> dict[bytes, bytes]: ...

    def delete(self, ids: Sequence[bytes]) -> None: ...

    def append(self, id_: bytes, values: Sequence[bytes]) -> int: ...

    def read(self, id_: bytes, start: int, limit: int) -> list[bytes]: ...

    def length(self, id_: bytes) -> int: ...

    def close(self) -> None: ...


class Store:
    """A backend, and whether it can be reached. Shared by all requests, safe between greenlets and threads."""

    def __init__(self, backend: Backend, kind: str) -> None:
        self._backend = backend
        self._kind = kind
        self._down_until = 0.0

    def within(self, namespace: str) -> "Namespace":
        """What is kept for one tenant; nobody sees anything of another's."""
        return Namespace(self, namespace)

    def close(self) -> None:
        """Give the connections up."""
        self._backend.close()

    def do(self, work: Callable[[Backend], T]) -> T:
        """What ``work`` makes of the backend. Raises StoreDown, without asking it if it failed a moment ago."""
        if monotonic() < self._down_until:
            raise StoreDown
        try:
            result = work(self._backend)
        except self._backend.failures as error:
            if not self._down_until:
                _log.warning("state storage (%s) is unavailable: %s", self._kind, _why(error))
            self._down_until = monotonic() + _PAUSE
            # The driver's own words may quote what is secret.
            raise StoreDown from None
        if self._down_until:
            self._down_until = 0.0
            _log.warning("state storage (%s) is back", self._kind)
        return result


class Namespace:
    """Keys of one tenant, each with a list of values; usually of one. All methods raise StoreDown.

    What was written is there for every gateway with the same storage as soon as the method has returned.
    """

    unstored: "Namespace | None" = None
    """Where a response is kept that its client wants stored nowhere; None for the place that it wants."""

    def __init__(self, store: Store, name: str) -> None:
        self.name = name
        self._store = store
        # With its length, so that no other name and key make the same text.
        self._prefix = f"{len(name)} {name} "

    def put(self, values: Mapping[str, bytes]) -> None:
        """Each key has its value alone afterwards, until the storage's time to live is over. All of them, or none."""
        by_id = {self._id(key): value for key, value in values.items()}
        if by_id:
            self._store.do(lambda backend: backend.put(by_id))

    def get(self, keys: Iterable[str]) -> dict[str, bytes]:
        """The first value of each key that has one, read in one go (1,000 keys at a time)."""
        ids = {self._id(key): key for key in keys}
        return {ids[id_]: value for some in _batches(list(ids)) for id_, value in self._get(some)}

    def delete(self, keys: Iterable[str]) -> None:
        """Keys without values are no error."""
        for some in _batches([self._id(key) for key in keys]):
            self._delete(some)

    def append(self, key: str, values: Sequence[bytes]) -> int:
        """Add values to a key's list, at least one, and renew its time. Returns the number of the first of them.

        Numbers begin at 0 and have no gaps, whoever else appends at the same time. So of several that append to a new
        key, one alone gets 0: that decides what may happen only once. After StoreDown the values may be there or not.
        """
        return self._store.do(lambda backend: backend.append(self._id(key), values))

    def read(self, key: str, start: int = 0, limit: int = MOST_AT_ONCE) -> list[bytes]:
        """Up to ``limit`` values from number ``start`` on, [] behind the last; never more than MOST_AT_ONCE."""
        limit = min(limit, MOST_AT_ONCE)
        if limit < 1 or not 0 <= start <= _LAST:
            return []
        return self._store.do(lambda backend: backend.read(self._id(key), start, limit))

    def length(self, key: str) -> int:
        """How many values a key has."""
        return self._store.do(lambda backend: backend.length(self._id(key)))

    def _get(self, ids: list[bytes]) -> Iterable[tuple[bytes, bytes]]:
        return self._store.do(lambda backend: backend.get(ids)).items()

    def _delete(self, ids: list[bytes]) -> None:
        self._store.do(lambda backend: backend.delete(ids))

    def _id(self, key: str) -> bytes:
        """Clients make keys up, of any length and of half surrogates too."""
        return hashlib.sha256((self._prefix + key).encode("utf-8", "surrogatepass")).digest()


def _batches(ids: list[bytes]) -> Iterator[list[bytes]]:
    """Clients name as many as a body has room for, more than a statement of some databases has."""
    for start in range(0, len(ids), MOST_AT_ONCE):
        yield ids[start : start + MOST_AT_ONCE]


def _why(error: Exception) -> str:
    """Why a driver failed, in words that cannot be secret."""
    text = str(error).lower()
    known = next((reason for reason in _REASONS if reason in text), None)
    code = getattr(error, "sqlstate", None)
    return ": ".join(filter(None, (type(error).__name__, code, known)))
