"""Judges of streams: is what a client received exactly what its API promises?

Here: one strict checker per API, written from the order rules of the wire documentation alone,
sharing nothing with the gateway. They raise AssertionError on the first offence and say how a legal
stream ended. Not here: its meaning.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from support.frames import Ending, check_openai_error, frames, named_events
from support.responses_judge import check_responses
from support.streams import Api, Json

__all__ = [
    "Ending",
    "check",
    "check_chat_completions",
    "check_messages",
    "check_responses",
    "frames",
]

# --- Chat Completions

_CHAT_TIERS = {None, "auto", "default", "flex", "scale", "priority", "fast"}


@dataclass
class _ChatStream:
    started: bool = False
    tools: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    legacy_call: str | None = None
    annotations: list[Json] = field(default_factory=list)
    content: str = ""
    finish: str | None = None
    usage: Json | None = None
    head: tuple[Any, ...] | None = None

    def take(self, chunk: Json, usage_asked: bool) -> None:
        assert "error" not in chunk, "error key in an ordinary chunk"
        assert chunk["object"] == "chat.completion.chunk"
        head = (chunk["id"], chunk["created"], chunk["model"])
        assert all(head) and self.head in {None, head}, f"{head} after {self.head}"
        self.head = head
        assert self.usage is None, "a chunk after the usage chunk"
        assert chunk.get("service_tier") in _CHAT_TIERS, chunk["service_tier"]
        if not chunk["choices"]:
            assert usage_asked, "usage chunk that the client did not ask for"
            assert self.finish, "usage before the finish"
            self.usage = chunk["usage"]
            _check_chat_usage(chunk["usage"])
            return
        assert chunk.get("usage") is None, "usage outside the usage chunk"
        (choice,) = chunk["choices"]
        assert choice["index"] == 0
        assert self.finish is None, "a choice after its finish"
        self._take_delta(choice["delta"])
        _check_chat_logprobs(choice.get("logprobs"))
        self.finish = choice["finish_reason"]
        if self.finish:
            assert choice["delta"] == {}, "the finish chunk carries content"
            regular = (
                "tool_calls" if self.tools else "function_call" if self.legacy_call else "stop"
            )
            expected = {"length", "content_filter", regular}
            assert self.finish in expected, f"{self.finish} with {len(self.tools)} tool calls"
            for annotation in self.annotations:
                _check_chat_annotation(annotation, self.content)

    def _take_delta(self, delta: Json) -> None:
        if not self.started:
            assert delta.get("role") == "assistant", f"first delta is {delta}"
            assert set(delta) <= {"role", "content", "refusal"} and not delta["content"]
            self.started = True
            return
        assert "role" not in delta, "role repeated"
        self.content += delta.get("content") or ""
        if "annotations" in delta:
            assert delta["annotations"] and not self.annotations, "annotations twice, or none"
            self.annotations = delta["annotations"]
        for call in delta.get("tool_calls", []):
            self._take_call(call)
        if "function_call" in delta:
            self._take_legacy_call(delta["function_call"])

    def _take_call(self, call: Json) -> None:
        if call["index"] == len(self.tools):
            kind = call["type"]
            text = {"function": "arguments", "custom": "input"}[kind]
            assert call["id"] and set(call) == {"index", "id", "type", kind}, call
            assert call["id"] not in self.tools, f"tool call id {call['id']} twice"
            assert call[kind]["name"] and isinstance(call[kind][text], str), call
            self.tools.append(call["id"])
            self.kinds.append(kind)
        else:
            assert 0 <= call["index"] < len(self.tools), f"tool index {call['index']}"
            kind = self.kinds[call["index"]]
            assert set(call) == {"index", kind}, f"continuation with {sorted(call)}"
            assert set(call[kind]) == {"arguments" if kind == "function" else "input"}, call

    def _take_legacy_call(self, call: Json) -> None:
        assert not self.tools, "function_call beside tool_calls"
        if self.legacy_call is None:
            assert set(call) == {"name", "arguments"} and call["name"], call
            self.legacy_call = call["name"]
        else:
            assert set(call) == {"arguments"}, f"continuation with {sorted(call)}"


def _check_chat_logprobs(logprobs: Json | None) -> None:
    if logprobs is None:
        return
    assert set(logprobs) == {"content", "refusal"}, logprobs
    for token in (logprobs["content"] or []) + (logprobs["refusal"] or []):
        assert {"token", "logprob", "bytes", "top_logprobs"} <= set(token), token
        assert isinstance(token["top_logprobs"], list), token


def _check_chat_annotation(annotation: Json, content: str) -> None:
    assert annotation["type"] == "url_citation", annotation
    cited = annotation["url_citation"]
    assert isinstance(cited["title"], str) and isinstance(cited["url"], str), cited
    assert 0 <= cited["start_index"] <= cited["end_index"] <= len(content), cited


def _check_chat_usage(usage: Json) -> None:
    total = usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["total_tokens"] == total, f"total of {usage}"


def check_chat_completions(raw: bytes, *, usage_asked: bool = False) -> Ending:
    """Order rules of a Chat stream: role, deltas, tools, finish, usage if asked, [DONE]."""
    stream = _ChatStream()
    ending: Ending = "cut"
    for event, data in frames(raw):
        assert event is None, f"event line {event!r} in a Chat stream"
        assert ending == "cut", f"{data!r} after the end"
        if data == "[DONE]":
            assert stream.finish, "[DONE] without a finish reason"
            assert bool(stream.usage) == usage_asked, f"usage {stream.usage}, asked {usage_asked}"
            cut_short = stream.finish in {"length", "content_filter"}
            ending = "incomplete" if cut_short else "finished"
            continue
        chunk = json.loads(data)
        if chunk.get("error"):
            assert set(chunk) == {"error"}, f"error frame with {sorted(chunk)}"
            check_openai_error(chunk["error"])
            ending = "failed"
        else:
            stream.take(chunk, usage_asked)
    return ending


# --- Messages

_DELTAS_OF = {
    "text": {"text_delta", "citations_delta"},
    "thinking": {"thinking_delta", "signature_delta"},
    "tool_use": {"input_json_delta"},
    "redacted_thinking": set[str](),
}
_EMPTY_START: dict[str, Json] = {
    "text": {"text": ""},
    "thinking": {"thinking": "", "signature": ""},
    "tool_use": {"input": {}},
    "redacted_thinking": {},
}


@dataclass
class _Block:
    kind: str
    text: str = ""
    signature: str = ""

    def take(self, delta: Json) -> None:
        kind = delta["type"]
        assert kind in _DELTAS_OF[self.kind], f"{kind} in a {self.kind} block"
        assert not self.signature, f"{kind} after the signature"
        if kind == "signature_delta":
            assert delta["signature"], "empty signature"
            self.signature = delta["signature"]
        else:
            names = ("text", "thinking", "partial_json")
            self.text += "".join(delta[name] for name in names if name in delta)

    def close(self) -> None:
        if self.kind == "text":
            assert self.text, "empty text block"
        if self.kind == "thinking":
            assert self.signature, "thinking block without a signature"


@dataclass
class _MessagesStream:
    state: Literal["new", "between", "block", "delta", "over"] = "new"
    blocks: list[_Block] = field(default_factory=list)
    tool_ids: set[str] = field(default_factory=set)
    stop_reason: str | None = None
    ending: Ending = "cut"

    def take(self, event: Json) -> None:
        kind = event["type"]
        assert self.state != "over", f"{kind} after the end"
        if kind == "ping":
            return
        if kind == "error":
            assert event["error"]["type"] and event["error"]["message"], event
            self.state, self.ending = "over", "failed"
            return
        steps = {
            ("new", "message_start"): self._start,
            ("between", "content_block_start"): self._open,
            ("block", "content_block_delta"): self._delta,
            ("block", "content_block_stop"): self._close,
            ("between", "message_delta"): self._finish,
            ("delta", "message_delta"): self._finish,
            ("delta", "message_stop"): self._stop,
        }
        assert (self.state, kind) in steps, f"{kind} in state {self.state}"
        steps[self.state, kind](event)

    def _start(self, event: Json) -> None:
        message = event["message"]
        fields = {"id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"}
        assert fields <= set(message), f"message without {fields - set(message)}"
        assert message["type"] == "message" and message["role"] == "assistant"
        assert message["content"] == [] and message["stop_reason"] is None
        assert isinstance(message["usage"]["input_tokens"], int), message["usage"]
        assert isinstance(message["usage"]["output_tokens"], int), message["usage"]
        self.state = "between"

    def _open(self, event: Json) -> None:
        assert event["index"] == len(self.blocks), f"block {event['index']}"
        block = event["content_block"]
        empty = _EMPTY_START[block["type"]]
        assert empty.items() <= block.items(), f"block starts as {block}"
        if block["type"] == "redacted_thinking":
            assert block["data"], "redacted thinking without data"
        if block["type"] == "tool_use":
            assert block["name"] and block["id"] not in self.tool_ids, block
            self.tool_ids.add(block["id"])
        self.blocks.append(_Block(block["type"]))
        self.state = "block"

    def _delta(self, event: Json) -> None:
        assert event["index"] == len(self.blocks) - 1, f"delta for block {event['index']}"
        self.blocks[-1].take(event["delta"])

    def _close(self, event: Json) -> None:
        assert event["index"] == len(self.blocks) - 1, f"stop of block {event['index']}"
        self.blocks[-1].close()
        self.state = "between"

    def _finish(self, event: Json) -> None:
        assert {"stop_reason", "stop_sequence"} <= set(event["delta"]), event["delta"]
        assert isinstance(event["usage"]["output_tokens"], int), event["usage"]
        _check_messages_usage(event["usage"])
        self.stop_reason = event["delta"]["stop_reason"]
        assert self.stop_reason, "no stop reason"
        details = event["delta"].get("stop_details")
        if details is not None:
            assert self.stop_reason == "refusal", f"details of {self.stop_reason}"
            assert details["type"] == "refusal" and {"category", "explanation"} <= set(details)
        self.state = "delta"

    def _stop(self, event: Json) -> None:
        assert event == {"type": "message_stop"}
        reason = self.stop_reason
        cut_short = reason in {"max_tokens", "refusal", "model_context_window_exceeded"}
        self.state, self.ending = "over", "incomplete" if cut_short else "finished"
        if not cut_short:
            assert (reason == "tool_use") == bool(self.tool_ids), f"{reason}: {self.tool_ids}"
            for block in self.blocks:
                if block.kind == "tool_use":
                    assert isinstance(json.loads(block.text or "{}"), dict), block.text


def _check_messages_usage(usage: Json) -> None:
    assert usage.get("service_tier") in {None, "standard", "priority", "batch"}, usage
    for count in (usage.get("server_tool_use") or {}).values():
        assert isinstance(count, int), usage


def check_messages(raw: bytes) -> Ending:
    """Grammar of a Messages stream: message_start (ping | block)* message_delta+ message_stop."""
    stream = _MessagesStream()
    for event in named_events(raw):
        stream.take(event)
    return stream.ending


def check(api: Api, raw: bytes, *, usage_asked: bool = False) -> Ending:
    """The checker of an API; `usage_asked` matters to Chat only."""
    if api == "chat_completions":
        return check_chat_completions(raw, usage_asked=usage_asked)
    checkers: dict[str, Callable[[bytes], Ending]] = {
        "messages": check_messages,
        "responses": check_responses,
    }
    return checkers[api](raw)
