"""Whose state it is: clients are told apart by the key that they send."""

import hashlib
from collections.abc import Mapping

_KEY_HEADERS = ("authorization", "x-api-key", "api-key")


def tenant_of(headers: Mapping[str, str]) -> str:
    """The namespace of a request's client, which tells nothing of its key; "" without a key.

    The same key counts as the same in whichever header it comes: SDKs differ in that.
    """
    given = {name.lower(): value for name, value in headers.items()}
    key = next((given[name] for name in _KEY_HEADERS if given.get(name)), "")
    scheme, _, token = key.partition(" ")
    if scheme.lower() == "bearer":
        key = token
    key = key.strip()
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest() if key else ""
