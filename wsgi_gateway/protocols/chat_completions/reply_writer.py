"""Events, written as the Chat Completions reply that a client gets.

Theory of operation. The first chunk carries the role. Text goes out as it comes; a tool call's first fragment
carries index, id, type and name, and the later ones its arguments only, so several calls may be open at once.
Reasoning goes out as ``reasoning_content``; what its provider wants back is sealed into one entry of
``reasoning_details`` at the end of its part. All annotations go out in one chunk before the finish, as SDK helpers
cannot take two. The usage chunk, where asked for, is the last.
"""

import time
from collections.abc import Iterable

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.chat_completions.calls_writer import CallsWriter, write_calls
from wsgi_gateway.protocols.chat_completions.errors import error_body
from wsgi_gateway.protocols.chat_completions.finish import write_finish
from wsgi_gateway.protocols.chat_completions.joined_content import JoinedContent
from wsgi_gateway.protocols.chat_completions.reasoning_details import (
    is_worth_keeping,
    sealed_detail,
)
from wsgi_gateway.protocols.chat_completions.tools_reader import is_legacy
from wsgi_gateway.protocols.chat_completions.usage import write_usage
from wsgi_gateway.protocols.conversation import Conversation, Json
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.envelope import TEXT, Envelope
from wsgi_gateway.protocols.events import (
    Annotated,
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
from wsgi_gateway.protocols.reply import Reply
from wsgi_gateway.protocols.service_tier import CHAT_TIERS, written_tier

_DELTA_FIELDS = {"text": "content", "refusal": "refusal", "reasoning": "reasoning_content"}
_DONE = sse.encode(b"[DONE]")


def write_reply(reply: Reply, conversation: Conversation, loss: Loss) -> Json:
    """The full reply, with the same content as the stream would have had."""
    legacy = is_legacy(conversation.body)
    calls = [part for part in reply.parts if part.kind == "tool_call"]
    ending = write_finish(reply, legacy, loss)
    content = JoinedContent(loss)
    said = _said(reply, content, loss)
    refusal = said["refusal"] + (ending.refusal or "")
    message: Json = {
        "role": "assistant",
        "content": said["text"] if said["text"] or not (calls or said["refusal"]) else None,
        "refusal": refusal or None,
    }
    if content.annotations:
        message["annotations"] = content.annotations
    message |= _thoughts(reply) | write_calls(calls, legacy, loss)
    choice = {
        "index": 0,
        "message": message,
        "logprobs": _all_logprobs(reply),
        "finish_reason": ending.reason,
    }
    return {
        "id": with_prefix("chatcmpl-", reply.id),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": conversation.model,
        "choices": [choice],
        **_service_tier(reply.usage, loss),
        "usage": write_usage(reply.usage, loss),
    }


def _said(reply: Reply, content: JoinedContent, loss: Loss) -> dict[PartKind, str]:
    """What the reply says in its texts and in its refusals."""
    said: dict[PartKind, list[str]] = {"text": [], "refusal": []}
    for index, part in enumerate(reply.parts):
        if part.kind == "web_search":
            _leave_out_search(loss)
        if part.kind not in said:
            continue
        content.start(index, part.starts_message, part.phase)
        if part.text:
            said[part.kind].append(content.add(index, part.kind, part.text))
        for annotation in part.annotations:
            content.annotate(index, annotation)
    return {kind: "".join(texts) for kind, texts in said.items()}


def _thoughts(reply: Reply) -> Json:
    thoughts = [part for part in reply.parts if part.kind == "reasoning"]
    fields: Json = {}
    text = "".join(part.text for part in thoughts)
    if text:
        fields["reasoning_content"] = text
    proven = [(part.text, part.proof) for part in thoughts if part.proof is not None]
    kept = [(text, proof) for text, proof in proven if is_worth_keeping(proof)]
    if kept:
        fields["reasoning_details"] = [
            sealed_detail(text, proof, number) for number, (text, proof) in enumerate(kept)
        ]
    return fields


def _all_logprobs(reply: Reply) -> Json | None:
    told = {
        kind: [
            token
            for part in reply.parts
            if part.kind == kind and part.logprobs is not None
            for token in part.logprobs
        ]
        for kind in ("text", "refusal")
    }
    return _logprobs(told["text"], told["refusal"])


def _logprobs(content: list[Json] | None, refusal: list[Json] | None) -> Json | None:
    if not content and not refusal:
        return None
    return {"content": _tokens(content), "refusal": _tokens(refusal)}


def _tokens(tokens: list[Json] | None) -> list[Json] | None:
    """With the fields that SDKs demand, where a host leaves them out."""
    return [{"bytes": None, "top_logprobs": [], **token} for token in tokens or ()] or None


def _service_tier(usage: Usage | None, loss: Loss) -> Json:
    tier = written_tier(usage.service_tier if usage else None, CHAT_TIERS, loss)
    return {"service_tier": tier} if tier else {}


def _leave_out_search(loss: Loss) -> None:
    loss.approximated(
        "reply.web_search", "what was searched is not told, only what the answer cites"
    )


class StreamWriter:
    """See the module's theory of operation; the interface is ``table.StreamWriter``."""

    response: Json | None = None

    def __init__(self, conversation: Conversation, loss: Loss) -> None:
        self._model = conversation.model
        self._loss = loss
        self._include_usage = conversation.include_usage
        self._legacy = is_legacy(conversation.body)
        self._usage: Usage | None = None
        self._frame: Json = {}
        self._kinds: dict[int, PartKind] = {}
        self._envelopes: dict[int, Envelope] = {}
        self._content = JoinedContent(loss)
        self._calls = CallsWriter(self._legacy, loss)
        self._thoughts: dict[int, list[str]] = {}
        self._details = 0

    def write(self, events: Iterable[Event]) -> bytes:
        return b"".join([self._write(event) for event in events])

    def _write(self, event: Event) -> bytes:
        match event:
            case Delta() if event.logprobs and self._kinds[event.index] in ("text", "refusal"):
                return self._with_logprobs(event)
            case Delta():
                return self._deltas(event.index, [event.text])
            case Deltas():
                return self._deltas(event.index, event.texts)
            case PartStarted():
                return self._part_started(event)
            case PartEnded():
                return self._part_ended(event)
            case Annotated():
                self._content.annotate(event.index, event.annotation)
                return b""
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

    def _chunk(
        self, delta: Json, *, logprobs: Json | None = None, finish_reason: str | None = None
    ) -> bytes:
        return sse.encode(encode(self._completion(delta, logprobs, finish_reason)))

    def _completion(
        self, delta: Json, logprobs: Json | None = None, finish_reason: str | None = None
    ) -> Json:
        choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}
        chunk = {**self._frame, "choices": [choice]}
        if self._include_usage:
            chunk["usage"] = None
        return chunk

    def _part_started(self, event: PartStarted) -> bytes:
        self._kinds[event.index] = event.kind
        match event.kind:
            case "tool_call":
                fragment = self._calls.start(event)
                return self._chunk(fragment) if fragment else b""
            case "reasoning":
                self._thoughts[event.index] = []
            case "text" | "refusal":
                self._content.start(event.index, event.starts_message, event.phase)
            case "web_search":
                _leave_out_search(self._loss)
        return b""

    def _with_logprobs(self, event: Delta) -> bytes:
        """A delta of text or refusal, with the log probabilities of its tokens."""
        kind = self._kinds[event.index]
        text = self._content.add(event.index, kind, event.text)
        told = (event.logprobs, None) if kind == "text" else (None, event.logprobs)
        return self._chunk({_DELTA_FIELDS[kind]: text}, logprobs=_logprobs(*told))

    def _deltas(self, index: int, texts: list[str]) -> bytes:
        kind = self._kinds[index]
        if kind == "reasoning":
            self._thoughts[index] += texts
        elif kind != "tool_call":
            texts = self._content.add_all(index, kind, texts)
        envelope = self._envelopes.get(index)
        if envelope is None:
            is_call = kind == "tool_call"
            delta = self._calls.delta(index, TEXT) if is_call else {_DELTA_FIELDS[kind]: TEXT}
            if not delta:
                return b""
            envelope = self._envelopes[index] = Envelope(self._completion(delta))
        return envelope.write(texts)

    def _part_ended(self, event: PartEnded) -> bytes:
        self._envelopes.pop(event.index, None)
        text = "".join(self._thoughts.pop(event.index, ()))
        if event.proof is None or not is_worth_keeping(event.proof):
            return b""
        detail = sealed_detail(text, event.proof, self._details)
        self._details += 1
        return self._chunk({"reasoning_details": [detail]})

    def _finished(self, event: Finished) -> bytes:
        ending = write_finish(event, self._legacy, self._loss)
        self._frame |= _service_tier(self._usage, self._loss)
        last = b""
        if self._content.annotations:
            last += self._chunk({"annotations": self._content.annotations})
        if ending.refusal:
            last += self._chunk({"refusal": ending.refusal})
        last += self._chunk({}, finish_reason=ending.reason)
        if self._include_usage:
            chunk = {**self._frame, "choices": [], "usage": write_usage(self._usage, self._loss)}
            last += sse.encode(encode(chunk))
        return last + _DONE
