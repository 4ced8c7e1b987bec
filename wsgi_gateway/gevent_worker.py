"""gunicorn's gevent worker, but quick to stop.

Here: what happens to idle keep-alive connections when a worker shuts down. Not here: settings (gunicorn_conf.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import gevent
from greenlet import greenlet
from gunicorn.workers.ggevent import GeventWorker

LAST_REQUEST_DELAY = 1.5
"""Seconds that an idle connection stays open after SIGTERM, for a request that is already on its way. More than
the second within which gunicorn's worker closes its listeners."""


class Worker(GeventWorker):
    """A gevent worker that closes connections without a request after SIGTERM.

    gunicorn's own lets each wait until the keep-alive time is over, so that every client with a connection pool
    delays the stop by more than a minute. Connections with a request in progress have until graceful_timeout.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: dict[greenlet, gevent.Timeout] = {}

    @contextmanager
    def timeout_ctx(self) -> Iterator[None]:  # type: ignore[override]  # the stubs lack its return type
        """Surround the wait for a connection's next request head."""
        connection = gevent.getcurrent()
        patience = self.cfg.keepalive if self.alive else LAST_REQUEST_DELAY
        with gevent.Timeout(patience, False) as timeout:  # type: ignore[arg-type]  # False: no exception
            self._waiting[connection] = timeout
            try:
                yield
            finally:
                del self._waiting[connection]

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        gevent.spawn_later(LAST_REQUEST_DELAY, self._close_waiting)

    def _close_waiting(self) -> None:
        # The timeout's own timer is replaced, not its greenlet killed: a request that arrives in the same moment
        # leaves timeout_ctx, which stops the timer.
        for connection, timeout in self._waiting.items():
            timeout.timer.close()
            timeout.timer = gevent.get_hub().loop.timer(0)
            timeout.timer.start(connection.throw, timeout)
