"""One request from admission to the last byte: the pipeline, readable top to bottom.

Knows nothing of Flask: a view hands over the client's API, body and headers and gets an Answer. What is said on the
wire is decided in ``protocols``, where it goes in ``routing``; how it gets there is ``upstream``'s job.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct, field

from wsgi_gateway import relay
from wsgi_gateway.client_stream import ClientWriter, StoppingReader
from wsgi_gateway.client_watch import ClientGone, ClientWatch, NoWatch
from wsgi_gateway.config import Config, Provider
from wsgi_gateway.protocols import seal, sse
from wsgi_gateway.protocols.capabilities import capabilities_of
from wsgi_gateway.protocols.conversation import Conversation, Json
from wsgi_gateway.protocols.decoding import encode, read_body
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import Event
from wsgi_gateway.protocols.header_value import header_value
from wsgi_gateway.protocols.ids import new_id
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages.model_echo import rename_reply
from wsgi_gateway.protocols.messages.native_request import without_unfounded_thinking
from wsgi_gateway.protocols.model_name import with_model
from wsgi_gateway.protocols.reply import fold
from wsgi_gateway.protocols.stop_sequences import StopCutter
from wsgi_gateway.protocols.table import PROTOCOLS, Protocol
from wsgi_gateway.protocols.translation import Translation
from wsgi_gateway.routing import ModelTable, choose_api
from wsgi_gateway.state import (
    Namespace,
    StoreDown,
    ThoughtCache,
    expand,
    open_store,
    remember,
    tenant_of,
)
from wsgi_gateway.upstream import (
    UpstreamClient,
    UpstreamReply,
    is_long_wait,
    redacted,
    reply_headers,
    request_headers,
    without_key,
)

_log = logging.getLogger(__name__)
MAX_BODY = 32 * 1024 * 1024
"""Bytes of a client's request, which whoever reads it has to keep to."""

_READ_TIMEOUT = 600.0
_CLIENT_CLOSED_REQUEST = 499
_SEAL_MARK = seal.PREFIX.encode()
_STREAM_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
}
JSON_HEADERS = {"content-type": "application/json"}


class Request(Struct, kw_only=True):
    """What a view hands over: the body's bytes, the headers, the query, and a watch on the client."""

    body: bytes
    headers: Mapping[str, str]
    query: Mapping[str, str] = {}
    client: ClientWatch | NoWatch = field(default_factory=NoWatch)


class Answer(Struct):
    """What the client gets. A stream's ``body`` yields bytes; its ``close`` closes the upstream too."""

    status: int
    headers: dict[str, str]
    body: bytes | Iterable[bytes]


class Call(Struct, kw_only=True):
    """One exchange under way: who speaks what to whom, and what to tell the client in headers."""

    request: Request
    client: Protocol
    upstream: Protocol
    provider: Provider
    model: str
    body: Json
    headers: dict[str, str] = field(default_factory=dict)
    state: Namespace | None = None

    @property
    def same_api(self) -> bool:
        return self.client is self.upstream

    @property
    def alias(self) -> str | None:
        """What a Messages client calls the model, where the upstream calls it otherwise."""
        asked = self.body.get("model")
        return asked if asked != self.model and self.client.name == "messages" else None

    @property
    def streams(self) -> bool:
        return self.body.get("stream") is True


class Gateway:
    """Everything that requests share: the routing table, the upstream connections, stored responses.

    ``keepalive``: seconds after which a comment breaks a stream's silence; None for never. ``transport`` is
    UpstreamClient's.
    """

    def __init__(
        self, config: Config, keepalive: float | None = None, transport: str = "fast"
    ) -> None:
        timeout = config.listeners[0].timeout if config.listeners else None
        self.models = ModelTable(config)
        self._upstreams = UpstreamClient(timeout or _READ_TIMEOUT, transport=transport)
        self._store = open_store(config.state_storage)
        self._thoughts = ThoughtCache()
        self._keepalive = keepalive

    def answer(self, api: str, request: Request) -> Answer:
        """Answer one POST of ``api``. Never raises: errors come as the client's API writes them."""
        return self.serve(api, request, self._exchange)

    def serve(self, api: str, request: Request, handle: Callable[[Call], Answer]) -> Answer:
        """What ``handle`` makes of a routed request. Never raises; the headers name who was asked."""
        client = PROTOCOLS[api]
        own_headers = {"x-gateway-request-id": new_id("req_")}
        call = None
        try:
            call = self._route(client, request)
            own_headers["x-gateway-provider"] = header_value(call.provider.name)
            own_headers["x-gateway-model"] = header_value(call.model)
            answer = handle(call)
        except ApiError as error:
            error.headers = (call.headers if call else {}) | error.headers
            answer = error_answer(client, error)
        except RecursionError:
            answer = error_answer(
                client, ApiError("invalid_request", "the body is nested too deeply")
            )
        except ClientGone:
            answer = Answer(_CLIENT_CLOSED_REQUEST, {}, b"")
        except Exception:  # noqa: BLE001 - the last guard: a client never sees a traceback
            _log.exception(
                "request %s failed inside the gateway", own_headers["x-gateway-request-id"]
            )
            answer = error_answer(client, ApiError("server", "the gateway failed on this request"))
        if isinstance(answer.body, bytes):
            request.client.close()
        answer.headers = _with_request_id(own_headers | answer.headers)
        return answer

    def _exchange(self, call: Call) -> Answer:
        return self._pass_through(call) if call.same_api else self._translate(call)

    def _route(self, client: Protocol, request: Request) -> Call:
        body = read_body(request.body)
        name = body.get("model")
        if name is not None and not isinstance(name, str):
            raise ApiError("invalid_request", "model: must be a string", param="model")
        route = self.models.resolve(name)
        upstream = PROTOCOLS[choose_api(route.provider, client.name)]
        return Call(
            request=request,
            client=client,
            upstream=upstream,
            provider=route.provider,
            model=route.model,
            body=body,
        )

    def _pass_through(self, call: Call) -> Answer:
        """Both sides speak one API: the body goes on as it came, but for the model's name."""
        reply = self.send(call, passed_body(call))
        with relay.closing_on_error(reply):
            if not reply.is_success:
                content = reply.read()
                reply.close()
                return refusal_verbatim(call, reply.status, content)
            if call.streams and reply.is_event_stream:
                stream = relay.passed(
                    reply,
                    call.client.tap(),
                    call.client,
                    call.provider,
                    call.alias,
                    self._keepalive,
                )
                return Answer(200, _STREAM_HEADERS | call.headers, stream)
            if call.streams:
                return self._stream_of_full_reply(call, reply)
            content = reply.read()
            reply.close()
            full_body(call, content)
            if call.alias:
                content = rename_reply(content, call.alias)
            return Answer(reply.status, JSON_HEADERS | call.headers, content)

    def _stream_of_full_reply(self, call: Call, reply: UpstreamReply) -> Answer:
        """The upstream ignored ``stream``: its full reply is told as a stream, once it is known to be whole."""
        full = full_body(call, reply.read())
        reply.close()
        try:
            fold(call.upstream.read_reply(full, _translation(call, Loss(call.client.name))))
        except ApiError as error:
            raise redacted(error, call.provider) from None
        if call.alias:
            full["model"] = call.alias
        stream = call.client.stream_full(full, call.body)
        return Answer(200, _STREAM_HEADERS | call.headers, [stream])

    def _translate(self, call: Call) -> Answer:
        loss = Loss(call.client.name)
        translation = _translation(call, loss)
        conversation = self.read_conversation(call, loss)
        request = call.upstream.write_request(conversation, translation)
        if call.provider.on_loss == "reject":
            loss.insist_on_exact()
        _warn(call, loss)
        reply = self.send(call, encode(request))
        with relay.closing_on_error(reply):
            if not reply.is_success:
                raise refusal(call, reply.status, reply.read())
            if not call.streams:
                return self._translated_reply(call, reply, conversation, translation)
            return self._translated_stream(call, reply, conversation, translation)

    def _translated_reply(
        self,
        call: Call,
        reply: UpstreamReply,
        conversation: Conversation,
        translation: Translation,
    ) -> Answer:
        events = self._events_of(call, reply, translation)
        thoughts = self._thoughts.listen(call.provider.name, conversation.items)
        thoughts.take_all(events)
        full = call.client.write_reply(fold(events), conversation, translation.loss)
        if not self._remember(call, full, translation.loss):
            full["store"] = False
        _warn(call, translation.loss)
        return Answer(200, JSON_HEADERS | call.headers, encode(full))

    def _translated_stream(
        self,
        call: Call,
        reply: UpstreamReply,
        conversation: Conversation,
        translation: Translation,
    ) -> Answer:
        thoughts = self._thoughts.listen(call.provider.name, conversation.items)
        told = translation.loss if call.provider.on_loss != "ignore" else Loss(call.client.name)
        writer = ClientWriter(
            call.client.stream_writer(conversation, translation.loss), told, thoughts
        )
        if reply.is_event_stream:
            reader = call.upstream.stream_reader(translation)
            if translation.stop:
                reader = StoppingReader(reader, StopCutter(translation.stop))
            source = relay.Source(
                relay.read_events(reply, reader, call.provider), lambda: reader.ended
            )
        else:
            source = relay.Source(iter([self._events_of(call, reply, translation)]), lambda: True)
        stream = relay.written(
            reply,
            source,
            writer,
            lambda response, data: self._remember_stream(call, response, data, translation.loss),
            self._keepalive,
        )
        return Answer(200, _STREAM_HEADERS | call.headers, stream)

    def _events_of(self, call: Call, reply: UpstreamReply, translation: Translation) -> list[Event]:
        """The events of a full reply, which is read to its end."""
        events = call.upstream.read_reply(full_body(call, reply.read()), translation)
        reply.close()
        return StopCutter(translation.stop).cut(events) if translation.stop else events

    def read_conversation(self, call: Call, loss: Loss) -> Conversation:
        """The client's request in no API's terms, stored turns included. Raises ApiError."""
        body = {**call.body, "model": call.body.get("model") or call.model}
        if call.client.name == "responses":
            body = expand(body, self._state(call))
        conversation = call.client.read_request(body, loss)
        conversation.items = self._thoughts.restore(call.provider.name, conversation.items)
        return conversation

    def _state(self, call: Call) -> Namespace:
        """What is kept for the client of ``call``."""
        if call.state is None:
            call.state = self._store.within(tenant_of(call.request.headers))
        return call.state

    def _remember(self, call: Call, response: Json, loss: Loss) -> bool:
        """Whether the response is kept as far as the client wants. Raises StoreDown if the client insists on that.

        Most clients never come back to a response that they did not ask to be stored: an answer is worth more.
        """
        try:
            if call.client.name == "responses":
                remember(call.body, response, self._state(call))
        except StoreDown:
            if call.body.get("store") is True:
                raise
            loss.dropped("store", "the response was not stored: state storage is unavailable")
            return False
        return True

    def _remember_stream(self, call: Call, response: Json, data: bytes, loss: Loss) -> bytes:
        """``data``, the bytes that announce a finished response; or what is told instead if it cannot be kept."""
        try:
            kept = self._remember(call, response, loss)
        except StoreDown as error:
            tap = call.client.tap()
            tap.feed(data)
            return tap.failure(error)
        if kept or call.provider.on_loss == "ignore":
            return data
        return sse.comment(f"x-gateway-warning: {loss.news()}") + data

    def send(self, call: Call, body: bytes, tail: str = "") -> UpstreamReply:
        """Post to the upstream's endpoint, or to the one whose path has ``tail`` behind that. Raises ApiError."""
        api = call.upstream.name
        url = call.provider.endpoints[api].replace("{model}", quote(call.model, safe=""))
        path, _, query = url.partition("?")
        if call.same_api and "beta" in call.request.query:
            query += f"&beta={quote(call.request.query['beta'])}"
        url = f"{path}{tail}?{query.lstrip('&')}" if query else path + tail
        headers = request_headers(call.provider, api, call.request.headers, same_api=call.same_api)
        reply = self._upstreams.post(url, headers, body, call.request.client)
        call.headers |= reply_headers(reply.headers, call.client.name)
        return reply


def error_answer(client: Protocol, error: ApiError) -> Answer:
    """An error as the client's API writes it."""
    status, body = client.error_body(error)
    headers = JSON_HEADERS | error.headers
    if error.kind in ("quota", "upstream_auth") or is_long_wait(error.headers):
        headers["x-should-retry"] = "false"
    return Answer(status, headers, encode(body))


def _warn(call: Call, loss: Loss) -> None:
    """Tell the client what was lost so far, unless the config says that nobody wants to know."""
    warning = loss.header()
    if warning and call.provider.on_loss != "ignore":
        call.headers["x-gateway-warning"] = warning


def _with_request_id(headers: dict[str, str]) -> dict[str, str]:
    """The upstream's request id under both SDKs' names; the gateway's own where it gave none."""
    own = headers["x-gateway-request-id"]
    return {"x-request-id": own, "request-id": own} | headers


def _translation(call: Call, loss: Loss) -> Translation:
    return Translation(
        model=call.model,
        origin=call.provider.name,
        capabilities=capabilities_of(call.provider.kind, call.model),
        loss=loss,
    )


def full_body(call: Call, content: bytes) -> Json:
    """A full reply's JSON. Raises ApiError for HTML, an empty body, or an error that came with status 200."""
    try:
        body: Any = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        body = None
    if not isinstance(body, dict):
        raise ApiError("upstream_invalid", "the upstream's reply is not a JSON object")
    if body.get("error"):
        raise redacted(call.upstream.read_error(500, content), call.provider)
    return body


def passed_body(call: Call) -> bytes:
    """The client's bytes, with the upstream's name for the model, and without what only we can read."""
    raw = call.request.body
    if _SEAL_MARK in raw:
        kept = seal.without_sealed(call.body)
        if kept != call.body:
            loss = Loss(call.client.name)
            loss.dropped("reasoning history", "made by another provider, which alone can read it")
            if call.client.name == "messages":
                kept = without_unfounded_thinking(kept, loss)
            if call.provider.on_loss == "reject":
                loss.insist_on_exact()
            _warn(call, loss)
            raw = encode(kept)
    return raw if call.body.get("model") == call.model else with_model(raw, call.model)


def refusal_verbatim(call: Call, status: int, content: bytes) -> Answer:
    """An upstream's error in the client's own API goes on as it came, if it is fit for the client's eyes."""
    error = refusal(call, status, content)
    error.headers |= call.headers
    try:
        is_native = "error" in read_body(content) and error.kind != "upstream_auth"
    except ApiError:
        is_native = False
    answer = error_answer(call.client, error)
    if is_native:
        answer.status = status
        answer.body = without_key(content, call.provider)
    return answer


def refusal(call: Call, status: int, content: bytes) -> ApiError:
    """The error that an upstream's status and body stand for, fit for the client's eyes."""
    if 300 <= status < 400:
        return ApiError("upstream_invalid", "the upstream answered with a redirect")
    if status in (401, 403) and not call.provider.passthrough_auth:
        return ApiError(
            "upstream_auth", f"provider {call.provider.name!r} refused the gateway's credentials"
        )
    return redacted(call.upstream.read_error(status, content), call.provider)
