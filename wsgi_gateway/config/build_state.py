"""``state_storage``: which storage is meant, what it needs, and whether it is there as far as this machine can tell.

No server is asked: one that is down now may be up when it is needed. What is secret in an address is never shown.
"""

import importlib.util
import os
from pathlib import Path as FilePath
from urllib.parse import urlsplit

from wsgi_gateway.config.build import read_seconds
from wsgi_gateway.config.model import Access, StateStorage, Storage
from wsgi_gateway.config.new_files import place_of
from wsgi_gateway.config.problems import Path, Report
from wsgi_gateway.config.schema import StateStorageEntry
from wsgi_gateway.config.secret import Secret

_PATH: Path = ("state_storage",)
_PLACE_OF: dict[Storage, str] = {
    "sqlite": "path",
    "postgres": "connection_string",
    "redis": "url",
}
"""The key that says where a storage is. Plano has connection_string; and url, for its session cache in Redis."""
_DRIVERS: dict[Storage, str] = {"postgres": "psycopg", "redis": "redis"}
_SCHEMES: dict[Storage, tuple[str, ...]] = {
    "postgres": ("postgresql", "postgres"),
    "redis": ("redis", "rediss", "unix"),
}
_LONGEST_TTL = 3650 * 86_400.0
_MAX_ITEMS: dict[Storage, int] = {"memory": 50_000}
_MAX_DURABLE_ITEMS = 1_000_000


def build_state_storage(entry: StateStorageEntry | None, report: Report) -> StateStorage:
    """Where responses are kept: in memory if nothing is said."""
    if entry is None:
        return StateStorage()
    kind = entry.type or _implied(entry)
    _warn_of_other_places(entry, kind, report)
    key = _PLACE_OF.get(kind)
    place = getattr(entry, key) if key else None
    if key and not place and not report.failed(_PATH):
        report.error(_PATH, f"{key} is missing: {kind} needs it")
    driver = _DRIVERS.get(kind)
    if driver and importlib.util.find_spec(driver) is None:
        report.error(
            (*_PATH, "type"),
            f"the Python package {driver} is not installed",
            f"pip install 'wsgi-gateway[{kind}]'",
        )
    path = None
    if isinstance(place, Secret):
        check_address(kind, place, (*_PATH, _PLACE_OF[kind]), report)
    elif place:
        path = place_of(place, (*_PATH, "path"), report, _problem_of)
    return StateStorage(
        type=kind,
        address=place if isinstance(place, Secret) else None,
        path=path,
        ttl=_ttl(entry, report) or StateStorage().ttl,
        max_items=entry.max_items or _MAX_ITEMS.get(kind, _MAX_DURABLE_ITEMS),
        passthrough=entry.passthrough is not False,
        unknown_ids=entry.unknown_ids,
    )


def check_unknown_ids(storage: StateStorage, access: Access, report: Report) -> None:
    """Warns where nothing that upstreams store can be gone on from."""
    if access.needs_key and not storage.passthrough and storage.unknown_ids is None:
        report.warning(
            (*_PATH, "passthrough"),
            "what upstreams store is not known here, and clients with keys may only name what is: "
            "they cannot go on from it",
            "keep it, or set unknown_ids: ask if every client may use what another stored",
        )


def _implied(entry: StateStorageEntry) -> Storage:
    """The one storage whose place is given."""
    return next((kind for kind, key in _PLACE_OF.items() if getattr(entry, key)), "memory")


def _ttl(entry: StateStorageEntry, report: Report) -> float | None:
    """Seconds."""
    path = (*_PATH, "ttl")
    ttl = None if entry.ttl is None else read_seconds(entry.ttl, path, report)
    if entry.ttl is not None and not report.failed(path) and not 0 < (ttl or 0) <= _LONGEST_TTL:
        report.error(path, "must be more than 0 and at most 3650d: nothing is kept for ever")
    return ttl


def _warn_of_other_places(entry: StateStorageEntry, kind: Storage, report: Report) -> None:
    for other, key in _PLACE_OF.items():
        if other != kind and getattr(entry, key) is not None:
            report.warning((*_PATH, key), f"ignored: it is for {other}, and the type is {kind}")


def check_address(kind: Storage, address: Secret, path: Path, report: Report) -> None:
    """What can be said of an address without a word of it, so that a mistake is not found at night."""
    text = address.reveal()
    schemes = _SCHEMES[kind]
    scheme, has_scheme, _ = text.partition("://")
    if not has_scheme and kind == "postgres" and "=" in text:
        return  # libpq's other form: host=... dbname=...
    if not has_scheme or scheme not in schemes:
        report.error(path, "must begin with " + " or ".join(f"{name}://" for name in schemes))
        return
    if not _is_url(text, kind):
        report.error(
            path,
            "not a URL",
            "in a user name or a password write @ as %40, / as %2F, : as %3A, # as %23, ? as %3F, % as %25",
        )
    elif kind == "redis" and not _has_good_options(text):
        report.error(
            path,
            "it has an option that redis-py does not know, or that cannot have this value",
            "options stand behind the ?, like ?health_check_interval=30",
        )


def _is_url(text: str, kind: Storage) -> bool:
    """Whether its parts are where a reader of URLs finds them: the last @ ends the credentials."""
    try:
        parts = urlsplit(text)
        behind = parts.path + parts.fragment
        if (
            kind == "redis"
        ):  # libpq's may have several hosts, each with a port, and names in its query
            behind += parts.query + str(parts.port)
    except ValueError:
        return False
    return parts.netloc.count("@") <= 1 and ("@" in parts.netloc or "@" not in behind)


def _has_good_options(url: str) -> bool:
    """Whether the driver makes a connection of a Redis URL, which is not opened."""
    try:
        from redis import BlockingConnectionPool
    except ImportError:
        return True  # Whoever needs it is told so.
    try:
        pool = BlockingConnectionPool.from_url(url)
        pool.connection_class(**pool.connection_kwargs)
    except Exception:  # noqa: BLE001 - options become arguments, so it may be anything; and it quotes the URL
        return False
    return True


def _problem_of(file: FilePath) -> str | None:
    """Raises OSError and ValueError."""
    if "\0" in str(file):
        return "not a file name"
    if not file.parent.is_dir():
        return "its folder does not exist"
    if file.exists() and not file.is_file():
        return "not a file"
    if not os.access(file.parent, os.R_OK | os.W_OK | os.X_OK):
        return "its folder cannot be written to: SQLite keeps two more files beside it"
    if file.exists() and not os.access(file, os.R_OK | os.W_OK):
        return "cannot be read and written"
    return None
