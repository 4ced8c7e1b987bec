"""Fills the record of one request as the exchange goes, and hands it over when the client has all that it gets.

Here: which moment of an exchange tells what. Not here: the record (telemetry/record.py), and what is made of it. There
is a Recording only where somebody observes; without, none of this is called.
"""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from functools import lru_cache
from time import monotonic, time
from typing import Protocol

from gevent import GreenletExit
from msgspec.structs import replace

from wsgi_gateway.access.caller import Caller
from wsgi_gateway.access.credentials import keys_in
from wsgi_gateway.client_watch import ClientGone
from wsgi_gateway.config import Secret
from wsgi_gateway.exchange import pricing
from wsgi_gateway.exchange.call import Answer, Call, Request
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import Event, Started, Usage, UsageReported
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.routing import failure_of
from wsgi_gateway.telemetry.in_flight import CountedBody
from wsgi_gateway.telemetry.observers import Observers
from wsgi_gateway.telemetry.record import Attempt, Ending, Method, Observer, Record, Said
from wsgi_gateway.telemetry.trace_context import new_span_id
from wsgi_gateway.upstream import UpstreamReply

_log = logging.getLogger(__name__)
_CUT = (GreenletExit, SystemExit, KeyboardInterrupt)


class Ear(Protocol):
    """What hears a stream: its usage and its model, as far as they were told."""

    usage: Usage | None
    model: str | None


class Recording:
    """One request's. ``finish`` has to be called in the end; it works once."""

    def __init__(self, observers: Observers, api: str, method: Method, request: Request) -> None:
        headers = request.headers
        traceparent, tracestate = headers.get("traceparent"), headers.get("tracestate")
        self.record = record = Record(
            api=api,
            method=method,
            time=time(),
            started=monotonic(),
            traceparent=traceparent,
            tracestate=tracestate,
            client_address=request.peer,
            forwarded_for=headers.get("x-forwarded-for"),
            websocket=request.connection is not None,
        )
        if observers.begin_trace is not None:
            record.trace = observers.begin_trace(traceparent, tracestate)
        if observers.body_limit:
            record.said = _said(request, observers.body_limit)
        self.is_handed_over = False
        """Whether somebody else than who answers the client ends it: the work goes on behind the answer."""
        self._observers = observers.all
        self._is_over = False
        cost = observers.cost
        self._knows_cost = cost.is_reckoned
        self._tells_cost = cost.is_reckoned and (
            cost.is_always_told or pricing.is_asked_for(headers.get(pricing.HEADER))
        )
        self._attempt: Attempt | None = None
        self._waits_since: float | None = None
        self._reply: UpstreamReply | None = None
        self._ear: Ear | None = None
        self._loss: Loss | None = None
        self._body: object = None

    def identified(self, caller: Caller | None) -> None:
        """Whose request it is, where there are keys."""
        if caller is not None:
            self.record.client_id, self.record.key_prefix = caller.id, caller.key_prefix

    def routed(self, call: Call) -> None:
        """What is asked of whom."""
        self.record.streams = call.streams
        call.recording = self
        self._aimed(call)

    def watching(self, work: Callable[[], Answer]) -> Callable[[], Answer]:
        """``work``, whose end is noted whatever it is."""

        def watched() -> Answer:
            try:
                return work()
            except BaseException as error:
                self.failed(error)
                raise

        return watched

    def attempting(self, handle: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
        """``handle``, each call of which is an attempt."""

        def attempt(call: Call) -> Answer:
            return (call.recording or self)._attempted(call, handle)

        return attempt

    def _attempted(self, call: Call, handle: Callable[[Call], Answer]) -> Answer:
        attempt = self._begin(call)
        try:
            answer = handle(call)
        except ApiError as error:
            self._waits_for(monotonic())
            attempt.failure = failure_of(error, was_sent=attempt.sent is not None)
            attempt.ended = self._waits_since = monotonic()
            raise
        except ClientGone:
            attempt.ended = monotonic()
            raise
        if not self.is_handed_over:
            self._settle()
        self.record.begun = monotonic()
        return answer

    def beside(self) -> "Recording":
        """Of one of several attempts at once: it knows of the others, and hears nothing of theirs."""
        branch = copy(self)
        branch.record = replace(self.record, earlier=[*self.record.earlier])
        under_way = [each.began for each in self.record.attempts if each.ended is None]
        if under_way and self._waits_since is None:
            branch._waits_since = under_way[0]
        return branch

    def take_over(self, branch: "Recording") -> None:
        """Of those attempts it is the one that counts."""
        self.record = branch.record
        self._attempt, self._waits_since = branch._attempt, branch._waits_since
        self._reply, self._ear, self._loss = branch._reply, branch._ear, branch._loss

    def _begin(self, call: Call) -> Attempt:
        now = monotonic()
        self._waits_for(now)
        self._aimed(call)
        record = self.record
        attempt = self._attempt = Attempt(
            provider=record.provider or "",
            kind=record.kind or "",
            model=call.model,
            api=record.upstream_api or "",
            began=now,
            span_id=None if record.trace is None else new_span_id(),
        )
        record.attempts.append(attempt)
        return attempt

    def _aimed(self, call: Call) -> None:
        record, provider = self.record, call.provider
        record.provider, record.kind = provider.name, provider.kind
        record.model, record.upstream_api = call.model, call.upstream.name

    def asks(self, headers: dict[str, str]) -> None:
        """A request with these headers is sent to the upstream; they get those of its trace."""
        trace = self.record.trace
        if trace is not None:
            span_id = None if self._attempt is None else self._attempt.span_id
            headers.pop("tracestate", None)
            headers |= trace.headers(span_id or trace.span_id)
        if self._reply is not None:
            self._settle()
        now = self._waits_since = monotonic()
        if self._attempt is not None and self._attempt.sent is None:
            self._attempt.sent = now

    def hears(self, reply: UpstreamReply) -> None:
        """The head of the upstream's reply came."""
        self._reply = reply
        if self._attempt is not None:
            self._attempt.answered, self._attempt.status = monotonic(), reply.status

    def _settle(self) -> None:
        """What is waited for has come."""
        reply, self._reply = self._reply, None
        begun = reply.begun_at if reply is not None else None
        if begun is not None and self._attempt is not None:
            self._attempt.begun = begun
        self._waits_for(begun or monotonic())

    def _waits_for(self, until: float) -> None:
        since, self._waits_since = self._waits_since, None
        if since is not None:
            self.record.waited += until - since

    def begins_reply(self) -> None:
        """The upstream has accepted the request. What was heard of a reply before this one counts no more."""
        self.record.usage = self._ear = None

    def ends_one(self) -> None:
        """The reply served another of the same request, which follows."""
        record = self.record
        self._listen()
        if record.usage is not None:
            record.earlier.append((record.kind or "", record.model or "", record.usage))
        record.usage = self._ear = None

    def told_by(self, ear: Ear) -> None:
        """Who knows usage and model at the end, of a stream."""
        self._ear = ear

    def told(self, usage: Usage | None, model: object) -> None:
        """A full reply that passes through says so."""
        self.record.usage = usage
        self.record.response_model = model if isinstance(model, str) else None

    def told_in(self, events: Iterable[Event]) -> None:
        """A full reply that is translated says it."""
        for event in events:
            match event:
                case Started():
                    self.record.response_model = event.model
                case UsageReported():
                    self.record.usage = event.usage

    def loses(self, loss: Loss) -> None:
        """What is lost on the way is noted there."""
        self._loss = loss

    def failed(self, error: BaseException) -> None:
        """The exchange ended with an error, which the client is told unless it is gone."""
        record = self.record
        match error:
            case ApiError():
                record.error, record.limit = error.kind, error.limit
            case RecursionError():
                record.error = "invalid_request"
            case ClientGone():
                record.ending = "client_gone"
                return
            case Exception():
                record.error = "server"
            case _:
                record.ending = "cut"
                self.finish()
                return
        was_asked = any(attempt.sent is not None for attempt in record.attempts)
        record.ending = "failed" if was_asked else "refused"

    def follow(self, body: object) -> None:
        """At the end ``body`` tells how it ended, if it can."""
        self._body = body

    def accompanied(self, answer: Answer) -> Answer:
        """What the client gets; the record is finished when it has it."""
        record = self.record
        record.id, record.status = answer.headers["x-gateway-request-id"], answer.status
        upstream_id = answer.headers["x-request-id"]
        record.upstream_id = upstream_id if upstream_id != record.id else None
        if record.begun is None:
            record.begun = monotonic()
            self._waits_for(record.begun)
        said = record.said
        if said is not None:
            if isinstance(answer.body, bytes):
                said.hear(answer.body)
            else:
                answer.body = _HeardBody(answer.body, said)
        if self.is_handed_over:
            return answer
        if isinstance(answer.body, bytes):
            if self._tells_cost and (cost := self._cost()) is not None:
                answer.headers[pricing.HEADER] = pricing.in_dollars(cost)
            answer.on_told = self.finish
            return answer
        body = pricing.PricedBody(answer.body, self._cost) if self._tells_cost else answer.body
        answer.body = CountedBody(body, self.finish)
        return answer

    def finish(self) -> None:
        """The client has all that it gets, or is gone."""
        if self._is_over:
            return
        self._is_over = True
        record = self.record
        if self._reply is not None:
            self._settle()
        record.ended = monotonic()
        self._note_end()
        self._listen()
        self._ear = None
        if self._loss is not None:
            record.approximated, record.dropped = self._loss.count()
        if self._knows_cost:
            record.cost = self._cost()
        for observer in self._observers:
            try:
                observer(record)
            except Exception:  # noqa: BLE001 - who looks on must not break what he looks at
                _note_broken(observer)

    def _note_end(self) -> None:
        record, body = self.record, self._body
        self._body = None
        ending: Ending | None = getattr(body, "ending", None)
        if ending is not None:
            record.ending, record.error = ending, getattr(body, "error", None)
        # What the server is about to raise: it could not send what there was, or may not.
        if (error := sys.exception()) is not None and record.ending in ("finished", "client_gone"):
            if isinstance(error, _CUT):
                record.ending = "cut"
            elif isinstance(error, OSError):
                record.ending = "client_gone"
        if record.background and record.ending == "client_gone":
            record.ending = "cancelled"
        if (last := self._attempt) is not None and last.ended is None:
            last.ended = record.ended
            if ending == "broke":
                last.failure = "broken stream"

    def _listen(self) -> None:
        if self._ear is not None:
            self.record.usage = self._ear.usage
            self.record.response_model = self._ear.model

    def _cost(self) -> int | None:
        """What was used so far; None where usage was not told, or nobody knows the price."""
        # Imported by whoever wants to know, when the gateway starts.
        from wsgi_gateway.access.prices import known_cost

        record = self.record
        self._listen()
        used = [*record.earlier]
        if record.usage is not None:
            used.append((record.kind or "", record.model or "", record.usage))
        costs = [known_cost(*each) for each in used]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if known and len(known) == len(costs) else None


class _HeardBody(CountedBody):
    """A stream, of which what the client gets is noted."""

    def __init__(self, body: Iterable[bytes], said: Said) -> None:
        super().__init__(body, lambda: None)
        self._said = said

    def __iter__(self) -> Iterator[bytes]:
        for data in self._body:
            self._said.hear(data)
            yield data


def _said(request: Request, limit: int) -> Said:
    keys = [Secret(key) for _, key in keys_in(request.headers)]
    return Said(limit, keys, request.body[:limit], len(request.body))


@lru_cache(64)
def _note_broken(observer: Observer) -> None:
    """Once for each."""
    _log.exception("%r failed on a request's record", observer)
