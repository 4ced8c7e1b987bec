"""Events, written as the Chat Completions reply that a client gets.

Theory of operation. The first chunk carries the role. Text goes out as it comes; a tool call's first fragment
carries index, id, type and name, and the later ones its arguments only, so several calls may be open at once.
Reasoning goes out as ``reasoning_content``; what its provider wants back is sealed into one entry of
``reasoning_details`` at the end of its part. The usage chunk, where asked for, is the last.
"""

import time
from collections.abc import Iterable

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.chat_completions.errors import error_body
from wsgi_gateway.protocols.chat_completions.usage import write_usage
from wsgi_gateway.protocols.conversation import Conversation, Json, Proof
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.events import (
    Delta,
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
from wsgi_gateway.protocols.reply import Reply, ReplyPart
from wsgi_gateway.protocols.seal import seal

_REASONS = {
    "stop": "stop",
    "stop_sequence": "stop",
    "tool_calls": "tool_calls",
    "length": "length",
    "context_window": "length",
    "content_filter": "content_filter",
    "pause": "stop",
}
_DELTA_FIELDS = {"text": "content", "refusal": "refusal", "reasoning": "reasoning_content"}
_DONE = sse.encode(b"[DONE]")


def write_reply(reply: Reply, conversation: Conversation, loss: Loss) -> Json:
    """The full reply, with the same content as the stream would have had."""
    calls = [_tool_call(part) for part in reply.parts if part.kind == "tool_call"]
    text = _joined(reply, "text")
    message: Json = {
        "role": "assistant",
        "content": text if text or not (calls or _joined(reply, "refusal")) else None,
        "refusal": _joined(reply, "refusal") or reply.explanation,
    }
    reasoning = _joined(reply, "reasoning")
    if reasoning:
        message["reasoning_content"] = reasoning
    proven = [part for part in reply.parts if _is_worth_keeping(part.proof)]
    if proven:
        message["reasoning_details"] = [
            _reasoning_detail(part.text, part.proof, number) for number, part in enumerate(proven)
        ]
    if calls:
        message["tool_calls"] = calls
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": _REASONS[reply.reason],
    }
    return {
        "id": with_prefix("chatcmpl-", reply.id),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": conversation.model,
        "choices": [choice],
        "usage": write_usage(reply.usage),
    }


def _joined(reply: Reply, kind: PartKind) -> str:
    return "".join(part.text for part in reply.parts if part.kind == kind)


def _tool_call(part: ReplyPart) -> Json:
    if part.custom:
        return {"id": part.id, "type": "custom", "custom": {"name": part.name, "input": part.text}}
    function = {"name": part.name, "arguments": part.text}
    return {"id": part.id, "type": "function", "function": function}


def _is_worth_keeping(proof: Proof | None) -> bool:
    return proof is not None and proof.kind != "none"


def _reasoning_detail(text: str, proof: Proof | None, index: int) -> Json:
    """OpenRouter's form, with ``index`` because SDK helpers merge lists of objects by it."""
    token = seal(proof or Proof(kind="none"))
    if not text:
        return {"type": "reasoning.encrypted", "index": index, "data": token}
    return {"type": "reasoning.text", "index": index, "text": text, "signature": token}


class StreamWriter:
    """See the module's theory of operation; the interface is ``table.StreamWriter``."""

    response: Json | None = None

    def __init__(self, conversation: Conversation, loss: Loss) -> None:
        self._model = conversation.model
        self._loss = loss
        self._include_usage = conversation.include_usage
        self._usage: Usage | None = None
        self._frame: Json = {}
        self._kinds: dict[int, PartKind] = {}
        self._calls: dict[int, int] = {}
        self._custom: set[int] = set()
        self._texts: dict[int, list[str]] = {}
        self._details = 0

    def write(self, events: Iterable[Event]) -> bytes:
        return b"".join([self._write(event) for event in events])

    def _write(self, event: Event) -> bytes:
        match event:
            case Delta():
                return self._delta(event)
            case PartStarted():
                return self._part_started(event)
            case PartEnded():
                return self._part_ended(event)
            case Started():
                return self._started(event)
            case UsageReported():
                self._usage = event.usage
                return b""
            case Finished():
                return self._finished(event)
            case Failed():
                return sse.encode(encode(error_body(event.error)[1]))

    def _started(self, event: Started) -> bytes:
        self._frame = {
            "id": with_prefix("chatcmpl-", event.id),
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": self._model,
        }
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def _chunk(self, delta: Json, finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        chunk = {**self._frame, "choices": [choice]}
        if self._include_usage:
            chunk["usage"] = None
        return sse.encode(encode(chunk))

    def _part_started(self, event: PartStarted) -> bytes:
        self._kinds[event.index] = event.kind
        if event.kind == "reasoning":
            self._texts[event.index] = []
        if event.kind != "tool_call":
            return b""
        number = self._calls[event.index] = len(self._calls)
        call: Json = {"index": number, "id": event.id}
        if event.custom:
            self._custom.add(event.index)
            call |= {"type": "custom", "custom": {"name": event.name, "input": ""}}
        else:
            call |= {"type": "function", "function": {"name": event.name, "arguments": ""}}
        return self._chunk({"tool_calls": [call]})

    def _delta(self, event: Delta) -> bytes:
        kind = self._kinds[event.index]
        if kind == "tool_call":
            number = self._calls[event.index]
            if event.index in self._custom:
                return self._chunk(
                    {"tool_calls": [{"index": number, "custom": {"input": event.text}}]}
                )
            call = {"index": number, "function": {"arguments": event.text}}
            return self._chunk({"tool_calls": [call]})
        if kind == "reasoning":
            self._texts[event.index].append(event.text)
        return self._chunk({_DELTA_FIELDS[kind]: event.text})

    def _part_ended(self, event: PartEnded) -> bytes:
        if not _is_worth_keeping(event.proof):
            return b""
        text = "".join(self._texts.pop(event.index, ()))
        detail = _reasoning_detail(text, event.proof, self._details)
        self._details += 1
        return self._chunk({"reasoning_details": [detail]})

    def _finished(self, event: Finished) -> bytes:
        explanation = self._chunk({"refusal": event.explanation}) if event.explanation else b""
        finish = self._chunk({}, _REASONS[event.reason])
        usage = b""
        if self._include_usage:
            chunk = {**self._frame, "choices": [], "usage": write_usage(self._usage)}
            usage = sse.encode(encode(chunk))
        return explanation + finish + usage + _DONE
