"""What ``wsgi-gateway keys`` does: make keys, list them, revoke them, in the key file.

The file is replaced in one step, readable by its owner only, so that running workers find the old one or the new one.
Two commands at a time wait for each other.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import structs

from wsgi_gateway.config.build_access import CLIENT_ID
from wsgi_gateway.config.key_file import (
    SALT_SIZE,
    BadKeyFile,
    KeyFile,
    StoredKey,
    key_digest,
    read_key_file,
)

_START = "sk-gw-"
_SHOWN = len(_START) + 6


def create_key(path: Path, like: StoredKey) -> tuple[str, StoredKey]:
    """A new key for the client ``like.id``, and what is stored of it: the only time that the key itself is seen.

    Limits that ``like`` does not have are those of the client's newest key. Raises BadKeyFile, and OSError.
    """
    if not CLIENT_ID.fullmatch(like.id):
        raise BadKeyFile("an id has letters, digits and . _ @ : - only, at most 100")
    key = _START + secrets.token_urlsafe(32)
    with _changing(path) as file:
        digest = key_digest(key, bytes.fromhex(file.salt))
        stored = _inherited(like, file.keys)
        stored.prefix, stored.hash = key[:_SHOWN], digest.hex()
        stored.created = datetime.now(UTC).isoformat(timespec="seconds")
        _ = stored.client  # raises for limits that are none
        file.keys.append(stored)
    return key, stored


def list_keys(path: Path) -> list[StoredKey]:
    """Raises BadKeyFile, and FileNotFoundError."""
    return read_key_file(path).keys


def revoke_keys(path: Path, which: str) -> list[StoredKey]:
    """The keys that are gone: all of the client with this id, or the one whose prefix it is.

    Raises BadKeyFile, and OSError.
    """
    if not path.exists():
        return []
    with _changing(path) as file:
        gone = [key for key in file.keys if which in (key.id, key.prefix)]
        file.keys = [key for key in file.keys if key not in gone]
    return gone


def _inherited(like: StoredKey, keys: list[StoredKey]) -> StoredKey:
    """``like`` with what the client's newest key has and it says nothing of."""
    before = next((key for key in reversed(keys) if key.id == like.id), None)
    if before is None:
        return structs.replace(like)
    kept = {
        name: getattr(like, name) or getattr(before, name)
        for name in ("models", "requests", "tokens", "budget", "concurrency")
    }
    return structs.replace(like, **kept)


@contextmanager
def _changing(path: Path) -> Iterator[KeyFile]:
    """The file's content, which is written back if nothing is raised: to the file itself, where ``path`` is a link."""
    path = path.resolve()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        try:
            file = read_key_file(path)
        except FileNotFoundError:
            file = KeyFile(salt=secrets.token_hex(SALT_SIZE))
        yield file
        _write(path, msgspec.json.format(msgspec.json.encode(file)) + b"\n")
        os.fsync(folder)
    finally:
        os.close(folder)


def _write(path: Path, data: bytes) -> None:
    """Whoever owned the file before, or else owns its folder, owns it: root may write it for the gateway's user."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            owned = (path if path.exists() else path.parent).stat()
            with suppress(PermissionError):
                os.fchown(file.fileno(), owned.st_uid, owned.st_gid)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
