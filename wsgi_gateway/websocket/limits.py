"""What one WebSocket may take, and how many there may be."""

from collections.abc import Mapping
from math import isfinite

from msgspec import Struct

_MOST, _IDLE = "WSGI_GATEWAY_WEBSOCKETS", "WSGI_GATEWAY_WEBSOCKET_IDLE"


class SocketLimits(Struct, frozen=True, kw_only=True):
    """Times are in seconds, sizes in bytes.

    ``most`` sockets of one process; 0 for none at all. ``lifetime`` is the specification's. ``waiting`` messages may
    come while a turn runs, and together be as large as one may be.
    """

    most: int = 1000
    idle: float = 900.0
    lifetime: float = 3600.0
    waiting: int = 32


def socket_limits(environ: Mapping[str, str]) -> SocketLimits:
    """The limits that the environment sets. Raises ValueError for what is no number, or no time at all."""
    default = SocketLimits()
    most, idle = environ.get(_MOST), environ.get(_IDLE)
    if most and not (most.isascii() and most.isdigit()):
        raise ValueError(f"{_MOST} is not a number of sockets: {most}")
    try:
        seconds = float(idle) if idle else default.idle
    except ValueError:
        seconds = 0.0
    if not isfinite(seconds) or seconds <= 0:
        raise ValueError(f"{_IDLE} is not a number of seconds: {idle}")
    return SocketLimits(most=int(most) if most else default.most, idle=seconds)
