"""Whose key is it: the keys of the config and of the key file, by their hashes.

The file may change while the gateway runs. It is looked at once a second at most, by a request that comes then, which
costs that request a few microseconds; one that cannot be read leaves the keys as they are.
"""

import hmac
import logging
import os
import secrets
from pathlib import Path
from time import monotonic

from wsgi_gateway.access.caller import Caller
from wsgi_gateway.config import Access
from wsgi_gateway.config.key_file import (
    SALT_SIZE,
    BadKeyFile,
    KeyFile,
    key_digest,
    keyed_hash,
    read_key_file,
)

_log = logging.getLogger(__name__)
_LOOK_EVERY = 1.0


class KeyTable:
    """The keys of one config. Those of a file that is gone, or broken, are as in the table ``before``."""

    def __init__(self, access: Access, before: "KeyTable | None" = None) -> None:
        self._configured = access.keys
        self._path = Path(access.key_file) if access.key_file else None
        self._seen: tuple[int, int, int] | None = None
        self._look_again = 0.0
        self._keyed = keyed_hash(bytes(SALT_SIZE))
        self._clients: dict[bytes, tuple[bytes, Caller]] = {}
        file = KeyFile(salt=secrets.token_hex(SALT_SIZE))
        if before is not None and before._path == self._path:
            file, self._seen = before._file, before._seen
        self._fill(file)
        self._look()

    def find(self, key: str) -> Caller | None:
        """Whose key it is; None for a key that nobody has.

        How long it takes to find a hash tells nothing of a key: whoever does not know the salt cannot choose hashes.
        """
        if self._path is not None and monotonic() >= self._look_again:
            self._look()
        # key_digest, with a hash that has read its salt already.
        keyed = self._keyed.copy()
        keyed.update(key.encode("utf-8", "surrogatepass"))
        digest = keyed.digest()
        found = self._clients.get(digest)
        return found[1] if found and hmac.compare_digest(found[0], digest) else None

    def _fill(self, file: KeyFile) -> None:
        """Raises BadKeyFile. Keys of the config are hashed with the file's salt, so that one computation finds both."""
        salt = bytes.fromhex(file.salt)
        clients = {key.digest: (key.digest, Caller(key.client, key.prefix)) for key in file.keys}
        for configured in self._configured:
            digest = key_digest(configured.key.reveal(), salt)
            clients[digest] = (digest, Caller(configured.client))
        self._keyed, self._clients, self._file = keyed_hash(salt), clients, file

    def _look(self) -> None:
        self._look_again = monotonic() + _LOOK_EVERY
        if self._path is None:
            return
        try:
            status = os.stat(self._path)  # noqa: PTH116 - Path.stat takes twice as long
            seen = (status.st_mtime_ns, status.st_ino, status.st_size)
        except OSError:
            seen = None
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._fill(read_key_file(self._path))
        except FileNotFoundError:
            _log.warning("the key file is gone: its keys hold until there is another")
        except BadKeyFile as bad:
            _log.warning("the key file cannot be used, the keys stay as they are: %s", bad)
