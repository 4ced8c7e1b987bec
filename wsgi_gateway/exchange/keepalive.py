"""How long a client's stream may be silent, and what is said then. When that is said is the relay's job."""

from collections.abc import Mapping
from math import isfinite

from msgspec import Struct

COMMENT = b": keepalive\n\n"
"""The one sign of life that the decoders of all SDKs skip (protocols digest 1.3, E3)."""
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
"""Messages' own: its clients count events, and pass over this one wherever it comes."""


class Keepalive(Struct, frozen=True):
    """``sign`` is given after so many seconds of silence; None for never."""

    seconds: float | None = None
    sign: bytes = COMMENT


def keepalive_of(api: str, seconds: float | None) -> Keepalive:
    """That of clients of ``api``."""
    return Keepalive(seconds, PING if api == "messages" else COMMENT)


_VARIABLE = "WSGI_GATEWAY_KEEPALIVE"
_DEFAULT = 15.0


def keepalive_interval(
    environ: Mapping[str, str], default: float | None = _DEFAULT
) -> float | None:
    """Seconds of silence after which a sign is given; None for never, which 0 asks for. ``default``: the config's.

    Raises ValueError for what is no number of seconds.
    """
    asked = environ.get(_VARIABLE)
    if not asked:
        return default
    try:
        seconds = float(asked)
    except ValueError:
        seconds = -1
    if not isfinite(seconds) or seconds < 0:
        raise ValueError(f"{_VARIABLE} is not a number of seconds: {asked}")
    return seconds or None
