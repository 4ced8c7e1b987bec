"""One client's WebSocket: its messages, one after the other, each a turn of the exchange that HTTP has too.

Theory of operation. One greenlet (the server's own for this request) runs the turns; a second one reads, so that pings
are answered and a client that leaves is noticed while a turn runs. Between them is the inbox.

Source: Open Responses 2026-04-24, "WebSocket Transport".
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from wsgi_gateway.exchange.call import Answer, Request
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.responses.socket_messages import (
    NO_LANE,
    Create,
    EventMessages,
    Lane,
    error_message,
    lane_of,
    message_of,
    previous_of,
    read_create,
    read_message,
)
from wsgi_gateway.state import ConnectionState
from wsgi_gateway.websocket.connection import Connection
from wsgi_gateway.websocket.inbox import Ending, Inbox
from wsgi_gateway.websocket.limits import SocketLimits
from wsgi_gateway.websocket.watch import SocketWatch

_log = logging.getLogger(__name__)

_LAST_WORDS = 3.0
"""Seconds that the client has to end the connection too."""

_GOING_AWAY, _POLICY_VIOLATION = 1001, 1008
"""RFC 6455, 7.4.1. At the first the SDKs connect again, if they are told to."""

Close = tuple[int, str]


class Session:
    """``generate`` and ``prepare`` answer a request: with the model's output, and without asking for any."""

    def __init__(
        self,
        connection: Connection,
        request: Request,
        generate: Callable[[Request], Answer],
        prepare: Callable[[Request], Answer],
        limits: SocketLimits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._request = request
        self._generate = generate
        self._prepare = prepare
        self._limits = limits
        self._clock = clock
        self._inbox = Inbox(limits.waiting, connection.message_size)
        self._watch = SocketWatch()
        self._state = ConnectionState()

    def run(self) -> None:
        """Serve the client until one side ends the connection, which is closed then."""
        reader = threading.Thread(target=self._read, name="websocket reader", daemon=True)
        reader.start()
        # What is said where the server itself cuts this short.
        close: Close = (_GOING_AWAY, "the gateway is stopping")
        try:
            close = self._serve()
        finally:
            self._state.close()
            self._connection.close(*close)
            try:
                reader.join(_LAST_WORDS)
            finally:
                self._connection.abort()
                reader.join()

    def drain(self) -> None:
        """End after the running turn."""
        self._inbox.end(Ending.DRAINING)

    def _serve(self) -> Close:
        """Why the connection ends."""
        until = self._clock() + self._limits.lifetime
        while True:
            left = until - self._clock()
            match self._inbox.get(min(left, self._limits.idle)):
                case bytes(message):
                    self._turn(message)
                case Ending.DRAINING:
                    return _GOING_AWAY, "the gateway is stopping"
                case Ending.LATE if left > self._limits.idle:
                    return _GOING_AWAY, "nothing was asked for too long"
                case Ending.LATE:
                    self._send_error(_limit_reached(self._limits.lifetime), NO_LANE)
                    return _GOING_AWAY, "the connection has reached its limit"
                case Ending.LEFT:
                    return 1000, ""

    def _read(self) -> None:
        with suppress(OSError):
            for message in self._connection.messages():
                if not self._inbox.put(message):
                    self._connection.close(_POLICY_VIOLATION, "too many messages at once")
                    break
        self._inbox.end(Ending.LEFT)
        self._watch.leave()
        with suppress(OSError):
            self._connection.await_end()

    def _turn(self, message: bytes) -> None:
        lane, previous = NO_LANE, None
        try:
            fields = read_message(message)
            previous = previous_of(fields)
            lane = lane_of(fields)
            failed = self._run(read_create(fields), lane)
        except ApiError as error:
            self._send_error(error, lane)
            failed = True
        except OSError:
            self._inbox.end(Ending.LEFT)
            return
        if failed and previous is not None:
            self._state.forget(previous)

    def _run(self, create: Create, lane: Lane) -> bool:
        """Whether the turn failed. Raises OSError where the client is gone."""
        request = Request(
            body=create.body,
            headers=self._request.headers,
            query=self._request.query,
            client=self._watch,
            connection=self._state,
            peer=self._request.peer,
        )
        answer = self._generate(request) if create.generate else self._prepare(request)
        if isinstance(answer.body, bytes):
            message = error_message(answer.status, answer.body, answer.headers, lane)
            try:
                self._connection.send([message])
            finally:
                if answer.on_told is not None:
                    answer.on_told()
            return True
        events = EventMessages(lane, answer.headers)
        self._tell(answer.body, events)
        self._connection.send(events.finish())
        return events.failed

    def _tell(self, stream: Iterable[bytes], events: EventMessages) -> None:
        """Raises OSError where the client is gone."""
        close = getattr(stream, "close", None)
        try:
            for piece in stream:
                if messages := events.feed(piece):
                    self._connection.send(messages)
                elif piece:
                    self._connection.ping()
        except OSError:
            raise
        except Exception:  # noqa: BLE001 - the last guard: the client is told that the end is missing
            _log.exception("a response on a WebSocket failed inside the gateway")
        finally:
            if close is not None:
                close()

    def _send_error(self, error: ApiError, lane: Lane) -> None:
        with suppress(OSError):
            self._connection.send([message_of(error, lane)])


def headers_of(given: Mapping[str, str]) -> dict[str, str]:
    """What the handshake's headers, by names in lower case, say of every turn: all but what is true of one request."""
    return {name: value for name, value in given.items() if name != "idempotency-key"}


def _limit_reached(seconds: float) -> ApiError:
    return ApiError(
        "invalid_request",
        f"Responses websocket connection limit reached ({seconds / 60:.0f} minutes). "
        "Create a new websocket connection to continue.",
        code="websocket_connection_limit_reached",
    )
