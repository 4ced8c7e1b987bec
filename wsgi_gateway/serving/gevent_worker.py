"""gunicorn's gevent worker, but quick to answer, quick to stop, and able to go on with another config.

Here: which requests go to the fast lane, a worker's life, and what happens to idle keep-alive connections at its end.
Not here: settings (gunicorn_conf.py), the lane itself (fast_lane.py), how work under way is ended (drain.py).
"""

import errno
import gc
import select
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from time import monotonic
from types import FrameType
from typing import Any

import gevent
from gevent import monkey
from gevent.event import Event
from gevent.pool import Pool
from greenlet import greenlet
from gunicorn import http, util
from gunicorn.http.errors import ConfigurationProblem, NoMoreData, ParseException
from gunicorn.sock import ssl_context
from gunicorn.workers.ggevent import GeventWorker

from wsgi_gateway.readiness import READINESS
from wsgi_gateway.serving.drain import drain
from wsgi_gateway.serving.fast_lane import FastLane, Served, part
from wsgi_gateway.serving.freed_memory import keep_freed_memory
from wsgi_gateway.serving.listener import Listener, close_all, refuse_openings
from wsgi_gateway.serving.live_config import LIVE_CONFIG, BadConfig
from wsgi_gateway.serving.refused_heads import flaw
from wsgi_gateway.sockets import keep_unsent_short
from wsgi_gateway.websocket.open_sockets import OPEN_SOCKETS

LAST_REQUEST_DELAY = 1.5
"""Seconds that an idle connection stays open after SIGTERM, for a request that is already on its way."""


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

_MANY = 10_000
"""New objects after which the collector looks for cycles: a long history makes as many at once, and none are in it."""

_REST, _LARGEST_REST = 0.2, 1024 * 1024
"""Seconds, and bytes, for what is left of a request's body once it is answered: then the connection is closed."""

_poll = monkey.get_original("select", "poll")
"""gevent's own would wait, which the event loop cannot."""

_LEFT = (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.EBADF)


def _has_news(client: socket.socket) -> bool:
    """Whether there is anything to read."""
    poll = _poll()
    poll.register(client.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _is_read(request: Any, client: socket.socket) -> bool:
    """Whether all of its body was. To close the connection before would reset it: its answer may be lost by that."""
    client.settimeout(_REST)
    try:
        return not request.body.read(1)
    except Exception:  # noqa: BLE001 - it does not come in time, is none, or its client is gone
        return False


class _Address:
    """What requests are told of their listener, which is closed before the last of them have come."""

    def __init__(self, sock: socket.socket) -> None:
        self._name = sock.getsockname()

    def getsockname(self) -> Any:
        return self._name


class Worker(GeventWorker):
    """A gevent worker with a fast lane, which closes connections without a request after SIGTERM.

    gunicorn's own lets each wait until the keep-alive time is over, so that every client with a connection pool
    delays the stop by more than a minute. Requests in progress have until shortly before graceful_timeout.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: dict[greenlet, tuple[gevent.Timeout, socket.socket | None]] = {}
        self._end = Event()
        self._says_close = False
        self._tls: ssl.SSLContext | None = None
        settings = [self.cfg.settings[name] for name in _WATCHED_SETTINGS]
        self._has_lane = all(setting.get() == setting.default for setting in settings)

    def run(self) -> None:
        # What was loaded stays for ever: full collections need not look through it.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_MANY, *gc.get_threshold()[1:])
        keep_freed_memory()
        self._tls = ssl_context(self.cfg) if self.cfg.is_ssl else None
        pools = [Pool(self.worker_connections) for _ in self.sockets]
        listeners = [self._listener(*each) for each in zip(self.sockets, pools, strict=True)]
        while self.alive:
            self.notify()
            self._end.wait(1.0)
        if self.cfg.reuse_port:
            for listener in listeners:
                refuse_openings(listener.socket)
        close_all(listeners, is_last=self.cfg.reuse_port or READINESS.is_over)
        if not drain(pools, self.cfg.graceful_timeout, self.notify):
            self.log.warning("Worker graceful timeout (pid:%s)", self.pid)

    def _listener(self, sock: Any, pool: Pool) -> Listener:
        """As gunicorn's own worker has it."""
        sock.setblocking(True)
        keep_unsent_short(sock)
        handle = partial(self._handle_within, pool, _Address(sock))
        listener = Listener(sock, handle=handle, spawn=pool)
        if self.cfg.workers > 1:
            listener.max_accept = 1
        listener.start()
        return listener

    def _handle_within(self, pool: Pool, listener: Any, client: Any, addr: Any) -> None:
        """Serve one connection. If it is the last that may be, who has waited longest for a request gives way."""
        if pool.free_count() == 0 and self._waiting:
            oldest = next(iter(self._waiting))
            gevent.get_hub().loop.run_callback(self._close_if_silent, oldest)
        if self._tls is not None:
            client = self._secured(client, self._tls)
        if client is not None:
            self.handle(listener, client, addr)

    def _secured(self, client: Any, tls: ssl.SSLContext) -> Any:
        """``client`` once its handshake is over; None, and closed, if it comes to nothing.

        gevent's own server waits for a handshake for ever, and writes a traceback of each that fails, which a
        balancer's look at the port is enough for.
        """
        is_secured = False
        try:
            client = tls.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
            with self.timeout_ctx(client):
                client.do_handshake()
                is_secured = True
        except OSError as error:
            self.log.debug("No TLS connection: %s", error)
        finally:
            if not is_secured:
                util.close(client)
        return client if is_secured else None

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve one connection."""
        if not self._has_lane or not isinstance(self.wsgi, Served):
            super().handle(listener, client, addr)
            return
        client.setblocking(True)
        try:
            peer = addr[0] if isinstance(addr, tuple) else ""
            lane = FastLane(client, self.wsgi, peer)
            self._serve(listener, client, addr, lane)
        except (NoMoreData, StopIteration, TimeoutError, gevent.GreenletExit, SystemExit):
            # The last two cut what runs when the worker must end: nothing may be said into half a reply.
            # TimeoutError: the client took nothing of its reply for too long.
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
            with self.timeout_ctx(client):
                has_head = lane.read()
            if not has_head:
                return
            head = lane.next_head()
            if head is not None:
                self._count()
                if not lane.serve(head, is_last=self._says_close):
                    return
                continue
            request = self._left(parser, lane, client)
            if request is None:
                return
            self.handle_request(listener.getsockname(), request, client, addr)
            if not parser.finish_body(monotonic() + _REST, _LARGEST_REST):  # type: ignore[func-returns-value]  # newer than its stubs
                part(client)
                return
            lane.put_back(parser.unreader.take_buffered())

    def _left(self, parser: http.RequestParser, lane: FastLane, client: socket.socket) -> Any:
        """The request that the lane left to gunicorn; None if there is none to be served."""
        data = lane.take()
        parser.unreader.unread(data)
        try:
            with self.timeout_ctx(client):
                return next(parser)
        except ConfigurationProblem:
            raise
        except ParseException as error:
            lane.refuse(data, flaw(error))
        return None

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> bool:
        if self._says_close:
            req.force_close()
        try:
            return super().handle_request(listener_name, req, sock, addr)
        except TimeoutError:
            # The client took nothing of its reply for too long.
            raise StopIteration from None
        except StopIteration:
            if not _is_read(req, sock):
                part(sock)
            raise
        finally:
            sock.settimeout(None)
            if not self.alive and not self._end.is_set():
                # It was the last of max_requests, which gunicorn counts itself.
                self._begin_to_end()

    def _count(self) -> None:
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self._begin_to_end()

    @contextmanager
    def timeout_ctx(self, client: socket.socket | None = None) -> Iterator[None]:  # type: ignore[override]  # the stubs lack its return type
        """Surround the wait for a connection's next request head."""
        connection = gevent.getcurrent()
        patience = self.cfg.keepalive if self.alive else LAST_REQUEST_DELAY
        with gevent.Timeout(patience, False) as timeout:  # type: ignore[arg-type]  # False: no exception
            self._waiting[connection] = timeout, client
            try:
                yield
            finally:
                del self._waiting[connection]

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """A connection that is cut at the end of the worker has nothing wrong with it, and is told nothing more."""
        if not isinstance(exc, gevent.GreenletExit):
            super().handle_error(req, client, addr, exc)

    def notify(self) -> None:
        """Called every second at least, also while the running requests come to their end."""
        super().notify()
        if not self.alive:
            OPEN_SOCKETS.drain()
        # Also while the gateway still accepts: balancers keep connections for long.
        self._says_close = not self.alive or READINESS.is_over
        self._reload()

    def _reload(self) -> None:
        """Serve by the newest config, if that is another than before and can be served."""
        try:
            config = LIVE_CONFIG.newer()
            if config is not None and isinstance(self.wsgi, Served):
                self._renew_certificate()
                self.wsgi.reload(config)
        except BadConfig as bad:
            self.log.error("The config of before stays: %s", bad)
        except Exception:
            self.log.exception("The config of before stays")

    def _renew_certificate(self) -> None:
        """Show it to new connections as its files are now, if these can be used."""
        try:
            self._tls = ssl_context(self.cfg) if self.cfg.is_ssl else None
        except Exception as error:  # noqa: BLE001 - also what a hook of gunicorn's `ssl_context` raises
            self.log.error("The certificate of before stays: %s: %s", self.cfg.certfile, error)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._begin_to_end()

    def _begin_to_end(self) -> None:
        self.alive = False
        self._says_close = True
        self._end.set()
        gevent.spawn_later(LAST_REQUEST_DELAY, self._close_waiting)

    def _close_waiting(self) -> None:
        loop = gevent.get_hub().loop
        for connection in list(self._waiting):
            loop.run_callback(self._close_if_silent, connection)

    def _close_if_silent(self, connection: greenlet) -> None:
        """Called by the event loop. A request that has arrived meanwhile is still served."""
        timeout, client = self._waiting.get(connection, (None, None))
        if timeout is None:
            return
        if client is not None and _has_news(client):
            run = gevent.get_hub().loop.run_callback
            gevent.spawn_later(LAST_REQUEST_DELAY, run, self._close_if_silent, connection)
        else:
            connection.throw(timeout)
