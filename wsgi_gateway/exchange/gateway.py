"""One request from admission to the last byte: the pipeline, readable top to bottom.

Knows nothing of Flask: a view hands over the client's API, body and headers and gets an Answer. What is said on the
wire is decided in ``protocols``, where it goes in ``routing``; how it gets there is ``upstream``'s job.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from urllib.parse import quote

import msgspec

from wsgi_gateway.access import Permit, open_admission, open_gate
from wsgi_gateway.config import Config
from wsgi_gateway.exchange import metering, relay
from wsgi_gateway.exchange.attempts import Attempts
from wsgi_gateway.exchange.background import Background
from wsgi_gateway.exchange.call import JSON_HEADERS, STREAM_HEADERS, Answer, Call, Request
from wsgi_gateway.exchange.early_stream import EarlyStream, Pending, can_begin_early
from wsgi_gateway.exchange.keepalive import keepalive_of
from wsgi_gateway.exchange.keeping import Keeping
from wsgi_gateway.exchange.kept import Kept
from wsgi_gateway.exchange.last_guard import guarded
from wsgi_gateway.exchange.race import can_race
from wsgi_gateway.exchange.recording import Recording
from wsgi_gateway.exchange.refusals import failed_stream, full_body, refusal_verbatim
from wsgi_gateway.exchange.translating import Translator
from wsgi_gateway.protocols import seal
from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import encode, read_body
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages.model_echo import rename_reply, renaming
from wsgi_gateway.protocols.messages.native_request import without_unfounded_thinking
from wsgi_gateway.protocols.model_name import with_model
from wsgi_gateway.protocols.reply import fold
from wsgi_gateway.protocols.request_body import read_request
from wsgi_gateway.protocols.responses.compaction import with_compactions_open
from wsgi_gateway.protocols.table import PROTOCOLS, Protocol
from wsgi_gateway.routing import ModelTable, choose_api
from wsgi_gateway.state import (
    Namespace,
    StoreDown,
    Turn,
    names_stored,
    open_store,
    tenant_of,
)
from wsgi_gateway.telemetry.in_flight import IN_FLIGHT, Flight
from wsgi_gateway.telemetry.observers import Observers
from wsgi_gateway.telemetry.record import Method, Observer
from wsgi_gateway.upstream import (
    UpstreamClient,
    UpstreamReply,
    is_step,
    path_step,
    redacted,
    reply_headers,
    request_headers,
    waits_of,
)

_log = logging.getLogger(__name__)
_SEAL_MARK = seal.PREFIX.encode()


class Gateway:
    """Everything that requests share: the routing table, the upstream connections, stored responses.

    ``keepalive``: seconds after which a comment, or a ping, breaks a stream's silence; None for never. ``transport``
    is UpstreamClient's. ``observers`` get the record of each request at its end. Where it takes the place of a gateway
    ``before``, while that one ends what it has begun, it has its connections and what it keeps in memory.
    """

    def __init__(
        self,
        config: Config,
        keepalive: float | None = None,
        transport: str = "fast",
        observers: tuple[Observer, ...] = (),
        before: "Gateway | None" = None,
    ) -> None:
        self._observers = Observers.of(observers, config.cost)
        if config.cost.is_reckoned:
            # A quarter of a second of imports: now, and not at the end of the first reply.
            import wsgi_gateway.access.prices  # noqa: F401
        self.successor: Gateway | None = None
        old = before.kept if before else Kept()
        self.metrics = config.metrics
        self.models = ModelTable(config, old.models)
        self.providers = config.providers
        self.admission = open_admission(config, old.admission)
        self.overload = config.overload
        self.gate = old.gate_of(config.overload) or open_gate(config.overload)
        self._attempts = Attempts(config.retries, can_race=can_race())
        if any(group.hedge for group in config.groups.values()) and not can_race():
            _log.warning("hedge is off: it needs gunicorn's gevent worker")
        self._upstreams = old.upstreams or UpstreamClient(transport=transport)
        self._upstreams.forget_others({each.tls for each in config.providers})
        self._store = old.store_of(config.state_storage) or open_store(config.state_storage)
        self._stores_passed = config.state_storage.passthrough
        self._asks_unknown = config.asks_unknown
        self.unknown_ids = config.state_storage.unknown_ids
        self.translator = Translator(self.send, self.state_for, old.translator)
        self.background = Background(
            self.translator, self.state_of, keepalive, config.background, old.background
        )
        self.kept: Kept = Kept(
            models=self.models,
            admission=self.admission or old.admission,
            overload=config.overload,
            gate=self.gate,
            upstreams=self._upstreams,
            storage=config.state_storage,
            store=self._store,
            translator=self.translator,
            background=self.background,
        )
        self.keepalive = keepalive
        wants_early = config.keepalive.before_first_event and keepalive is not None
        self._begins_early = wants_early and can_begin_early()
        self._keepalives = {api: keepalive_of(api, keepalive) for api in PROTOCOLS}

    def newest(self) -> "Gateway":
        """The gateway that has taken this one's place, if one has: for whoever is here longer than a request."""
        gateway = self
        while gateway.successor is not None:
            gateway = gateway.successor
        return gateway

    def answer(self, api: str, request: Request) -> Answer:
        """Answer one POST of ``api``. Never raises: errors come as the client's API writes them."""
        return self.serve(api, request, self._exchange)

    def serve(
        self,
        api: str,
        request: Request,
        handle: Callable[[Call], Answer],
        method: Method = "reply",
    ) -> Answer:
        """What ``handle`` makes of a routed request. Never raises; the headers name who was asked."""
        recording = self._recording(api, method, request)
        with IN_FLIGHT.enter(api) as flight:
            answer = self._serve(PROTOCOLS[api], request, handle, flight, recording)
            if not isinstance(answer.body, bytes):
                answer.body = flight.until_closed(answer.body)
        return answer if recording is None else recording.accompanied(answer)

    def aside(
        self, method: Method, request: Request, work: Callable[[], Answer], api: str = "responses"
    ) -> Answer:
        """What ``work`` makes of a client's question that goes to no model. Never raises."""
        recording = self._recording(api, method, request)
        if recording is None:
            return guarded(PROTOCOLS[api], request, {}, work)
        if self.admission is not None:
            with suppress(ApiError):  # Who has no key is told so by whoever needs one.
                recording.identified(self.admission.identify(request.headers))
        answer = guarded(PROTOCOLS[api], request, {}, recording.watching(work))
        recording.follow(answer.body)
        return recording.accompanied(answer)

    def _recording(self, api: str, method: Method, request: Request) -> Recording | None:
        observers = self._observers
        return None if observers is None else Recording(observers, api, method, request)

    def refuse(
        self,
        api: str,
        error: ApiError,
        headers: Mapping[str, str],
        peer: str,
        method: Method = "reply",
    ) -> Answer:
        """What a request of ``api`` gets that is refused before its body is read."""

        def refuse() -> Answer:
            raise error

        return self.aside(method, Request(body=b"", headers=headers, peer=peer), refuse, api)

    def _serve(
        self,
        client: Protocol,
        request: Request,
        handle: Callable[[Call], Answer],
        flight: Flight,
        recording: Recording | None,
    ) -> Answer:
        own_headers: dict[str, str] = {}
        permit: Permit | None = None

        def work() -> Answer:
            nonlocal permit
            caller = self.admission.identify(request.headers) if self.admission else None
            if recording is not None:
                recording.identified(caller)
            call = self._route(client, request, recording)
            if call.streams:
                flight.mark_stream()
            if recording is not None:
                recording.routed(call)
            try:
                if self.admission is not None:
                    permit = call.permit = self.admission.admit(
                        caller, client.name, request.headers, call.asked, call.provider, call.model
                    )
                asked = handle if recording is None else recording.attempting(handle)
                answer = self._first_answer(call, asked)
            except BaseException as error:
                own_headers.update(call.who_answered())
                if isinstance(error, ApiError):
                    error.headers = call.headers | error.headers
                raise
            if not isinstance(answer.body, EarlyStream):
                own_headers.update(call.who_answered())
                request.body = b""  # Nothing is sent again.
            return answer

        watched = work if recording is None else recording.watching(work)
        answer = guarded(client, request, own_headers, watched)
        if recording is not None:
            recording.follow(answer.body)
        return answer if permit is None else metering.accompanied(answer, permit)

    def _first_answer(self, call: Call, handle: Callable[[Call], Answer]) -> Answer:
        """That of the first deployment that has one; a stream's may begin with keepalives, if that is configured."""
        if not (self._begins_early and call.streams):
            return self._attempts.answer(call, handle)
        keepalive = self._keepalives[call.client.name]
        pending = Pending(partial(self._attempts.answer, call, handle))
        if pending.wait(keepalive.seconds):
            return pending.result()
        stream = EarlyStream(
            pending,
            keepalive,
            lambda: call.who_answered() | call.headers,
            partial(failed_stream, call),
            call.request.client,
        )
        return Answer(200, STREAM_HEADERS, stream)

    def _exchange(self, call: Call) -> Answer:
        if call.same_api:
            return self._pass_through(call)
        if call.client.name == "responses" and call.fields.get("background") is True:
            return self.background.start(call)
        return self.translator.exchange(call, self._keepalives[call.client.name])

    def _route(self, client: Protocol, request: Request, recording: Recording | None) -> Call:
        fields = read_request(request.body, client.history)
        name = fields.get("model")
        if name is not None and not isinstance(name, str):
            raise ApiError("invalid_request", "model: must be a string", param="model")
        if recording is not None:
            recording.record.asked = name
        route = self.models.resolve(name)
        upstream = PROTOCOLS[choose_api(route.provider, client.name)]
        return Call(
            request=request,
            client=client,
            upstream=upstream,
            provider=route.provider,
            model=route.model,
            fields=fields,
            pool=route.pool,
        )

    def _pass_through(self, call: Call) -> Answer:
        """Both sides speak one API: the body goes on as it came, but for the model's name."""
        call, keeping = self.with_state(call)
        body = metering.request_body(call, passed_body(call, keeping.loss if keeping else None))
        reply = self.send(call, body)
        with relay.closing_on_error(reply):
            if not reply.is_success:
                content = reply.read()
                reply.close()
                raise refusal_verbatim(call, reply.status, content)
            metering.begin(call, len(body))
            if call.streams and reply.is_event_stream:
                tap = metering.tap_of(call)
                change = keeping.passed_stream(tap) if keeping else None
                if call.alias:
                    change = renaming(call.alias)
                keepalive = self._keepalives[call.client.name]
                stream = relay.passed(reply, tap, call.client, call.provider, change, keepalive)
                return Answer(200, STREAM_HEADERS | call.headers, stream)
            content = reply.read()
            reply.close()
            full = full_body(call, content)
            metering.hear_full(call, full, len(content))
            if call.streams:
                return self._stream_of_full_reply(call, full, keeping)
            if call.alias:
                content = rename_reply(content, call.alias)
            if keeping:
                content = keeping.passed(content)
                call.warn(keeping.loss)
            return Answer(reply.status, JSON_HEADERS | call.headers, content)

    def with_state(self, call: Call) -> tuple[Call, Keeping | None]:
        """``call`` with what the gateway knows of its past, and the upstream does not, put into its body.

        The other is None if there is nothing to be kept.
        """
        request = call.request
        if call.client.name != "responses":
            return call, None
        asks_unknown = self._asks_unknown or call.provider.passthrough_auth
        if call.is_alone and (asks_unknown or not names_stored(call.body)):
            return call, None
        call.turn = Turn(call.body, self.state_for(request), stores=self._stores_passed)
        keeping = call.keeping(Loss(call.client.name))
        try:
            body = call.turn.passed(call.provider.name, keeping.loss, asks_unknown=asks_unknown)
        except StoreDown:
            if call.turn.names_own or not asks_unknown:
                raise
            body = None
        if body is not None:
            call.warn(keeping.loss)
            request = msgspec.structs.replace(request, body=encode(body))
            call = msgspec.structs.replace(call, request=request, fields=body)
        return call, keeping

    def _stream_of_full_reply(self, call: Call, full: Json, keeping: Keeping | None) -> Answer:
        """The upstream ignored ``stream``: its full reply is told as a stream, once it is known to be whole."""
        try:
            fold(call.upstream.read_reply(full, call.translation(Loss(call.client.name))))
        except ApiError as error:
            raise redacted(error, call.provider) from None
        if call.alias:
            full["model"] = call.alias
        if keeping:
            full = read_body(keeping.passed(encode(full)))
        stream = call.client.stream_full(full, call.body)
        call.request.client.close()
        return Answer(200, STREAM_HEADERS | call.headers, [stream])

    def state_of(self, headers: Mapping[str, str]) -> Namespace:
        """What is kept for the client that sends these headers."""
        tenant = self.admission.tenant_of(headers) if self.admission else None
        return self._store.within(tenant_of(headers) if tenant is None else tenant)

    def state_for(self, request: Request) -> Namespace:
        """What is kept for the client of a request, and on its connection."""
        state = self.state_of(request.headers)
        return state if request.connection is None else request.connection.over(state)

    def send(
        self, call: Call, body: bytes, tail: str = "", *, method: str = "POST", query: str = ""
    ) -> UpstreamReply:
        """Ask the upstream's endpoint, or the one whose path has ``tail`` behind that. Raises ApiError."""
        api = call.upstream.name
        url = call.provider.endpoints[api]
        if "{model}" in url:
            if not is_step(call.model):
                raise ApiError("model_not_found", "the model's name is none", param="model")
            url = url.replace("{model}", path_step(call.model))
        path, _, fixed = url.partition("?")
        if call.same_api and "beta" in call.request.query:
            query += f"&beta={quote(call.request.query['beta'])}"
        query = f"{fixed}&{query}".strip("&")
        url = f"{path}{tail}?{query}" if query else path + tail
        given = call.request.headers
        if self.admission is not None and call.provider.passthrough_auth:
            given = self.admission.without_keys(given)
        headers = request_headers(call.provider, api, given, same_api=call.same_api)
        progress = call.progress
        waits = waits_of(
            call.provider.timeouts,
            streams=call.streams,
            started=progress.started,
            deadline=progress.deadline,
        )
        progress.was_sent = True
        recording = call.recording
        if recording is not None:
            recording.asks(headers)
        reply = self._upstreams.send(
            method,
            url,
            headers,
            body,
            call.request.client,
            waits,
            call.provider.tls,
            self.overload.max_reply_size,
        )
        if recording is not None:
            recording.hears(reply)
        call.headers |= reply_headers(reply.headers, call.client.name)
        return reply


def passed_body(call: Call, loss: Loss | None = None) -> bytes:
    """The client's bytes, with the upstream's name for the model, and without what only we can read."""
    raw = call.request.body
    if _SEAL_MARK in raw:
        said = with_compactions_open(call.body) if call.client.name == "responses" else call.body
        kept = seal.without_sealed(said)
        if kept != said:
            loss = loss or Loss(call.client.name)
            loss.dropped("reasoning history", "made by another provider, which alone can read it")
            if call.client.name == "messages":
                kept = without_unfounded_thinking(kept, loss)
            if call.provider.on_loss == "reject":
                loss.insist_on_exact()
            call.warn(loss)
        if kept != call.body:
            raw = encode(kept)
    return raw if call.asked == call.model else with_model(raw, call.model)
