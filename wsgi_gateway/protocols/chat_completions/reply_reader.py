"""An upstream's Chat Completions reply, streamed or full, read into events.

Theory of operation. A chunk's delta may carry reasoning, text, a refusal and pieces of several tool calls. At most
one of reasoning, text and refusal is open at a time; tool calls stay open, since their pieces may come interleaved,
until their JSON is complete and another call begins, or until the end. The finish reason only says why; the reply
ends at ``[DONE]`` or at the end of the body, as usage may follow the finish.
"""

import msgspec

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.chat_completions import wire
from wsgi_gateway.protocols.chat_completions.errors import read_error
from wsgi_gateway.protocols.chat_completions.usage import read_usage
from wsgi_gateway.protocols.conversation import Json, Proof
from wsgi_gateway.protocols.decoding import arguments_text, decode_event, encode, parse_arguments
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import Event, FinishReason, PartKind
from wsgi_gateway.protocols.ids import new_id
from wsgi_gateway.protocols.reply_builder import ReplyBuilder
from wsgi_gateway.protocols.translation import Translation

_decoder = msgspec.json.Decoder(wire.Completion, strict=False)

_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
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


class _Call:
    """A tool call in the making: ``part`` is None until its name is known."""

    __slots__ = ("arguments", "id", "name", "part")

    def __init__(self) -> None:
        self.id: str | None = None
        self.name: str | None = None
        self.part: int | None = None
        self.arguments: list[str] = []


class StreamReader:
    """See the module's theory of operation; the interface is ``table.StreamReader``."""

    def __init__(self, translation: Translation) -> None:
        self.builder = ReplyBuilder(translation.aliases)
        self._origin = translation.origin
        self._sse = sse.Decoder()
        self._open: tuple[PartKind, int] | None = None
        self._calls: dict[int, _Call] = {}
        self._last_call: int | None = None
        self._reason: FinishReason | None = None

    @property
    def ended(self) -> bool:
        return self.builder.ended

    def feed(self, chunk: bytes) -> list[Event]:
        for event in self._sse.feed(chunk):
            self._read_event(event)
        return self.builder.take()

    def finish(self) -> list[Event]:
        for event in self._sse.flush():
            self._read_event(event)
        if not self.ended and self._reason is None:
            self.builder.fail(
                ApiError("upstream_invalid", "the upstream's reply broke off before its end")
            )
        self.end()
        return self.builder.take()

    def _read_event(self, event: sse.ServerSentEvent) -> None:
        if self.ended:
            return
        if event.data.strip() == b"[DONE]":
            self.end()
            return
        try:
            completion = decode_event(_decoder, event.data)
        except ApiError as error:
            self.builder.fail(error)
            return
        if event.event == "error" and not completion.error:
            self.builder.fail(read_error(500, event.data))
            return
        self.read(completion)

    def read(self, completion: wire.Completion) -> None:
        """One chunk, or a whole reply, whose message has the shape of a delta."""
        if completion.error:
            self.builder.fail(read_error(500, encode({"error": completion.error})))
            return
        if completion.usage is not None:
            self.builder.set_usage(read_usage(completion.usage))
        for choice in completion.choices or ():
            if choice.index != 0:
                continue
            delta = choice.delta or choice.message
            if delta is not None:
                self.builder.start(completion.id or new_id("chatcmpl-"), completion.model or "")
                self._read_delta(delta)
            if choice.finish_reason:
                self._reason = _REASONS.get(choice.finish_reason, "stop")

    def _read_delta(self, delta: wire.Delta) -> None:
        reasoning = delta.reasoning_content or delta.reasoning or _details_text(delta)
        if isinstance(reasoning, str) and reasoning:
            self._text("reasoning", reasoning)
        text = delta.content if isinstance(delta.content, str) else _array_text(delta.content)
        if text:
            self._text("text", text)
        if delta.refusal:
            self._text("refusal", delta.refusal)
        for call in delta.tool_calls or ():
            self._read_call(call)
        if delta.function_call is not None:
            self._read_call(wire.ToolCall(index=0, function=delta.function_call))

    def _text(self, kind: PartKind, text: str) -> None:
        if self._open is None or self._open[0] != kind:
            self._close_open()
            self._close_whole_calls()
            self._open = (kind, self.builder.open(kind))
        self.builder.delta(self._open[1], text)

    def _close_open(self) -> None:
        if self._open is not None:
            kind, part = self._open
            proof = Proof(kind="none", origin=self._origin) if kind == "reasoning" else None
            self.builder.close(part, proof)
            self._open = None

    def _read_call(self, piece: wire.ToolCall) -> None:
        """Pieces belong together by index; hosts without indexes start a call with an id or a name."""
        index = piece.index
        function = piece.function or wire.Function()
        if piece.custom is not None:
            function = wire.Function(
                piece.custom.name, encode({"input": piece.custom.input}).decode()
            )
        if index is None:
            index = self._index_of(piece, function)
        call = self._calls.get(index)
        if call is None:
            self._close_open()
            self._close_whole_calls()
            call = self._calls[index] = _Call()
        self._last_call = index
        call.id = call.id or piece.id
        call.name = call.name or function.name
        if function.arguments:
            text = function.arguments
            call.arguments.append(text if isinstance(text, str) else arguments_text(text))
        if call.part is None and call.name:
            call.id = call.id or new_id("call_")
            call.part = self.builder.open_call(call.id, call.name)
            self.builder.delta(call.part, "".join(call.arguments))
        elif call.part is not None and function.arguments:
            self.builder.delta(call.part, call.arguments[-1])

    def _index_of(self, piece: wire.ToolCall, function: wire.Function) -> int:
        last = self._calls.get(self._last_call) if self._last_call is not None else None
        is_new = (
            last is None or (piece.id and piece.id != last.id) or (function.name and not piece.id)
        )
        return len(self._calls) if is_new or self._last_call is None else self._last_call

    def _close_whole_calls(self) -> None:
        """A call whose JSON is complete cannot grow: ending it lets the next one through at once."""
        for call in self._calls.values():
            if call.part is not None and self.builder.is_open(call.part):
                text = "".join(call.arguments)
                if text.strip() and parse_arguments(text) is not None:
                    self.builder.close(call.part)

    def end(self) -> None:
        """The upstream said that this is all; a host that gave no finish reason meant ``stop``."""
        if self.ended:
            return
        if not self.builder.started:
            self.builder.fail(ApiError("upstream_invalid", "the upstream's reply has no choices"))
            return
        self._close_open()
        for call in self._calls.values():
            if call.part is None:
                self.builder.fail(
                    ApiError("upstream_invalid", "the upstream sent a tool call without a name")
                )
                return
        self.builder.finish(self._reason or "stop")


def _array_text(content: object) -> str:
    """Content that a host sends as an array of text parts."""
    if not isinstance(content, list):
        return ""
    texts = (part.get("text") for part in content if isinstance(part, dict))
    return "".join(text for text in texts if isinstance(text, str))


def _details_text(delta: wire.Delta) -> str:
    """OpenRouter's ``reasoning_details``, where the host gives no plain field beside them."""
    texts = (
        detail.get("text") or detail.get("summary") for detail in delta.reasoning_details or ()
    )
    return "".join(text for text in texts if isinstance(text, str))
