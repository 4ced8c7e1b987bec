"""Values that must not be printed: a provider's key, and extra headers that may hold one.

They reach text only through ``reveal`` or by looking one header up. How a key is sent is the upstream side's matter.
"""

import hmac
from typing import Any


class Secret:
    """A text that prints as ``****``; compared in constant time."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself, for the one header it belongs to."""
        return self._value

    def __repr__(self) -> str:
        return "****"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format("****", spec)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_bytes(self), _bytes(other))

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> Any:
        raise TypeError("a Secret is not pickled")


class SecretHeaders(dict[str, str]):
    """Header names and values, of which only the names are printed."""

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{name!r}: ****" for name in self) + "}"

    __str__ = __repr__


def _bytes(secret: Secret) -> bytes:
    return secret.reveal().encode("utf-8", "surrogatepass")
