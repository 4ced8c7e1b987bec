"""Responses in the background: the client gets the id at once, and the exchange goes on without it.

Each has a thread of its own (a greenlet, under gevent), and is streamed from the upstream whatever the client wants, so
that it can be stopped at any time. A bounded number at once; what clients see of them is in the storage.

Source: OpenAI guide, "Background mode".
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic
from typing import TypeVar

import msgspec

from wsgi_gateway.client_watch import ClientGone, ClientWatch, NoWatch, StopSwitch
from wsgi_gateway.config.model import BackgroundRules
from wsgi_gateway.exchange.call import JSON_HEADERS, STREAM_HEADERS, Answer, Call, Progress
from wsgi_gateway.exchange.keepalive import COMMENT, Keepalive
from wsgi_gateway.exchange.translating import Prepared, Translator
from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import encode, read_body
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import Failed, Started
from wsgi_gateway.protocols.ids import new_id
from wsgi_gateway.protocols.table import PROTOCOLS
from wsgi_gateway.state import (
    Namespace,
    Runs,
    StoreDown,
    StoredResponse,
    Turn,
    behind,
    last_event,
    told,
)
from wsgi_gateway.state.runs import BEAT, TERMINAL
from wsgi_gateway.telemetry.in_flight import IN_FLIGHT, CountedBody, Flight
from wsgi_gateway.unfinished import UNFINISHED

_log = logging.getLogger(__name__)
T = TypeVar("T")

_PACE = 0.2
"""Seconds in which events are collected before they are logged together, and from one look at a log to the next."""
_LOOK_TWICE = 10
"""Looks at a log without news before it is asked whether anybody still works on the response."""
_MOST_LOGGED = 16 * 1024 * 1024
"""Bytes of one stream that are kept; behind them only its last event is."""
_TRIES = 60
_PAUSE = 1.0
"""Seconds from one try of a write to the next, while the storage is down."""


class Background:
    """One per gateway. ``keepalive`` is the gateway's; ``before`` that of the gateway whose place this one takes."""

    def __init__(
        self,
        translator: Translator,
        state_of: Callable[..., Namespace],
        keepalive: float | None,
        rules: BackgroundRules,
        before: "Background | None" = None,
    ) -> None:
        self._most = rules.max_running
        self._translator = translator
        self._state_of = state_of
        self._keepalive = keepalive
        self._all: _Running = before._all if before else _Running()
        self.running = self._all.runs
        """By the ids of the responses."""

    def start(self, call: Call) -> Answer:
        """Begin a response: it is stored, and the answer is its first state or its stream. Raises ApiError."""
        if call.fields.get("store") is False:
            raise ApiError("invalid_request", "background: needs store", param="background")
        if len(self.running) >= self._most:
            headers = {"retry-after": "5"}
            message = "too many responses are made in the background: try again later"
            raise ApiError("overloaded", message, headers=headers)
        switch = StopSwitch()
        request = msgspec.structs.replace(call.request, client=switch)
        fields = {**call.fields, "stream": True}
        # No client waits for it: it has all the time that the config gives.
        own = msgspec.structs.replace(call, request=request, fields=fields, progress=Progress())
        prepared = self._translator.prepare(own)
        prepared.conversation.reply_id = id_ = new_id("resp_")
        state = self._state_of(call.request.headers)
        run = _Run(own, prepared, self._translator, Runs(state), switch)
        response = run.begin(logs=call.streams)
        run.flight = IN_FLIGHT.enter("responses")
        self._all.add(run)
        if call.permit is not None:
            call.permit.is_handed_over = True
        if call.recording is not None:
            call.recording.is_handed_over = call.recording.record.background = True
        threading.Thread(target=self._work, args=(run,), daemon=True).start()
        if call.streams:
            followed = self.follow(state, id_, -1, call.request.client)
            return Answer(200, STREAM_HEADERS | own.headers, followed)
        return Answer(200, JSON_HEADERS | own.headers, encode({**response, "status": "queued"}))

    def stop(self, id_: str) -> None:
        """Let its upstream go, if it is worked on here; elsewhere they will find out."""
        self._all.stop(id_)

    def follow(
        self, state: Namespace, id_: str, after: int, client: ClientWatch | NoWatch
    ) -> CountedBody:
        """The events behind the number ``after``, those to come included, of a response whose events are logged.

        A body for ``client``, whose watch is closed with it.
        """
        return CountedBody(self._events(state, id_, after, client), client.close)

    def _events(
        self, state: Namespace, id_: str, after: int, client: ClientWatch | NoWatch
    ) -> Iterator[bytes]:
        runs = Runs(state)
        position, looks, told, begin = 0, 0, monotonic(), after
        try:
            while True:
                pieces = runs.logged(id_, position)
                position += len(pieces)
                data, after = behind(b"".join(pieces), after)
                if data:
                    yield data
                    told = monotonic()
                if pieces and TERMINAL.search(pieces[-1]):
                    if after > begin and not TERMINAL.search(data):
                        # Who ended it gave its last event a number that the worker had taken meanwhile.
                        yield from _end_of(runs.current(id_), after + 1)
                    return
                if pieces:
                    looks = 0
                    continue
                looks += 1
                if looks % _LOOK_TWICE == 0:
                    current = runs.current(id_)
                    if current is None:
                        return
                    if not current.is_open and looks > _LOOK_TWICE:
                        # Its end was kept, and the storage died before the event that tells it.
                        yield from _end_of(current, after + 1)
                        return
                client.wait(lambda: time.sleep(_PACE))
                if self._keepalive is not None and monotonic() - told >= self._keepalive:
                    yield COMMENT
                    told = monotonic()
        except ClientGone:
            return
        except StoreDown as error:
            yield PROTOCOLS["responses"].tap().failure(error)

    def _work(self, run: "_Run") -> None:
        try:
            with UNFINISHED:
                run.relay()
        except StoreDown as error:
            _log.warning("response %s is lost: state storage is unavailable", run.id)
            run.note(error)
        except Exception:  # noqa: BLE001 - the last guard: the response must have an end
            _log.exception("response %s failed in the background", run.id)
            with suppress(StoreDown):
                run.fail(ApiError("server", "the gateway failed on this response"))
        finally:
            with suppress(StoreDown):
                run.runs.delete_again(run.id)
            if run.permit is not None:
                run.permit.close()
            if run.flight is not None:
                run.flight.leave()
            if run.recording is not None:
                run.recording.finish()
            self._all.remove(run)


class _Running:
    """All that this worker works on. While there are any, it gives signs of life of them."""

    def __init__(self) -> None:
        self.runs: dict[str, _Run] = {}
        self._lock = threading.Lock()
        self._is_beating = False

    def add(self, run: "_Run") -> None:
        with self._lock:
            self.runs[run.id] = run
            if not self._is_beating:
                self._is_beating = True
                threading.Thread(target=self._beat, daemon=True).start()

    def remove(self, run: "_Run") -> None:
        with self._lock:
            del self.runs[run.id]

    def stop(self, id_: str) -> None:
        run = self.runs.get(id_)
        if run is not None:
            run.switch.stop()

    def _beat(self) -> None:
        """Tell of all that are worked on here, until there are none, and hear which of them others have ended."""
        while True:
            time.sleep(BEAT)
            with self._lock:
                running = list(self.runs.values())
                if not running:
                    self._is_beating = False
                    return
            by_client: dict[str, list[_Run]] = {}
            for run in running:
                by_client.setdefault(run.client, []).append(run)
            for runs in by_client.values():
                self._beat_for(runs)

    def _beat_for(self, running: "list[_Run]") -> None:
        """Of one client's."""
        runs = running[0].runs
        ids = [run.id for run in running]
        try:
            runs.beat(ids)
            for id_ in runs.ended(ids):
                self.stop(id_)
        except StoreDown:
            return


class _Run:
    """One response that is made."""

    def __init__(
        self,
        call: Call,
        prepared: Prepared,
        translator: Translator,
        runs: Runs,
        switch: StopSwitch,
    ) -> None:
        assert prepared.conversation.reply_id is not None and call.turn is not None
        self.id = prepared.conversation.reply_id
        self.client = runs.owner
        self.permit = call.permit
        self.recording = call.recording
        self.runs = runs
        self.switch = switch
        self.flight: Flight | None = None
        """It is in flight as long as it is made, whoever waits for it."""
        self._call = call
        self._turn: Turn = call.turn
        self._prepared = prepared
        self._translator = translator
        self._writer = translator.writer(call, prepared)
        self._log: _EventLog | None = None

    def begin(self, *, logs: bool) -> Json:
        """The response before there is any output, which is stored. Raises StoreDown."""
        data = self._writer.write([Started(id="", model="")])
        response: Json = read_body(sse.Decoder().feed(data)[0].data)["response"]
        self.runs.beat([self.id])
        self._turn.begin(told(response))
        if logs:
            self._log = _EventLog(self.runs, self.id)
            self._log.add(data)
        return response

    def relay(self) -> None:
        """The exchange. It ends early where somebody else has ended the response."""
        try:
            stream = self._translator.stream(
                self._call, self._prepared, self._writer, self._complete, Keepalive(_PACE)
            )
        except ApiError as error:
            self.fail(error)
            return
        except ClientGone as gone:
            self.note(gone)
            return
        if self.recording is not None:
            self.recording.follow(stream)
        try:
            for data in stream:
                if b"event: response.failed\n" in data:
                    self._fail_as_told(data)
                self._tell(b"" if data is COMMENT else data)
        finally:
            stream.close()

    def fail(self, error: ApiError) -> None:
        """End it with an error."""
        self.note(error)
        data = self._writer.write([Failed(error)])
        self._fail_as_told(data)
        self._tell(data)

    def note(self, error: BaseException) -> None:
        """Tell whoever observes why it ended."""
        if self.recording is not None:
            self.recording.failed(error)

    def _fail_as_told(self, data: bytes) -> None:
        for event in sse.Decoder().feed(data):
            if event.event == "response.failed":
                self._end(read_body(event.data)["response"])

    def _complete(self, response: Json, data: bytes) -> bytes:
        """As ``relay.written`` wants it. Raises ClientGone if somebody else was faster."""
        if not self._end(response):
            raise ClientGone
        return data

    def _end(self, response: Json) -> bool:
        """Store the response as it has become, if it is still to be ended."""
        if not _patiently(lambda: self.runs.end(self.id)):
            return False
        try:
            _patiently(lambda: self._turn.keep(told(response)))
        except ApiError as error:
            _log.warning("response %s could not be kept whole: %s", self.id, error.message)
        return True

    def _tell(self, data: bytes) -> None:
        if self._log is not None:
            self._log.add(data)


class _EventLog:
    """Collects a stream's events and logs them together; the last one at once."""

    def __init__(self, runs: Runs, id_: str) -> None:
        self._runs = runs
        self._id = id_
        self._due: list[bytes] = []
        self._size = 0
        self._time = 0.0

    def add(self, data: bytes) -> None:
        last = TERMINAL.search(data)
        self._size += len(data)
        if self._size <= _MOST_LOGGED:
            self._due.append(data)
        elif last:
            self._due.append(data[last.start() :])
        if last or monotonic() - self._time >= _PACE:
            self._flush(is_last=last is not None)

    def _flush(self, *, is_last: bool) -> None:
        data = b"".join(self._due)
        if not data:
            return
        try:
            if is_last:
                _patiently(lambda: self._runs.log(self._id, data))
            else:
                self._runs.log(self._id, data)
        except StoreDown:
            return  # with the next ones, then
        self._due = []
        self._time = monotonic()


def _end_of(current: StoredResponse | None, number: int) -> Iterator[bytes]:
    """The event that tells how a response has ended, if it is still there."""
    if current is not None:
        yield last_event(read_body(bytes(current.response)), number)


def _patiently(work: Callable[[], T]) -> T:
    """What ``work`` gives, which is tried again while the storage is down. Raises StoreDown in the end."""
    for _ in range(_TRIES):
        try:
            return work()
        except StoreDown:
            time.sleep(_PAUSE)
    return work()
