"""Events, written as the Messages reply that a client gets.

Theory of operation. Messages knows one open content block at a time, while events may tell of
several open parts. So parts queue in the order they started: the first is written as it grows, the
others collect what they say until all before them have ended. A block opens with its first text (a
tool call's at once), so that empty ones never appear; its index is the count of those before. The
end waits for the usage, which the events promise to tell before it. After a failure nothing is
closed: a client must not take for whole what was cut short, and some run a tool at the stop of its
block. So what still waits behind an open block then (pieces of calls that a provider interleaves)
is not told.

Citations come as a list of sources at the end of their block, a custom tool's input when it is whole.
The blocks themselves are made in ``reply_blocks``.
"""

from collections import deque
from collections.abc import Iterable

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.conversation import Conversation, Json, Proof
from wsgi_gateway.protocols.custom_tools import wrapped_input
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.envelope import TEXT, Envelope
from wsgi_gateway.protocols.events import (
    Annotated,
    Annotation,
    Delta,
    Deltas,
    Event,
    Failed,
    Finished,
    PartEnded,
    PartKind,
    PartStarted,
    Started,
    Usage,
    UsageReported,
)
from wsgi_gateway.protocols.ids import with_prefix
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages.citations import source_list
from wsgi_gateway.protocols.messages.errors import error_body
from wsgi_gateway.protocols.messages.reply_blocks import (
    call_block,
    is_json,
    note_logprobs,
    note_start,
    reasoning_block,
    signature_of,
    write_block,
    write_ending,
)
from wsgi_gateway.protocols.messages.usage import write_final_usage, write_usage
from wsgi_gateway.protocols.reply import Reply

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
    blocks = (write_block(part, is_json(conversation), loss) for part in reply.parts)
    return {
        **_head(reply.id, conversation.model),
        "content": [block for block in blocks if block is not None],
        **write_ending(reply, {part.kind for part in reply.parts}),
        "usage": write_final_usage(reply.usage, loss),
    }


def _head(upstream_id: str, model: str) -> Json:
    return {
        "id": with_prefix("msg_", upstream_id),
        "type": "message",
        "role": "assistant",
        "model": model,
    }


class _Part:
    """A part on its way: ``waiting`` is what it said while others were before it."""

    __slots__ = ("annotations", "block", "end", "envelope", "start", "waiting")

    def __init__(self, start: PartStarted) -> None:
        self.start = start
        self.block: int | None = None
        self.envelope: Envelope | None = None
        self.waiting: list[str] = []
        self.annotations: list[Annotation] = []
        self.end: PartEnded | None = None


class StreamWriter:
    """See the module's theory of operation; the interface is ``table.StreamWriter``."""

    response: Json | None = None

    def __init__(self, conversation: Conversation, loss: Loss) -> None:
        self._model = conversation.model
        self._is_json = is_json(conversation)
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
                if event.logprobs:
                    note_logprobs(self._loss)
                self._deltas(event.index, [event.text])
            case Deltas():
                self._deltas(event.index, event.texts)
            case PartStarted():
                self._part_started(event)
            case Annotated():
                self._parts[event.index].annotations.append(event.annotation)
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
        note_start(event, self._loss)
        part = self._parts[event.index] = _Part(event)
        self._kinds.add(event.kind)
        self._queue.append(part)
        if part is self._queue[0]:
            self._begin(part)

    def _deltas(self, index: int, texts: list[str]) -> None:
        part = self._parts[index]
        if part is self._queue[0] and not part.start.custom:
            self._say(part, texts)
        else:
            part.waiting += texts

    def _advance(self) -> None:
        """Close the parts at the head of the queue that have ended, and let the next one speak."""
        while self._queue and (end := self._queue[0].end) is not None:
            self._close(self._queue.popleft(), end)
            if self._queue:
                self._begin(self._queue[0])

    def _begin(self, part: _Part) -> None:
        if part.start.kind == "tool_call":
            self._open(part, call_block(part.start))
        if part.waiting and not part.start.custom:
            self._say(part, ["".join(part.waiting)])

    def _open(self, part: _Part, block: Json) -> None:
        part.block = self._blocks
        self._blocks += 1
        self._send({"type": "content_block_start", "index": part.block, "content_block": block})

    def _say(self, part: _Part, texts: list[str]) -> None:
        kind = part.start.kind
        if part.block is None:
            self._open(part, _EMPTY_BLOCKS[kind])
        if part.envelope is None:
            type_, field = _DELTAS[kind]
            event = _delta(part, {"type": type_, field: TEXT})
            part.envelope = Envelope(event, event["type"])
        self._out.append(part.envelope.write(texts))

    def _close(self, part: _Part, end: PartEnded) -> None:
        if part.start.kind == "reasoning":
            self._prove(part, end.proof)
        if part.annotations and part.block is not None:
            self._cite(part)
        if part.start.custom:
            self._say(part, [wrapped_input("".join(part.waiting))])
        if part.block is not None:
            self._send({"type": "content_block_stop", "index": part.block})

    def _cite(self, part: _Part) -> None:
        sources = source_list(part.annotations, self._is_json, self._loss)
        if sources:
            self._say(part, [sources])

    def _prove(self, part: _Part, proof: Proof | None) -> None:
        """Sign a thinking block just before its stop; hidden reasoning appears only now, whole."""
        if part.block is None:
            hidden = reasoning_block("", proof)
            if hidden is None:
                return
            is_redacted = hidden["type"] == "redacted_thinking"
            self._open(part, hidden if is_redacted else _EMPTY_BLOCKS["reasoning"])
            if is_redacted:
                return
        self._send(_delta(part, {"type": "signature_delta", "signature": signature_of(proof)}))

    def _finished(self, event: Finished) -> None:
        ending = write_ending(event, self._kinds)
        usage = write_final_usage(self._usage, self._loss)
        self._send({"type": "message_delta", "delta": ending, "usage": usage})
        self._send({"type": "message_stop"})


def _delta(part: _Part, delta: Json) -> Json:
    return {"type": "content_block_delta", "index": part.block, "delta": delta}
