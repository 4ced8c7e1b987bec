"""Events, written as the Messages reply that a client gets.

Theory of operation. Messages knows one open content block at a time, while events may tell of
several open parts. So parts queue in the order they started: the first is written as it grows, the
others collect what they say until all before them have ended. A block opens with its first text (a
tool call's at once), so that empty ones never appear; its index is the count of those before. The
end waits for the usage, which the events promise to tell before it. After a failure nothing is
closed: a client must not take for whole what was cut short.

What a provider wants back with its reasoning goes into the field that clients return unread:
``signature`` of a thinking block, or ``data`` of a redacted one where there is nothing to read. A
custom tool's free text, which Messages does not have, becomes an input of one field when it is whole.
"""

from collections import deque
from collections.abc import Iterable

import msgspec

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.aliases import Aliases
from wsgi_gateway.protocols.conversation import Conversation, Json, Proof
from wsgi_gateway.protocols.custom_tools import wrapped_input
from wsgi_gateway.protocols.decoding import encode, parse_arguments
from wsgi_gateway.protocols.events import (
    Delta,
    Event,
    Failed,
    Finished,
    FinishReason,
    PartEnded,
    PartKind,
    PartStarted,
    Started,
    Usage,
    UsageReported,
)
from wsgi_gateway.protocols.ids import with_prefix
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages.errors import error_body
from wsgi_gateway.protocols.messages.usage import write_usage
from wsgi_gateway.protocols.reply import Reply, ReplyPart
from wsgi_gateway.protocols.seal import seal

_REASONS: dict[FinishReason, str] = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "context_window": "model_context_window_exceeded",
    "content_filter": "refusal",
    "pause": "pause_turn",
}
_EMPTY_BLOCKS: dict[PartKind, Json] = {
    "text": {"type": "text", "text": ""},
    "refusal": {"type": "text", "text": ""},
    "reasoning": {"type": "thinking", "thinking": "", "signature": ""},
}
_DELTAS: dict[PartKind, tuple[str, str]] = {
    "text": ("text_delta", "text"),
    "refusal": ("text_delta", "text"),
    "reasoning": ("thinking_delta", "thinking"),
    "tool_call": ("input_json_delta", "partial_json"),
}


def write_reply(reply: Reply, conversation: Conversation, loss: Loss) -> Json:
    """The full reply, with the same content as the stream would have had."""
    blocks = (_block(part) for part in reply.parts)
    return {
        **_head(reply.id, conversation.model),
        "content": [block for block in blocks if block is not None],
        **_ending(
            reply.reason,
            reply.stop_sequence,
            reply.explanation,
            {part.kind for part in reply.parts},
        ),
        "usage": write_usage(reply.usage),
    }


def _head(upstream_id: str, model: str) -> Json:
    return {
        "id": with_prefix("msg_", upstream_id),
        "type": "message",
        "role": "assistant",
        "model": model,
    }


def _block(part: ReplyPart) -> Json | None:
    """A complete content block; None for a part that says nothing."""
    match part.kind:
        case "text" | "refusal":
            return {"type": "text", "text": part.text} if part.text else None
        case "reasoning":
            return _reasoning_block(part.text, part.proof)
        case "tool_call":
            arguments = wrapped_input(part.text) if part.custom else part.text
            return {**_call_block(part), "input": _input(arguments)}


def _call_block(part: ReplyPart | PartStarted) -> Json:
    """The start of a tool call, its id within Messages' alphabet: clients send it back as it is."""
    call_id = Aliases().call_id(part.id)
    return {"type": "tool_use", "id": call_id, "name": part.name, "input": {}}


def _input(arguments: str) -> Json | msgspec.Raw:
    """The arguments verbatim; what is no JSON object (cut short, or plain wrong) under ``_raw``."""
    if parse_arguments(arguments) is None:
        return {"_raw": arguments}
    return msgspec.Raw(arguments.encode()) if arguments.strip() else {}


def _reasoning_block(text: str, proof: Proof | None) -> Json | None:
    kind = proof.kind if proof else "none"
    if not text and kind == "none":
        return None
    if not text and kind != "signature":
        return {"type": "redacted_thinking", "data": _signature(proof)}
    return {"type": "thinking", "thinking": text, "signature": _signature(proof)}


def _signature(proof: Proof | None) -> str:
    """Messages' own as it is, another API's sealed; never empty, as clients insist on one."""
    if proof is not None and proof.kind in ("signature", "redacted") and proof.value:
        return proof.value
    return seal(proof or Proof(kind="none"))


def _ending(
    reason: FinishReason,
    stop_sequence: str | None,
    explanation: str | None,
    kinds: set[PartKind],
) -> Json:
    """A refusal in the model's own words is told by the reason, as Messages has no block for it."""
    stop_reason = _REASONS[reason]
    if reason == "stop_sequence" and "tool_call" in kinds:
        stop_reason = "tool_use"
    elif reason == "stop_sequence" and stop_sequence is None:
        stop_reason = "end_turn"
    elif reason == "stop" and "refusal" in kinds:
        stop_reason = "refusal"
    ending: Json = {"stop_reason": stop_reason, "stop_sequence": None}
    if stop_reason == "stop_sequence":
        ending["stop_sequence"] = stop_sequence
    if stop_reason == "refusal":
        details = {"type": "refusal", "category": None, "explanation": explanation}
        ending["stop_details"] = details
    return ending


class _Part:
    """A part on its way: ``waiting`` is what it said while others were before it."""

    __slots__ = ("block", "end", "start", "waiting")

    def __init__(self, start: PartStarted) -> None:
        self.start = start
        self.block: int | None = None
        self.waiting: list[str] = []
        self.end: PartEnded | None = None


class StreamWriter:
    """See the module's theory of operation; the interface is ``table.StreamWriter``."""

    response: Json | None = None

    def __init__(self, conversation: Conversation, loss: Loss) -> None:
        self._model = conversation.model
        self._loss = loss
        self._out: list[bytes] = []
        self._parts: dict[int, _Part] = {}
        self._queue: deque[_Part] = deque()
        self._blocks = 0
        self._kinds: set[PartKind] = set()
        self._usage: Usage | None = None

    def write(self, events: Iterable[Event]) -> bytes:
        for event in events:
            self._write(event)
        out, self._out = self._out, []
        return b"".join(out)

    def _write(self, event: Event) -> None:
        match event:
            case Delta():
                self._delta(event)
            case PartStarted():
                self._part_started(event)
            case PartEnded():
                self._parts[event.index].end = event
                self._advance()
            case Started():
                self._started(event)
            case UsageReported():
                self._usage = event.usage
            case Finished():
                self._finished(event)
            case Failed():
                self._send(error_body(event.error)[1])

    def _send(self, event: Json) -> None:
        self._out.append(sse.encode(encode(event), event=event["type"]))

    def _started(self, event: Started) -> None:
        self._usage = event.usage
        message = {
            **_head(event.id, self._model),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_usage(event.usage),
        }
        self._send({"type": "message_start", "message": message})
        self._send({"type": "ping"})

    def _part_started(self, event: PartStarted) -> None:
        part = self._parts[event.index] = _Part(event)
        self._kinds.add(event.kind)
        self._queue.append(part)
        if part is self._queue[0]:
            self._begin(part)

    def _delta(self, event: Delta) -> None:
        part = self._parts[event.index]
        if part is self._queue[0] and not part.start.custom:
            self._say(part, event.text)
        else:
            part.waiting.append(event.text)

    def _advance(self) -> None:
        """Close the parts at the head of the queue that have ended, and let the next one speak."""
        while self._queue and (end := self._queue[0].end) is not None:
            self._close(self._queue.popleft(), end)
            if self._queue:
                self._begin(self._queue[0])

    def _begin(self, part: _Part) -> None:
        if part.start.kind == "tool_call":
            self._open(part, _call_block(part.start))
        if part.waiting and not part.start.custom:
            self._say(part, "".join(part.waiting))

    def _open(self, part: _Part, block: Json) -> None:
        part.block = self._blocks
        self._blocks += 1
        self._send({"type": "content_block_start", "index": part.block, "content_block": block})

    def _say(self, part: _Part, text: str) -> None:
        kind = part.start.kind
        if part.block is None:
            self._open(part, _EMPTY_BLOCKS[kind])
        type_, field = _DELTAS[kind]
        self._send_delta(part, {"type": type_, field: text})

    def _send_delta(self, part: _Part, delta: Json) -> None:
        self._send({"type": "content_block_delta", "index": part.block, "delta": delta})

    def _close(self, part: _Part, end: PartEnded) -> None:
        if part.start.kind == "reasoning":
            self._prove(part, end.proof)
        if part.start.custom:
            self._say(part, wrapped_input("".join(part.waiting)))
        if part.block is not None:
            self._send({"type": "content_block_stop", "index": part.block})

    def _prove(self, part: _Part, proof: Proof | None) -> None:
        """Sign a thinking block just before its stop; hidden reasoning appears only now, whole."""
        if part.block is None:
            hidden = _reasoning_block("", proof)
            if hidden is None:
                return
            is_redacted = hidden["type"] == "redacted_thinking"
            self._open(part, hidden if is_redacted else _EMPTY_BLOCKS["reasoning"])
            if is_redacted:
                return
        self._send_delta(part, {"type": "signature_delta", "signature": _signature(proof)})

    def _finished(self, event: Finished) -> None:
        ending = _ending(event.reason, event.stop_sequence, event.explanation, self._kinds)
        usage = write_usage(self._usage)
        self._send({"type": "message_delta", "delta": ending, "usage": usage})
        self._send({"type": "message_stop"})
