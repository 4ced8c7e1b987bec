"""How long a client's stream may be silent, and what is said then. When that is said is the relay's job."""

from collections.abc import Mapping
from math import isfinite

COMMENT = b": keepalive\n\n"
"""The one sign of life that the decoders of all SDKs skip (protocols digest 1.3, E3)."""

_VARIABLE = "WSGI_GATEWAY_KEEPALIVE"
_DEFAULT = 15.0


def keepalive_interval(environ: Mapping[str, str]) -> float | None:
    """Seconds of silence after which a comment is sent; None for never, which 0 asks for.

    Raises ValueError for what is no number of seconds.
    """
    asked = environ.get(_VARIABLE)
    if not asked:
        return _DEFAULT
    try:
        seconds = float(asked)
    except ValueError:
        seconds = -1
    if not isfinite(seconds) or seconds < 0:
        raise ValueError(f"{_VARIABLE} is not a number of seconds: {asked}")
    return seconds or None
