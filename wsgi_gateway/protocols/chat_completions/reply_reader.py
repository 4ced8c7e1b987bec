"""An upstream's Chat Completions reply, streamed or full, read into events.

Theory of operation. A chunk's delta may carry reasoning, text, a refusal and pieces of several tool calls. At most
one of reasoning, text and refusal is open at a time; tool calls may be open beside it (``calls_reader``). What proves
a thought is told with the part that it ends, or in an empty one where it comes alone. The finish reason only says why;
the reply ends at ``[DONE]`` or at the end of the body, as usage may follow the finish.
"""

from collections.abc import Iterator
from functools import partial

import msgspec

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.chat_completions import wire
from wsgi_gateway.protocols.chat_completions.annotations import read_annotation, starts_at
from wsgi_gateway.protocols.chat_completions.calls_reader import CallsReader, RepeatedDelta
from wsgi_gateway.protocols.chat_completions.errors import is_foreign_error, read_error
from wsgi_gateway.protocols.chat_completions.finish import read_reason
from wsgi_gateway.protocols.chat_completions.reasoning_details import Details, readable_text
from wsgi_gateway.protocols.chat_completions.usage import read_usage
from wsgi_gateway.protocols.conversation import Json, Proof
from wsgi_gateway.protocols.decoding import decode_event, encode
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import Event, FinishReason, PartKind, Usage
from wsgi_gateway.protocols.ids import new_id
from wsgi_gateway.protocols.logprobs import read_logprobs
from wsgi_gateway.protocols.reply_builder import ReplyBuilder
from wsgi_gateway.protocols.steady import Repeated, SteadyStream
from wsgi_gateway.protocols.translation import Translation

_decoder = msgspec.json.Decoder(wire.Completion, strict=False)
_TEXT_FIELDS = {
    "text": ("content",),
    "refusal": ("refusal",),
    "reasoning": ("reasoning_content", "reasoning"),
}


def read_reply(body: Json, translation: Translation) -> list[Event]:
    """The events of a full reply; one ``Failed`` if it is none."""
    reader = StreamReader(translation)
    try:
        reader.read(msgspec.convert(body, wire.Completion, strict=False))
    except msgspec.ValidationError as error:
        reader.builder.fail(ApiError("upstream_invalid", f"the upstream's reply is odd: {error}"))
    reader.end()
    return reader.builder.take()


class StreamReader:
    """See the module's theory of operation; the interface is ``table.StreamReader``."""

    def __init__(self, translation: Translation) -> None:
        self.builder = ReplyBuilder(translation.aliases)
        self._translation = translation
        self._loss = translation.loss
        self._stream = SteadyStream()
        self._open: tuple[PartKind, int] | None = None
        self._calls = CallsReader(self.builder, translation.aliases, translation.origin)
        self._details = Details()
        self._extra: Json | None = None
        self._logprobs: dict[PartKind, list[Json]] = {}
        self._length = self._part_begins = 0
        self._usage: Usage | None = None
        self._tier: str | None = None
        self._reason: FinishReason | None = None
        self._stopped_at: str | None = None

    @property
    def ended(self) -> bool:
        return self.builder.ended

    def feed(self, chunk: bytes) -> list[Event]:
        self._stream.feed(chunk, self._read_event)
        return self.builder.take()

    def finish(self) -> list[Event]:
        self._stream.flush(self._read_event)
        if not self.ended and self._reason is None:
            self._fail(
                ApiError("upstream_invalid", "the upstream's reply broke off before its end")
            )
        self.end()
        return self.builder.take()

    def _read_event(self, event: sse.ServerSentEvent) -> Repeated | None:
        if self.ended:
            return None
        if event.data.strip() == b"[DONE]":
            self.end()
            return None
        try:
            completion = decode_event(_decoder, event.data)
        except ApiError as error:
            is_told = event.event == "error"
            self._fail(read_error(500, event.data) if is_told else error)
            return None
        may_fail = not completion.choices or event.event == "error"
        if may_fail and is_foreign_error(event, completion):
            self._fail(read_error(500, event.data))
            return None
        self.read(completion)
        return self._repeated(completion) if self._stream.learns else None

    def _repeated(self, completion: wire.Completion) -> Repeated | None:
        """How a chunk with one text, or one piece of one call, may be repeated."""
        choices = completion.choices or ()
        delta = choices[0].delta if len(choices) == 1 else None
        if delta is None:
            return None
        found = self._repeated_text(delta) or self._calls.repeated(delta.tool_calls or [])
        if found is None:
            return None
        repeated, plain = found
        expected = wire.Completion(
            id=completion.id,
            model=completion.model,
            service_tier=completion.service_tier,
            choices=[wire.Choice(delta=plain)],
        )
        return repeated if completion == expected else None

    def _repeated_text(self, delta: wire.Delta) -> RepeatedDelta | None:
        if self._open is None:
            return None
        kind, part = self._open
        for field in _TEXT_FIELDS[kind]:
            text = getattr(delta, field)
            if text:
                repeated = Repeated(field, partial(self._texts, kind, part))
                return repeated, wire.Delta(**{field: text})
        return None

    def _texts(self, kind: PartKind, part: int, texts: list[str]) -> None:
        """Further texts of the open part."""
        if kind == "text":
            self._length += len("".join(texts))
        self.builder.deltas(part, texts)

    def read(self, completion: wire.Completion) -> None:
        """One chunk, or a whole reply, whose message has the shape of a delta."""
        if completion.error:
            self._fail(read_error(500, encode({"error": completion.error})))
            return
        if completion.usage is not None:
            self._usage = read_usage(completion.usage)
        self._tier = completion.service_tier or self._tier
        if self._usage is not None:
            self._usage.service_tier = self._tier
            self.builder.set_usage(self._usage)
        if completion.moderation:
            self._loss.dropped("reply.moderation", "the client's API tells no scores")
        for choice in completion.choices or ():
            if choice.index:
                continue
            delta = choice.delta or choice.message
            if delta is not None:
                self.builder.start(completion.id or new_id("chatcmpl-"), completion.model or "")
                self._keep_logprobs(choice.logprobs)
                self._read_delta(delta)
            if choice.error:
                self._fail(read_error(500, encode({"error": choice.error})))
            elif choice.finish_reason:
                self._read_reason(choice)

    def _fail(self, error: ApiError) -> None:
        """What came is told first."""
        self._calls.tell_held()
        self.builder.fail(error)

    def _read_reason(self, choice: wire.Choice) -> None:
        given = choice.finish_reason or ""
        try:
            reason = read_reason(given)
        except ApiError as error:
            self._fail(error)
            return
        if reason is None:
            self._loss.approximated(
                "reply.finish_reason", f"unknown {given[:40]!r} was taken for stop"
            )
        self._reason = reason or "stop"
        for matched in (choice.stop_reason, choice.matched_stop):
            if matched in self._translation.sent_stop:
                self._stopped_at = matched

    def _keep_logprobs(self, logprobs: object) -> None:
        """Those of tokens that are no text yet (half a character) go with the text that follows."""
        if isinstance(logprobs, dict):
            self._logprobs.setdefault("text", []).extend(read_logprobs(logprobs.get("content")))
            self._logprobs.setdefault("refusal", []).extend(read_logprobs(logprobs.get("refusal")))

    def _read_delta(self, delta: wire.Delta) -> None:
        if delta.reasoning_content or delta.reasoning or delta.reasoning_details:
            self._read_thoughts(delta)
        if isinstance(delta.extra_content, dict):
            self._extra = delta.extra_content or self._extra
        if isinstance(delta.content, str):
            self._text("text", delta.content)
        elif delta.content:
            for kind, text in _content(delta.content):
                self._text(kind, text)
        if delta.refusal:
            self._text("refusal", delta.refusal)
        if delta.annotations:
            for annotation in wire.objects(delta.annotations):
                self._annotate(annotation)
        if delta.audio:
            self._loss.approximated("reply.audio", "spoken output was left out")
        for call in delta.tool_calls or ():
            self._read_call(call)
        legacy = delta.function_call
        if legacy is not None and (legacy.name or legacy.arguments):
            self._read_call(wire.ToldCall(index=0, function=legacy))

    def _read_thoughts(self, delta: wire.Delta) -> None:
        details = wire.objects(delta.reasoning_details)
        text = delta.reasoning_content or delta.reasoning or readable_text(details)
        if isinstance(text, str) and text:
            self._text("reasoning", text)
        self._details.add(details)

    def _text(self, kind: PartKind, text: str) -> None:
        if not text:
            return
        if self._open is None or self._open[0] != kind:
            self._close_open()
            if kind != "reasoning":
                self._tell_details()
            self._calls.close_whole()
            self._open = (kind, self.builder.open(kind))
            self._part_begins = self._length
        if kind == "text":
            self._length += len(text)
        self.builder.delta(self._open[1], text, self._logprobs.pop(kind, None) or None)

    def _annotate(self, given: Json) -> None:
        start = starts_at(given)
        here = start is None or start >= self._part_begins
        annotation = read_annotation(given, self._part_begins)
        if self._open is None or self._open[0] != "text" or annotation is None or not here:
            self._loss.approximated("reply.annotations", "one that fits no text was left out")
        else:
            self.builder.annotate(self._open[1], annotation)

    def _close_open(self) -> None:
        if self._open is not None:
            kind, part = self._open
            self.builder.close(part, self._proof() if kind == "reasoning" else None)
            self._open = None

    def _proof(self) -> Proof:
        details, origin = self._details.take(), self._translation.origin
        if details is None:
            return Proof(kind="none", origin=origin)
        return Proof(kind="details", value=details, origin=origin)

    def _tell_details(self) -> None:
        """What proves a thought without words, or came after them."""
        proof = self._proof()
        if proof.kind != "none":
            self.builder.close(self.builder.open("reasoning"), proof)

    def _read_call(self, piece: wire.ToldCall) -> None:
        if self._calls.is_new(piece):
            self._close_open()
            self._tell_details()
        self._calls.read(piece)

    def end(self) -> None:
        """The upstream said that this is all; a host that gave no finish reason meant ``stop``."""
        if self.ended:
            return
        if not self.builder.started and self._reason != "content_filter":
            self._fail(ApiError("upstream_invalid", "the upstream's reply has no choices"))
            return
        self._close_open()
        self._tell_details()
        if not self._calls.end():
            self._fail(ApiError("upstream_invalid", "the upstream sent a tool call without a name"))
            return
        self._tell_extra()
        if any(self._logprobs.values()):
            self._loss.approximated("reply.logprobs", "those of tokens without text were left out")
        if self._reason == "stop" and self._stopped_at and not self._calls.any:
            self.builder.finish("stop_sequence", self._stopped_at)
        self.builder.finish(self._reason or "stop")

    def _tell_extra(self) -> None:
        """What a host wants back with the message as a whole."""
        if self._extra:
            value = encode(self._extra).decode()
            proof = Proof(kind="call", value=value, origin=self._translation.origin)
            self.builder.close(self.builder.open("reasoning"), proof)


def _content(content: object) -> Iterator[tuple[PartKind, str]]:
    """A string, or an array of parts, among which some hosts (Mistral) have ``thinking``."""
    if isinstance(content, str):
        if content:
            yield "text", content
        return
    for part in content if isinstance(content, list) else ():
        if not isinstance(part, dict):
            continue
        if part.get("type") == "thinking":
            inner = part.get("thinking")
            texts = [inner] if isinstance(inner, str) else [text for _, text in _content(inner)]
            if any(texts):
                yield "reasoning", "".join(texts)
        elif isinstance(part.get("text"), str) and part["text"]:
            yield "text", part["text"]
