"""gunicorn's gevent worker, but quick to answer and quick to stop.

Here: which requests go to the fast lane, and what happens to idle keep-alive connections when a worker shuts down.
Not here: settings (gunicorn_conf.py), the lane itself (fast_lane.py).
"""

import errno
import gc
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import gevent
from greenlet import greenlet
from gunicorn import http, util
from gunicorn.http.errors import NoMoreData
from gunicorn.workers.ggevent import GeventWorker

from wsgi_gateway.fast_lane import FastLane

LAST_REQUEST_DELAY = 1.5
"""Seconds that an idle connection stays open after SIGTERM, for a request that is already on its way. More than
the second within which gunicorn's worker closes its listeners."""


_WATCHED_SETTINGS = (
    "accesslog",
    "certfile",
    "logger_class",
    "post_request",
    "pre_request",
    "proxy_protocol",
    "statsd_host",
)
"""Who changes one of these wants to hear of each request, or to read its connection: gunicorn does all then."""

_LEFT = (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.EBADF)


class Worker(GeventWorker):
    """A gevent worker with a fast lane, which closes connections without a request after SIGTERM.

    gunicorn's own lets each wait until the keep-alive time is over, so that every client with a connection pool
    delays the stop by more than a minute. Connections with a request in progress have until graceful_timeout.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: dict[greenlet, gevent.Timeout] = {}
        settings = [self.cfg.settings[name] for name in _WATCHED_SETTINGS]
        self._has_lane = all(setting.get() == setting.default for setting in settings)

    def run(self) -> None:
        # What was loaded stays for ever: full collections need not look through it.
        gc.collect()
        gc.freeze()
        super().run()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve one connection."""
        routes = getattr(self.wsgi, "routes", None)
        if not routes or not self._has_lane:
            super().handle(listener, client, addr)
            return
        client.setblocking(True)
        try:
            self._serve(listener, client, addr, FastLane(client, routes))
        except (NoMoreData, StopIteration, gevent.GreenletExit, SystemExit):
            # The last two cut what runs when the worker must end: nothing may be said into half a reply.
            pass
        except OSError as error:
            if error.errno not in _LEFT:
                self.log.exception("Socket error processing request.")
        except Exception as error:  # noqa: BLE001 - gunicorn tells the client what it makes of it
            self.handle_error(None, client, addr, error)
        finally:
            util.close(client)

    def _serve(self, listener: Any, client: socket.socket, addr: Any, lane: FastLane) -> None:
        """Requests for the lane are its own; gunicorn reads each other one, of the same connection."""
        parser = http.RequestParser(self.cfg, client, addr)
        while True:
            has_head = False
            with self.timeout_ctx():
                has_head = lane.read()
            if not has_head:
                return
            head = lane.next_head()
            if head is not None:
                self._count()
                if not lane.serve(head, is_last=not self.alive):
                    return
                continue
            parser.unreader.unread(lane.take())
            request = None
            with self.timeout_ctx():
                request = next(parser)
            if request is None:
                return
            self.handle_request(listener.getsockname(), request, client, addr)
            if not parser.finish_body():  # type: ignore[func-returns-value]  # newer than its stubs
                return
            lane.put_back(parser.unreader.take_buffered())

    def _count(self) -> None:
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False

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
