"""An exchange between two APIs: the request in the upstream's terms, its reply in the client's.

What is said on the wire is decided in ``protocols``; how bytes travel is the relay's job.
"""

from collections.abc import Callable
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from wsgi_gateway.exchange import metering, relay
from wsgi_gateway.exchange.call import JSON_HEADERS, STREAM_HEADERS, Answer, Call, Request
from wsgi_gateway.exchange.client_stream import ClientWriter, Cutter, CuttingReader
from wsgi_gateway.exchange.compaction import Model, compaction_due, put_in_place
from wsgi_gateway.exchange.keepalive import Keepalive
from wsgi_gateway.exchange.refusals import full_body, refusal
from wsgi_gateway.exchange.truncation import shortened
from wsgi_gateway.protocols.conversation import Conversation, Json
from wsgi_gateway.protocols.decoding import encode, encode_request
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import Event
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.reply import Reply, fold
from wsgi_gateway.protocols.responses.compacting import summary_request
from wsgi_gateway.protocols.responses.summary_cutter import SummaryCutter
from wsgi_gateway.protocols.stop_sequences import StopCutter
from wsgi_gateway.protocols.translation import Translation
from wsgi_gateway.state import Namespace, ThoughtCache, Turn, leaves_nothing
from wsgi_gateway.upstream import UpstreamReply

Send = Callable[[Call, bytes], UpstreamReply]
Complete = Callable[[Json, bytes], bytes]


class Prepared(Struct):
    """A request that can be sent: ``body`` is what the upstream gets."""

    conversation: Conversation
    translation: Translation
    body: bytes


class Translator:
    """One per gateway. ``state_for`` finds what is kept for the client of a request.

    ``before`` is that of the gateway whose place this one takes.
    """

    def __init__(
        self,
        send: Send,
        state_for: Callable[[Request], Namespace],
        before: "Translator | None" = None,
    ) -> None:
        self._send = send
        self._state_for = state_for
        self._thoughts: ThoughtCache = before._thoughts if before else ThoughtCache()

    def exchange(self, call: Call, keepalive: Keepalive) -> Answer:
        """The whole exchange, or its beginning if the client streams. Raises ApiError."""
        prepared = self.prepare(call)
        loss = prepared.translation.loss
        if not call.streams:
            reply = self._ask(call, prepared)
            with relay.closing_on_error(reply):
                return self._full_reply(call, reply, prepared)
        if call.request.connection is None and leaves_nothing(call.fields):
            call.turn = None
        complete = call.keeping(loss).keep_stream
        stream = self.stream(call, prepared, self.writer(call, prepared), complete, keepalive)
        # Nothing is sent again, so what was said, maybe megabytes, is not held while the model speaks.
        loss.forget_places()
        return Answer(200, STREAM_HEADERS | call.headers, stream)

    def prepare(self, call: Call) -> Prepared:
        """The request in the upstream's terms; what it loses is told in the call's headers. Raises ApiError."""
        loss = Loss(call.client.name)
        conversation = self.read_conversation(call, loss)
        if conversation.compacts:
            request = summary_request(conversation, self.model(call, loss).most_tokens)
            conversation = replace(request, stream=call.streams, compacts=True)
        return _prepared(call, conversation, loss)

    def model(self, call: Call, loss: Loss) -> Model:
        """The model that answers ``call``, for what the gateway itself has to ask it."""
        return Model(
            name=call.model,
            most_tokens=call.translation(loss).capabilities.max_output_tokens,
            read=partial(self._read, call, loss),
            ask=partial(self._reply_to, call, loss),
        )

    def _reply_to(self, call: Call, loss: Loss, conversation: Conversation) -> Reply:
        call = call.before_another()
        prepared = _prepared(call, conversation, loss)
        reply = self._ask(call, prepared)
        with relay.closing_on_error(reply):
            whole = fold(_events_of(call, reply, prepared))
        metering.end_one(call)
        return whole

    def expanded(self, call: Call) -> Json:
        """The client's request with all that was said before. Raises ApiError."""
        named = {"model": call.asked or call.model}
        if call.client.name != "responses" or call.is_alone:
            return call.fields | named
        call.turn = Turn(call.body | named, self._state_for(call.request))
        return call.turn.expanded()

    def read_conversation(self, call: Call, loss: Loss) -> Conversation:
        """The same in no API's terms. Raises ApiError."""
        return self._read(call, loss, self.expanded(call))

    def _read(self, call: Call, loss: Loss, body: Json) -> Conversation:
        conversation = call.client.read_request(body, loss)
        conversation.items = self._thoughts.restore(call.provider.name, conversation.items)
        return conversation

    def writer(self, call: Call, prepared: Prepared) -> ClientWriter:
        """What writes the client's stream."""
        loss = prepared.translation.loss
        thoughts = self._thoughts.listen(call.provider.name, prepared.conversation.items)
        told = loss if call.provider.on_loss != "ignore" else Loss(call.client.name)
        return ClientWriter(call.client.stream_writer(prepared.conversation, loss), told, thoughts)

    def stream(
        self,
        call: Call,
        prepared: Prepared,
        writer: ClientWriter,
        complete: Complete,
        keepalive: Keepalive,
    ) -> relay.Stream:
        """The reply as the client's stream; ``complete`` is as in ``relay.written``. Raises ApiError."""
        reply = self._ask(call, prepared)
        translation = prepared.translation
        with relay.closing_on_error(reply):
            if reply.is_event_stream:
                reader = call.upstream.stream_reader(translation)
                if cutter := _cutter(prepared):
                    reader = CuttingReader(reader, cutter)
                events_read = relay.read_events(reply, reader, call.provider)
                pieces = metering.hear_stream(call, reader, events_read)
                source = relay.Source(pieces, lambda: reader.ended)
            else:
                events = _events_of(call, reply, prepared)
                source = relay.Source(iter([events]), lambda: True)
            return relay.written(reply, source, writer, complete, keepalive)

    def _ask(self, call: Call, prepared: Prepared) -> UpstreamReply:
        if prepared.conversation.compact_threshold is not None:
            self._compact(call, prepared)
        reply = self._send(call, prepared.body)
        if not reply.is_success:
            reply = self._ask_for_less(call, prepared, _refusal(call, reply))
        metering.begin(call, len(prepared.body))
        return reply

    def _compact(self, call: Call, prepared: Prepared) -> None:
        """Have the history summarized first, if it is too long for the client: once, for all attempts."""
        conversation, loss = prepared.conversation, prepared.translation.loss
        model = self.model(call, loss)
        token = call.progress.compaction or compaction_due(conversation, model, loss)
        if token is not None:
            call.progress.compaction = token
            put_in_place(token, conversation, model)
            again = _prepared(call, conversation, loss)
            prepared.translation, prepared.body = again.translation, again.body

    def _ask_for_less(self, call: Call, prepared: Prepared, error: ApiError) -> UpstreamReply:
        """The same once more without the oldest turns, if that is why it was refused and they may go; else raises."""
        conversation, loss = prepared.conversation, prepared.translation.loss
        shorter = None
        if conversation.may_be_cut and error.kind == "context_length":
            shorter = shortened(conversation, error, call.model)
        if shorter is None:
            raise error
        count = len(conversation.items) - len(shorter.items)
        loss.approximated(
            "truncation", f"too long for the model: the oldest {count} items were left out"
        )
        request = call.upstream.write_request(shorter, prepared.translation)
        call.warn(loss)
        reply = self._send(call, _encoded(call, request))
        if not reply.is_success:
            raise _refusal(call, reply)
        return reply

    def _full_reply(self, call: Call, reply: UpstreamReply, prepared: Prepared) -> Answer:
        translation = prepared.translation
        events = _events_of(call, reply, prepared)
        thoughts = self._thoughts.listen(call.provider.name, prepared.conversation.items)
        thoughts.take_all(events)
        full = call.client.write_reply(fold(events), prepared.conversation, translation.loss)
        if not call.keeping(translation.loss).keep(full):
            full["store"] = False
        call.warn(translation.loss)
        return Answer(200, JSON_HEADERS | call.headers, encode(full))


def _prepared(call: Call, conversation: Conversation, loss: Loss) -> Prepared:
    translation = call.translation(loss)
    request = call.upstream.write_request(conversation, translation)
    if call.provider.on_loss == "reject":
        loss.insist_on_exact()
    call.warn(loss)
    return Prepared(conversation, translation, _encoded(call, request))


def _encoded(call: Call, request: Json) -> bytes:
    """Of text orjson makes JSON in half the time, but text that is JSON already takes it twice as long to copy."""
    return encode(request) if call.is_long else encode_request(request)


def _refusal(call: Call, reply: UpstreamReply) -> ApiError:
    """Why the upstream refused; the reply is read and closed."""
    with relay.closing_on_error(reply):
        content = reply.read()
    reply.close()
    return refusal(call, reply.status, content)


def _events_of(call: Call, reply: UpstreamReply, prepared: Prepared) -> list[Event]:
    """The events of a full reply, which is read to its end."""
    events = call.upstream.read_reply(full_body(call, reply.read()), prepared.translation)
    reply.close()
    metering.hear_events(call, events)
    cutter = _cutter(prepared)
    return cutter.cut(events) if cutter else events


def _cutter(prepared: Prepared) -> Cutter | None:
    """What the client gets less of than the upstream says."""
    if prepared.conversation.compacts:
        return SummaryCutter()
    return StopCutter(prepared.translation.stop) if prepared.translation.stop else None
