"""An upstream's Messages reply, streamed or full, read into events.

Theory of operation. Blocks are known by their wire index; the vendor finishes one before it starts
the next, but nothing here depends on that. A block of text or thinking becomes a part with its
first text, so that empty ones never appear; a thinking block's signature, which relays may cut in
pieces, becomes its part's proof. A block's citations are told at its end, since they are about the
whole of it. The last ``message_delta`` gives the reason; the reply ends at
``message_stop``, or at the end of the body if a reason came. What is of an unknown kind is passed
over, as the vendor asks its readers to, and blocks of such kinds are noted as lost.
"""

from functools import partial

import msgspec

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.conversation import Json, Proof
from wsgi_gateway.protocols.decoding import decode_event, encode
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import Event, FinishReason, PartKind, Usage
from wsgi_gateway.protocols.ids import new_id
from wsgi_gateway.protocols.messages import reply_wire as wire
from wsgi_gateway.protocols.messages import web_search
from wsgi_gateway.protocols.messages.citations import read_citation
from wsgi_gateway.protocols.messages.errors import read_error
from wsgi_gateway.protocols.messages.searches import Searches
from wsgi_gateway.protocols.messages.usage import merge, note_lost, read_usage
from wsgi_gateway.protocols.reply_builder import ReplyBuilder
from wsgi_gateway.protocols.steady import Repeated, SteadyStream
from wsgi_gateway.protocols.translation import Translation

_decoder = msgspec.json.Decoder(wire.StreamEvent, strict=False)

_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop_sequence",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "refusal": "content_filter",
    "model_context_window_exceeded": "context_window",
}
_CUT_SHORT = ("length", "context_window", "content_filter")
_PART_KINDS: dict[str, PartKind] = {
    "text": "text",
    "thinking": "reasoning",
    "redacted_thinking": "reasoning",
    "tool_use": "tool_call",
    "server_tool_use": "web_search",
}
_TEXT_FIELDS: dict[PartKind, str] = {
    "text": "text",
    "reasoning": "thinking",
    "tool_call": "partial_json",
}
_LONGEST_NAME = 64
_EVENTS = (
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
)
_DELTAS = (None, "text_delta", "input_json_delta", "thinking_delta", "signature_delta")


def read_reply(body: Json, translation: Translation) -> list[Event]:
    """The events of a full reply; one ``Failed`` if it is none."""
    reader = StreamReader(translation)
    try:
        message = msgspec.convert(body, wire.Message, strict=False)
    except msgspec.ValidationError as error:
        reader.builder.fail(ApiError("upstream_invalid", f"the upstream's reply is odd: {error}"))
        return reader.builder.take()
    if message.content is None:
        reader.builder.fail(read_error(500, encode(body)) if "error" in body else _no_message())
    else:
        reader.read_message(message)
    return reader.builder.take()


class _Block:
    """An open content block. ``part`` is None until there is something to say, which is ``length`` long so far.

    ``input`` is what came of a call's arguments without deltas; ``search`` the id of a call for a web search.
    """

    __slots__ = ("citations", "input", "kind", "length", "part", "proof", "search")

    def __init__(self, kind: PartKind, proof: Proof | None = None) -> None:
        self.kind = kind
        self.proof = proof
        self.part: int | None = None
        self.length = 0
        self.input = ""
        self.search = ""
        self.citations: list[Json] = []


class StreamReader:
    """See the module's theory of operation; the interface is ``table.StreamReader``."""

    def __init__(self, translation: Translation) -> None:
        self.builder = ReplyBuilder(translation.aliases)
        self._origin = translation.origin
        self._loss = translation.loss
        self._output_tool = translation.aliases.output_tool
        self._searches = Searches(self.builder, translation.loss)
        self._stream = SteadyStream()
        self._blocks: dict[int, _Block] = {}
        self._usage: wire.Usage | None = None
        self._last: wire.Message | wire.Delta | None = None
        self._stopped_call: int | None = None

    @property
    def ended(self) -> bool:
        return self.builder.ended

    def feed(self, chunk: bytes) -> list[Event]:
        self._stream.feed(chunk, self._read_event)
        return self.builder.take()

    def finish(self) -> list[Event]:
        self._stream.flush(self._read_event)
        if self._last is not None:
            self._end(self._last)
        self.builder.fail(
            ApiError("upstream_invalid", "the upstream's reply broke off before its end")
        )
        return self.builder.take()

    def read_message(self, message: wire.Message) -> None:
        """A full reply. One without a stop reason is whole all the same: its JSON is."""
        self.builder.start(message.id or "", message.model or "")
        self._note_lost(message)
        reason = _REASONS.get(message.stop_reason or "", "stop")
        content = message.content or []
        for index, block in enumerate(content):
            self._start_block(index, block)
            self._stop_block(index, index < len(content) - 1 or reason not in _CUT_SHORT)
        self._count(message.usage)
        self._end(message)

    def _read_event(self, event: sse.ServerSentEvent) -> Repeated | None:
        if self.ended or event.data.strip() == b"[DONE]":
            return None
        try:
            read = decode_event(_decoder, event.data)
            self._read(read, event)
        except ApiError as error:
            if event.event == "error":
                self.builder.fail(read_error(500, event.data))
            elif not _may_be_ignored(event.data):
                self.builder.fail(error)
            return None
        return self._repeated(read) if self._stream.learns else None

    def _repeated(self, read: wire.StreamEvent) -> Repeated | None:
        """How the delta of a block may be repeated."""
        block = self._blocks.get(read.index)
        if read.delta is None or block is None or block.part is None:
            return None
        field = _TEXT_FIELDS[block.kind]
        text = getattr(read.delta, field)
        plain = wire.Delta(type=read.delta.type, **{field: text})
        if not text or read != wire.StreamEvent(type=read.type, index=read.index, delta=plain):
            return None
        return Repeated(field, partial(self._texts, block, block.part))

    def _texts(self, block: _Block, part: int, texts: list[str]) -> None:
        """Further texts of an open block."""
        block.length += len("".join(texts))
        self.builder.deltas(part, texts)

    def _read(self, read: wire.StreamEvent, event: sse.ServerSentEvent) -> None:
        match read.type or event.event:
            case "content_block_delta" if read.delta is not None:
                self._read_delta(read.index, read.delta)
            case "content_block_start" if read.content_block is not None:
                self._start_block(read.index, read.content_block)
            case "content_block_stop":
                self._settle_call()
                block = self._blocks.get(read.index)
                if block is not None and block.kind == "tool_call":
                    self._stopped_call = read.index
                else:
                    self._stop_block(read.index)
            case "message_start" if read.message is not None:
                self._note_lost(read.message)
                usage = self._count(read.message.usage)
                self.builder.start(read.message.id or "", read.message.model or "", usage)
            case "message_delta":
                self._count(read.usage)
                if read.delta is not None and read.delta.stop_reason:
                    self._last = read.delta
                    reason = _REASONS.get(read.delta.stop_reason, "stop")
                    self._settle_call(complete=reason not in _CUT_SHORT)
            case "message_stop":
                self._end(self._last or wire.Delta())
            case "error":
                self.builder.fail(read_error(500, event.data))
            case "" if read.error:  # as OpenAI's APIs tell it
                self.builder.fail(read_error(500, event.data))

    def _note_lost(self, message: wire.Message) -> None:
        """What is told beside the content, and nowhere else."""
        if message.container:
            self._loss.dropped("reply.container", "containers exist at Anthropic only")
        if message.diagnostics:
            self._loss.dropped("reply.diagnostics", "no such field in the reply")

    def _count(self, news: wire.Usage | None) -> Usage | None:
        """What is known of the usage now."""
        self._usage = merge(self._usage, news)
        if self._usage is None:
            return None
        usage = read_usage(self._usage)
        self.builder.set_usage(usage)
        return usage

    def _settle_call(self, complete: bool = True) -> None:
        """End a call only when it is known what came of it: the reason may be that a limit cut it short."""
        if self._stopped_call is not None:
            self._stop_block(self._stopped_call, complete)
            self._stopped_call = None

    def _start_block(self, index: int, start: Json) -> None:
        self._settle_call()
        self._stop_block(index)
        self.builder.start("", "")
        type_, name = _text(start, "type"), _text(start, "name")
        kind = _PART_KINDS.get(type_)
        if type_ == "web_search_tool_result":
            self._searches.answer(start)
            return
        if kind is None or (kind == "web_search" and name != web_search.NAME):
            self._leave_out(f"{type_} {name}".strip())
            return
        block = self._blocks[index] = _Block(kind)
        match kind:
            case "web_search":
                block.search = self._searches.start(start)
            case "tool_call":
                self._start_call(block, start)
            case "text":
                self._say(block, _text(start, "text"))
                given = start.get("citations")
                if isinstance(given, list):
                    block.citations += [entry for entry in given if isinstance(entry, dict)]
            case _:
                data = _text(start, "data")
                if type_ == "redacted_thinking":
                    block.proof = Proof(kind="redacted", value=data, origin=self._origin)
                self._say(block, _text(start, "thinking"))
                self._sign(block, _text(start, "signature"))

    def _start_call(self, block: _Block, start: Json) -> None:
        """No arguments at all are an answer too, if the call is the answer."""
        name = _text(start, "name")
        caller = start.get("caller")
        kind = _text(caller, "type") if isinstance(caller, dict) else ""
        if kind not in ("", "direct") or start.get("toolset_name"):
            self._loss.approximated("reply.content", "which code, or toolset, called a tool")
        block.part = self.builder.open_call(_text(start, "id") or new_id("toolu_"), name)
        given = start.get("input")
        if isinstance(given, dict) and (given or name == self._output_tool):
            block.input = encode(given).decode()

    def _leave_out(self, what: str) -> None:
        if what:
            self._loss.approximated("reply.content", f"left out: {what[:_LONGEST_NAME]}")

    def _read_delta(self, index: int, delta: wire.Delta) -> None:
        block = self._blocks.get(index)
        if block is None:
            return
        match block.kind:
            case "text":
                self._say(block, delta.text)
                if delta.citation is not None:
                    block.citations.append(delta.citation)
            case "web_search" if delta.partial_json:
                block.input += delta.partial_json
            case "tool_call" if delta.partial_json:
                block.input = ""
                self._say(block, delta.partial_json)
            case "reasoning":
                self._say(block, delta.thinking)
                self._sign(block, delta.signature)

    def _say(self, block: _Block, text: str | None) -> None:
        if text:
            if block.part is None:
                block.part = self.builder.open(block.kind)
            self.builder.delta(block.part, text)
            block.length += len(text)

    def _sign(self, block: _Block, signature: str | None) -> None:
        if block.kind == "reasoning" and signature:
            so_far = block.proof.value if block.proof else ""
            block.proof = Proof(kind="signature", value=so_far + signature, origin=self._origin)

    def _stop_block(self, index: int, complete: bool = True) -> None:
        block = self._blocks.pop(index, None)
        if block is None:
            return
        if block.kind == "web_search":
            self._searches.ask(block.search, block.input)
            return
        if complete or block.input != "{}":
            self._say(block, block.input)
        if block.part is None and block.proof is not None:
            block.part = self.builder.open(block.kind)
        if block.part is not None:
            self._cite(block, block.part)
            self.builder.close(block.part, block.proof, complete)

    def _cite(self, block: _Block, part: int) -> None:
        for citation in block.citations:
            annotation = read_citation(citation, block.length)
            if annotation is None:
                kind = _text(citation, "type")[:_LONGEST_NAME]
                self._loss.approximated("reply.citations", f"left out: {kind}")
            else:
                self.builder.annotate(part, annotation)

    def _end(self, last: wire.Message | wire.Delta) -> None:
        if not self.builder.started:
            self.builder.fail(_no_message())
            return
        said = last.stop_reason or "end_turn"
        reason = _REASONS.get(said, "stop")
        if said not in _REASONS:
            self._loss.approximated("reply.stop_reason", f"{said[:_LONGEST_NAME]} became end_turn")
        for index in sorted(self._blocks):
            self._stop_block(index, complete=reason not in _CUT_SHORT)
        self._searches.finish()
        if isinstance(last, wire.Delta) and last.container:
            self._loss.dropped("reply.container", "containers exist at Anthropic only")
        if self._usage is not None:
            note_lost(self._usage, self._loss)
        details = last.stop_details or {}
        self.builder.finish(
            reason,
            last.stop_sequence,
            _text(details, "explanation") or None,
            _text(details, "category") or None,
        )


def _text(holder: Json, name: str) -> str:
    value = holder.get(name)
    return value if isinstance(value, str) else ""


def _no_message() -> ApiError:
    return ApiError("upstream_invalid", "the upstream's reply is no message")


def _may_be_ignored(data: bytes) -> bool:
    """Whether what does not fit the known shapes is JSON of a kind that nobody here knows."""
    try:
        event = msgspec.json.decode(data)
    except (ValueError, RecursionError):
        return False
    if not isinstance(event, dict):
        return False
    if event.get("type") not in _EVENTS:
        return True
    delta = event.get("delta")
    return isinstance(delta, dict) and delta.get("type") not in _DELTAS
