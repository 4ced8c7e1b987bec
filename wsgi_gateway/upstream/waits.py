"""How long one request to an upstream may wait, and for what. The config's timeouts, brought to a point in time."""

from time import monotonic

from msgspec import Struct

from wsgi_gateway.config.model import Timeouts


class Waits(Struct, frozen=True):
    """Seconds, and points in ``monotonic`` time; None for no limit."""

    connect: float | None = None
    begin: float | None = None
    """Seconds until the reply's head."""
    idle: float | None = None
    """Seconds between what arrives of the body. Until a stream has begun ``begin`` holds instead."""
    begun_by: float | None = None
    """When a stream must have begun, or a plain reply must be whole."""
    done_by: float | None = None
    """When a stream must be over."""


def waits_of(timeouts: Timeouts, *, streams: bool, started: float, deadline: float | None) -> Waits:
    """Those of one attempt, from now on, at a request that began at ``started``.

    ``deadline`` is when its answer must have begun, if it is to be of use.
    """
    begin, idle = timeouts.first_event, timeouts.idle
    if not streams:
        begin = idle = timeouts.plain
    if deadline is None and timeouts.total is None:
        begun_by = monotonic() + begin if streams and begin is not None else None
        return Waits(timeouts.connect, begin, idle, begun_by)
    now = monotonic()
    done_by = None if timeouts.total is None else started + timeouts.total
    first_by = None if begin is None or not streams else now + begin
    begun_by = min(limit for limit in (done_by, deadline, first_by) if limit is not None)
    left = max(begun_by - now, 0.001)
    begin = left if begin is None else min(begin, left)
    connect = left if timeouts.connect is None else min(timeouts.connect, left)
    return Waits(connect, begin, idle, begun_by, done_by)
