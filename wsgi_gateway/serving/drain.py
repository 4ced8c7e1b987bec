"""The end of a worker: what has begun may finish, and what cannot is told so.

Theory of operation. gunicorn's master kills a worker after graceful_timeout. Some seconds before that, whoever still
waits for an upstream is interrupted: a stream ends with an error in its client's dialect, a request with a status, a
response in the background is stored as failed. What is left then, such as a client that does not read, is cut, and a
cut stream lacks its end.
"""

from collections.abc import Callable, Sequence
from time import monotonic

import gevent
from gevent.pool import Pool

from wsgi_gateway.client_watch import interrupt_all
from wsgi_gateway.unfinished import UNFINISHED

_LAST_WORDS = 3.0
"""Seconds before graceful_timeout in which the end is told; half of a time that is less than twice as much."""
_PACE = 0.1


def drain(pools: Sequence[Pool], seconds: float, notify: Callable[[], None]) -> bool:
    """Wait until all connections and all work in the background are over; whether none had to be cut.

    ``notify`` is called meanwhile, to say that this process is alive. Returns within ``seconds``.
    """
    end = monotonic() + seconds
    last_words = min(_LAST_WORDS, seconds / 2)
    while _is_busy(pools) and monotonic() < end - last_words:
        notify()
        gevent.sleep(_PACE)
    if not _is_busy(pools):
        return True
    while _is_busy(pools) and monotonic() < end - last_words / 3:
        # Again and again: some begin to wait only now.
        interrupt_all()
        gevent.sleep(_PACE)
    for pool in pools:
        pool.kill(block=True, timeout=last_words / 6)
    return False


def _is_busy(pools: Sequence[Pool]) -> bool:
    return bool(UNFINISHED) or any(len(pool) for pool in pools)
