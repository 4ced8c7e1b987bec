"""An upstream's Responses reply, streamed or full, read into events.

The output items are read by ``output_reader``; here are the life of the response and what each event is about. Events
and items of unknown types are passed over. The reply ends with its terminal event only: a body that ends without
one broke off.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import decode_event
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import Event, FinishReason
from wsgi_gateway.protocols.reply_builder import ReplyBuilder
from wsgi_gateway.protocols.responses import wire
from wsgi_gateway.protocols.responses.errors import read_failure
from wsgi_gateway.protocols.responses.output_reader import GrowingText, OutputReader
from wsgi_gateway.protocols.responses.usage import usage_of
from wsgi_gateway.protocols.steady import Repeated, SteadyStream
from wsgi_gateway.protocols.translation import Translation

_DECODER = msgspec.json.Decoder(wire.StreamEvent, strict=False)
_ENDINGS = ("completed", "incomplete", "failed", "cancelled")
_UNFINISHED = ("queued", "in_progress")
_LIFE = frozenset({"response.created", "response.in_progress", "response.queued"})
_STATUSES = (*_ENDINGS, *_UNFINISHED)
_TERMINAL = {f"response.{ending}": ending for ending in _ENDINGS}

_Handler = Callable[[OutputReader, wire.StreamEvent], None]


def read_reply(body: Json, translation: Translation) -> list[Event]:
    """The events of a full reply; one ``Failed`` if it is none."""
    reader = StreamReader(translation)
    status = body.get("status")
    ending = "completed" if isinstance(body.get("output"), list) else ""
    reader.read_response(body, status if status in _UNFINISHED else ending)
    return reader.builder.take()


class StreamReader:
    """The interface is ``table.StreamReader``."""

    def __init__(self, translation: Translation) -> None:
        self.builder = ReplyBuilder(translation.aliases)
        self._output = OutputReader(self.builder, translation)
        self._loss = translation.loss
        self._stream = SteadyStream()

    @property
    def ended(self) -> bool:
        return self.builder.ended

    def feed(self, chunk: bytes) -> list[Event]:
        self._stream.feed(chunk, self._read_event)
        return self.builder.take()

    def finish(self) -> list[Event]:
        self._stream.flush(self._read_event)
        self.builder.fail(
            ApiError("upstream_invalid", "the upstream's reply broke off before its end")
        )
        return self.builder.take()

    def _read_event(self, event: sse.ServerSentEvent) -> Repeated | None:
        if self.ended or event.data.strip() == b"[DONE]":
            return None
        try:
            read = decode_event(_DECODER, event.data)
            kind = read.type or event.event
            if kind not in _DELTAS:
                self._read(read, kind)
                return None
            self._start()
            is_text = isinstance(read.delta, str) and read.delta
            text = _DELTAS[kind](self._output, read) if is_text else None
            if text is None or read.logprobs or not self._stream.learns:
                return None
            return Repeated("delta", text.extend)
        except ApiError as error:
            self.builder.fail(error)
        except msgspec.ValidationError as error:
            self.builder.fail(_odd(error))
        return None

    def _start(self) -> None:
        """A host that left out the life of its response told something of it all the same."""
        if not self.builder.started:
            self.builder.start("", "")

    def _read(self, event: wire.StreamEvent, kind: str) -> None:
        handler = _HANDLERS.get(kind)
        if handler is not None:
            self._start()
            handler(self._output, event)
        elif kind in _LIFE:
            if not self.builder.started:
                response = msgspec.convert(event.response or {}, wire.Response, strict=False)
                self.builder.start(response.id or "", response.model or "")
        elif kind in _TERMINAL:
            self.read_response(event.response or {}, _TERMINAL[kind])
        elif kind.startswith("response.audio."):
            self._loss.approximated("reply.output", "spoken output was left out")
        elif kind == "error":
            self.builder.fail(read_failure(event.error or event))
        elif event.error:
            self.builder.fail(read_failure(event.error))

    def read_response(self, given: Any, ending: str) -> None:
        """A whole response. Its own status counts, where it is final; else ``ending``."""
        try:
            response = msgspec.convert(given, wire.Response, strict=False)
            status = response.status if response.status in _ENDINGS else ending
            if status in ("completed", "incomplete"):
                self.builder.start(response.id or "", response.model or "")
                self._output.read_whole(response.output or [])
        except msgspec.ValidationError as error:
            self.builder.fail(_odd(error))
            return
        usage = usage_of(response, self._output.web_searches)
        if usage is not None:
            self.builder.set_usage(usage)
        self._note_lost(response)
        if status in ("completed", "incomplete"):
            self.builder.finish(self._reason(response) if status == "incomplete" else "stop")
        elif status == "failed" or response.error:
            self.builder.fail(read_failure(response.error))
        else:
            what = f"ended as {status!r}" if status else "is no whole response"
            self.builder.fail(ApiError("upstream_invalid", f"the upstream's reply {what}"))

    def _note_lost(self, response: wire.Response) -> None:
        """What is told beside the output, and nowhere else."""
        if response.status and response.status not in _STATUSES:
            self._loss.approximated(
                "reply.status", f"unknown {response.status[:40]!r} was taken for the regular end"
            )
        if response.moderation:
            self._loss.dropped(
                "reply.moderation", "the upstream's verdict has no place in the reply"
            )
        if response.input_transformations:
            self._loss.approximated(
                "reply.input_transformations",
                "the upstream changed or left out a part of the input",
            )
        if response.prompt_cache_diagnostics:
            self._loss.dropped("reply.prompt_cache_diagnostics", "no such field in the reply")

    def _reason(self, response: wire.Response) -> FinishReason:
        """``content_filter`` or a limit; reasons yet unknown must not look like a regular end either."""
        details = response.incomplete_details
        match details and details.reason:
            case "content_filter":
                return "content_filter"
            case None | "max_output_tokens":
                pass
            case other:
                self._loss.approximated(
                    "reply.incomplete_details.reason", f"{other!r} was told as the end at a limit"
                )
        return "length"


def _odd(error: Exception) -> ApiError:
    return ApiError("upstream_invalid", f"the upstream's reply is odd: {error}")


def _whole(field: str, read: Callable[[OutputReader, wire.StreamEvent, str], None]) -> _Handler:
    """A handler of events that repeat a text whole in ``field``."""

    def handle(output: OutputReader, event: wire.StreamEvent) -> None:
        text = getattr(event, field)
        if isinstance(text, str):
            read(output, event, text)

    return handle


def _end_text(output: OutputReader, event: wire.StreamEvent) -> None:
    if isinstance(event.text, str):
        part = wire.OutputPart(text=event.text, logprobs=event.logprobs)
        output.end_text(event, "text", part)


def _end_refusal(output: OutputReader, event: wire.StreamEvent) -> None:
    if isinstance(event.refusal, str):
        output.end_text(event, "refusal", wire.OutputPart(refusal=event.refusal))


def _end_part(output: OutputReader, event: wire.StreamEvent) -> None:
    """``content_part.done``; those of reasoning end with their item."""
    given = event.part if isinstance(event.part, dict) else {}
    part = msgspec.convert(given, wire.OutputPart, strict=False)
    if part.type == "output_text":
        output.end_text(event, "text", part)
    elif part.type == "refusal":
        output.end_text(event, "refusal", part)


_DELTAS: dict[str, Callable[[OutputReader, wire.StreamEvent], GrowingText | None]] = {
    "response.output_text.delta": lambda o, e: o.add_text(e, "text"),
    "response.refusal.delta": lambda o, e: o.add_text(e, "refusal"),
    "response.function_call_arguments.delta": OutputReader.add_arguments,
    "response.custom_tool_call_input.delta": OutputReader.add_arguments,
    "response.reasoning_summary_text.delta": lambda o, e: o.add_thought(e, "summary"),
    "response.reasoning_text.delta": lambda o, e: o.add_thought(e, "content"),
}
"""Each returns the text that it added to, if to any."""

_HANDLERS: dict[str, _Handler] = {
    "response.output_item.added": OutputReader.add_item,
    "response.output_item.done": OutputReader.end_item,
    "response.output_text.annotation.added": OutputReader.annotate,
    "response.output_text.done": _end_text,
    "response.refusal.done": _end_refusal,
    "response.content_part.done": _end_part,
    "response.function_call_arguments.done": _whole("arguments", OutputReader.end_arguments),
    "response.custom_tool_call_input.done": _whole("input", OutputReader.end_arguments),
    "response.reasoning_summary_text.done": _whole(
        "text", lambda o, e, text: o.end_thought(e, "summary", text)
    ),
    "response.reasoning_text.done": _whole(
        "text", lambda o, e, text: o.end_thought(e, "content", text)
    ),
}
