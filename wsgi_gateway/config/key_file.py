"""The file with clients' keys, hashed: its form, and how a key becomes a hash.

What is stored is a keyed hash. Its key, the ``salt``, is random for each file and stands in it: a hash of one
installation says nothing in another, and all keys of a file are found with one computation. A slow hash, or a secret
kept apart, would protect keys that can be guessed; ``wsgi-gateway keys`` makes keys of 256 random bits, which cannot.
"""

import hashlib
import importlib.util
from pathlib import Path

import msgspec
from msgspec import Struct

from wsgi_gateway.config.model import Client, Limits
from wsgi_gateway.config.rates import BadRate, read_rates

SALT_SIZE = 32
_DIGEST_SIZE = 32
_MAX_BYTES = 64_000_000
NO_PRICES = "a budget needs the Python package genai-prices: pip install 'wsgi-gateway[prices]'"


class BadKeyFile(ValueError):
    """A key file that cannot be used; the message says why, and quotes nothing of it."""


class StoredKey(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A key as the file has it, with its limits as a config's ``access.keys`` writes them."""

    id: str
    prefix: str
    """How the key begins, for people: all of it that is ever shown again."""
    hash: str
    created: str
    models: list[str] | None = None
    requests: list[str] = []
    tokens: list[str] = []
    budget: list[str] = []
    concurrency: int | None = None

    @property
    def digest(self) -> bytes:
        return bytes.fromhex(self.hash)

    @property
    def client(self) -> Client:
        """Raises BadKeyFile."""
        if self.models is not None and not self.models:
            raise BadKeyFile(
                f"models of the key {self.prefix}… must be a list that is not empty, or not be there: all"
            )
        try:
            limits = Limits(
                requests=read_rates(self.requests),
                tokens=read_rates(self.tokens),
                budget=read_rates(self.budget, dollars=True),
                concurrency=self.concurrency,
            )
        except BadRate as bad:
            raise BadKeyFile(f"a limit of the key {self.prefix}… is wrong: {bad}") from None
        if limits.budget and not has_prices():
            raise BadKeyFile(NO_PRICES)
        return Client(id=self.id, models=tuple(self.models or ("*",)), limits=limits)


class KeyFile(Struct, kw_only=True, forbid_unknown_fields=True):
    """The whole file, JSON."""

    salt: str
    keys: list[StoredKey] = []

    @property
    def clients(self) -> dict[bytes, Client]:
        """Whose key it is, by the key's digest. Raises BadKeyFile."""
        return {key.digest: key.client for key in self.keys}


def has_prices() -> bool:
    """Whether budgets can be kept."""
    return importlib.util.find_spec("genai_prices") is not None


def key_digest(key: str, salt: bytes) -> bytes:
    """The hash of a key. One that is not text of a header's kind has one too."""
    keyed = keyed_hash(salt)
    keyed.update(key.encode("utf-8", "surrogatepass"))
    return keyed.digest()


def keyed_hash(salt: bytes) -> hashlib.blake2b:
    """The hash of keys, before it has read one."""
    return hashlib.blake2b(key=salt, digest_size=_DIGEST_SIZE)


def read_key_file(path: Path) -> KeyFile:
    """The file, checked whole. Raises BadKeyFile, and FileNotFoundError."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise BadKeyFile(f"larger than {_MAX_BYTES} bytes")
        file = msgspec.json.decode(path.read_bytes(), type=KeyFile)
        if len(bytes.fromhex(file.salt)) != SALT_SIZE:
            raise BadKeyFile("its salt has the wrong length")
        if any(len(digest) != _DIGEST_SIZE for digest in file.clients):
            raise BadKeyFile("a hash has the wrong length")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise BadKeyFile(f"cannot be read: {error.strerror}") from None
    except BadKeyFile:
        raise
    except ValueError:
        raise BadKeyFile("not a key file") from None
    return file
