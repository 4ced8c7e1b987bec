"""Whose state it is: clients are told apart by the key that they send."""

import hashlib
from collections.abc import Mapping

_KEY_HEADERS = ("authorization", "x-api-key", "api-key")


def tenant_of(headers: Mapping[str, str]) -> str:
    """The namespace of a request's client, which tells nothing of its key; "" without a key.

    ``headers`` are by names in lower case. The same key counts as the same in whichever header it comes: SDKs
    differ in that.
    """
    key = ""
    for name in _KEY_HEADERS:
        key = key or headers.get(name, "")
    scheme, _, token = key.partition(" ")
    if scheme.lower() == "bearer":
        key = token
    key = key.strip()
    if not key:
        return ""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=32).hexdigest()
