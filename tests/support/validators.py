"""Judges of streams: is what a client received exactly what its API promises?

Here: one strict checker per API, written from the order rules of the wire documentation alone,
sharing nothing with the gateway. They raise AssertionError on the first offence and say how a legal
stream ended. Not here: its meaning.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from support.streams import Api, Json

Ending = Literal["finished", "incomplete", "failed", "cut"]
"""Regular end; end at a limit or filter; error told in the stream; no end at all."""


def frames(raw: bytes) -> Iterator[tuple[str | None, str]]:
    """The (event, data) frames of a stream that was written as carefully as the gateway should
    write.
    """
    assert not raw.startswith(b"\xef\xbb\xbf"), "byte order mark"
    assert b"\r" not in raw, "carriage return"
    assert raw.endswith(b"\n\n") or not raw, f"last event is not closed: {raw[-200:]!r}"
    for block in raw.decode().split("\n\n")[:-1]:
        event: str | None = None
        data: list[str] = []
        for line in block.removeprefix("\n").split("\n"):
            if line.startswith(":"):
                continue
            name, _, value = line.partition(": ")
            assert name in {"event", "data"}, f"line that crashes clients: {line!r}"
            if name == "event":
                event = value
            else:
                data.append(value)
        if event is None and not data:
            continue
        assert len(data) == 1 and data[0], f"not exactly one data line: {block!r}"
        yield event, data[0]


def _named_events(raw: bytes) -> list[Json]:
    events = []
    for event, data in frames(raw):
        parsed: Json = json.loads(data)
        assert event == parsed["type"], f"event line {event!r} over type {parsed['type']!r}"
        events.append(parsed)
    return events


# --- Chat Completions


@dataclass
class _ChatStream:
    started: bool = False
    tools: list[str] = field(default_factory=list)
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
        self.finish = choice["finish_reason"]
        if self.finish:
            assert choice["delta"] == {}, "the finish chunk carries content"
            expected = {"length", "content_filter"} | ({"tool_calls"} if self.tools else {"stop"})
            assert self.finish in expected, f"{self.finish} with {len(self.tools)} tool calls"

    def _take_delta(self, delta: Json) -> None:
        if not self.started:
            assert delta.get("role") == "assistant", f"first delta is {delta}"
            assert set(delta) <= {"role", "content", "refusal"} and not delta["content"]
            self.started = True
            return
        assert "role" not in delta, "role repeated"
        for call in delta.get("tool_calls", []):
            self._take_call(call)

    def _take_call(self, call: Json) -> None:
        if call["index"] == len(self.tools):
            assert call["id"] and call["type"] == "function" and call["function"]["name"], call
            assert call["id"] not in self.tools, f"tool call id {call['id']} twice"
            assert isinstance(call["function"]["arguments"], str)
            self.tools.append(call["id"])
        else:
            assert 0 <= call["index"] < len(self.tools), f"tool index {call['index']}"
            assert set(call) == {"index", "function"}, f"continuation with {sorted(call)}"
            assert set(call["function"]) == {"arguments"}, call


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
            ending = "finished" if stream.finish in {"stop", "tool_calls"} else "incomplete"
            continue
        chunk = json.loads(data)
        if chunk.get("error"):
            assert set(chunk) == {"error"}, f"error frame with {sorted(chunk)}"
            _check_openai_error(chunk["error"])
            ending = "failed"
        else:
            stream.take(chunk, usage_asked)
    return ending


def _check_openai_error(error: Json) -> None:
    assert {"message", "type", "param", "code"} <= set(error), error
    assert error["message"] and error["type"], error


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
        self.stop_reason = event["delta"]["stop_reason"]
        assert self.stop_reason, "no stop reason"
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


def check_messages(raw: bytes) -> Ending:
    """Grammar of a Messages stream: message_start (ping | block)* message_delta+ message_stop."""
    stream = _MessagesStream()
    for event in _named_events(raw):
        stream.take(event)
    return stream.ending


# --- Responses


def _is_prefix(part: Json, whole: Json, growing: tuple[str, ...]) -> bool:
    return all(whole.get(key) == value for key, value in part.items() if key not in growing)


@dataclass
class _Item:
    """An output item between added and done."""

    added: Json
    parts: dict[tuple[str, int], str] = field(default_factory=dict)
    open_parts: set[tuple[str, int]] = field(default_factory=set)
    done_texts: dict[tuple[str, int], str] = field(default_factory=dict)
    annotations: dict[tuple[str, int], list[Json]] = field(default_factory=dict)
    logprobs: dict[tuple[str, int], list[Json]] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    done: Json | None = None

    def take(self, kind: str, event: Json) -> None:
        assert self.done is None, f"{kind} after the item's end"
        assert event["item_id"] == self.added["id"], f"{kind} for {event['item_id']}"
        area, _, step = kind.rpartition(".")
        if area in {"content_part", "reasoning_summary_part"}:
            self._part(step, event)
        elif area == "web_search_call":
            self._search(step)
        elif area in {"function_call_arguments", "custom_tool_call_input"}:
            self._text(("arguments", 0), step, event)
        elif area in {"output_text", "refusal", "reasoning_text", "reasoning_summary_text"}:
            key = self._key(event)
            assert key in self.open_parts, f"{kind} outside its part"
            self._text(key, step, event)
        else:
            assert kind == "output_text.annotation.added", f"unknown event {kind}"
            self._annotate(event)

    def _annotate(self, event: Json) -> None:
        key = self._key(event)
        assert key in self.open_parts and key not in self.done_texts, f"annotation of {key}"
        known = self.annotations.setdefault(key, [])
        assert event["annotation_index"] == len(known), f"annotation {event['annotation_index']}"
        known.append(event["annotation"])

    def _search(self, step: str) -> None:
        """in_progress, searching, completed: in this order, none left out."""
        assert self.added["type"] == "web_search_call", f"a {self.added['type']} was {step}"
        steps = ("in_progress", "searching", "completed")
        assert step == steps[len(self.steps)], f"{step} after {self.steps}"
        self.steps.append(step)

    def _key(self, event: Json) -> tuple[str, int]:
        area = "summary_index" if "summary_index" in event else "content_index"
        return area, event[area]

    def _part(self, step: str, event: Json) -> None:
        key = self._key(event)
        text = event["part"].get("text", event["part"].get("refusal"))
        if step == "added":
            assert text == "", f"part starts as {event['part']}"
            assert key[1] == sum(known[0] == key[0] for known in self.parts), f"part {key}"
            self.parts[key] = ""
            self.open_parts.add(key)
        else:
            assert text == self.parts[key] == self.done_texts[key], event["part"]
            if event["part"]["type"] == "output_text":
                assert event["part"]["annotations"] == self.annotations.get(key, []), event["part"]
                assert event["part"]["logprobs"] == self.logprobs.get(key, []), event["part"]
            self.open_parts.remove(key)

    def _text(self, key: tuple[str, int], step: str, event: Json) -> None:
        assert key not in self.done_texts, f"{step} after done"
        if step == "delta":
            assert event["delta"], "empty delta"
            self.parts[key] = self.parts.get(key, "") + event["delta"]
            self.logprobs.setdefault(key, []).extend(event.get("logprobs", []))
        else:
            assert event.get("logprobs", []) == self.logprobs.get(key, []), f"logprobs of {key}"
            names = ("text", "arguments", "input", "refusal")
            (text,) = (event[name] for name in names if name in event)
            assert text == self.parts.get(key, ""), f"done says {text!r}: {self.parts.get(key)!r}"
            self.done_texts[key] = text

    def finish(self, item: Json) -> None:
        assert self.done is None and not self.open_parts, f"done twice, or open {self.open_parts}"
        growing = ("status", "content", "summary", "arguments", "input", "encrypted_content")
        growing += ("action", "operation")
        assert _is_prefix(self.added, item, growing), f"{self.added} became {item}"
        if item["type"] == "apply_patch_call":
            begun = {**self.added["operation"], "diff": item["operation"].get("diff")}
            assert _is_prefix(item["operation"], begun, ()), f"{begun} became {item}"
        if item["type"] == "web_search_call":
            over = ["completed"] if item["status"] == "completed" else []
            assert self.steps == ["in_progress", "searching", *over], f"search was {self.steps}"
        said = [*item.get("summary", []), *(item.get("content") or [])]
        texts = [part.get("text", part.get("refusal")) for part in said]
        if item["type"] in {"function_call", "custom_tool_call"}:
            texts = [item.get("arguments", item.get("input"))]
            assert self.done_texts.get(("arguments", 0)) is not None, "arguments were never done"
            self.parts.setdefault(("arguments", 0), "")
        assert texts == list(self.parts.values()), f"{texts} was streamed as {self.parts}"
        assert item.get("status", "completed") in {"completed", "incomplete"}, item
        self.done = item


_EMPTY_ITEM: Json = {"content": [], "summary": [], "arguments": "", "input": ""}
_EMPTY_BY_TYPE: dict[str, Json] = {
    "tool_search_call": {"arguments": {}},
    "shell_call": {"action": {"commands": []}},
    "local_shell_call": {"action": {"type": "exec", "command": [], "env": {}}},
    "web_search_call": {"action": {"type": "search", "query": "", "queries": []}},
}
_TERMINAL: dict[str, Ending] = {
    "response.completed": "finished",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
}


@dataclass
class _ResponsesStream:
    begun: Json | None = None
    seen_progress: bool = False
    items: list[_Item] = field(default_factory=list)
    ending: Ending = "cut"

    def take(self, number: int, event: Json) -> None:
        kind = event["type"]
        assert event["sequence_number"] == number, (
            f"number {event['sequence_number']}, not {number}"
        )
        error_then_failed = self.ending == "failed" and kind == "response.failed"
        assert self.ending == "cut" or error_then_failed, f"{kind} after the end"
        if kind in {"response.created", "response.in_progress"}:
            assert number == (kind == "response.in_progress"), f"{kind} is number {number}"
            self._life(event["response"], "in_progress")
            self.seen_progress = number == 1
            return
        assert self.begun, f"{kind} before response.created"
        if kind == "error":
            _check_openai_error(event["error"])
            assert event["message"] and "code" in event and "param" in event, event
            self.ending = "failed"
        elif kind in _TERMINAL:
            self._end(kind, event["response"])
        elif kind == "response.output_item.added":
            self._add(event)
        elif kind == "response.output_item.done":
            self.items[event["output_index"]].finish(event["item"])
        else:
            self.items[event["output_index"]].take(kind.removeprefix("response."), event)

    def _life(self, response: Json, status: str) -> None:
        fields = {"id", "object", "created_at", "model", "output", "parallel_tool_calls"}
        fields |= {"tool_choice", "tools", "status", "error", "incomplete_details", "usage"}
        assert fields - {"usage"} <= set(response), f"without {fields - set(response)}"
        assert response["object"] == "response" and response["status"] == status, response
        same = ("id", "created_at", "model")
        if self.begun is None:
            assert response["output"] == []
            self.begun = response
        assert all(response[key] == self.begun[key] for key in same), response

    def _add(self, event: Json) -> None:
        item = event["item"]
        assert event["output_index"] == len(self.items), f"output index {event['output_index']}"
        assert item["id"] not in {known.added["id"] for known in self.items}, f"{item['id']} twice"
        empty = _EMPTY_ITEM | _EMPTY_BY_TYPE.get(item["type"], {})
        assert all(item[key] == empty[key] for key in empty if key in item), item
        assert not item.get("operation", {}).get("diff"), item
        if item["type"] == "function_call":
            calls = {known.added.get("call_id") for known in self.items}
            assert item["call_id"] and item["call_id"] not in calls, item
            assert item["name"] and item["arguments"] == "", item
        self.items.append(_Item(item))

    def _end(self, kind: str, response: Json) -> None:
        ending = _TERMINAL[kind]
        self._life(response, kind.removeprefix("response."))
        if ending == "failed":
            assert response["error"]["code"] and response["error"]["message"], response["error"]
        else:
            assert self.ending == "cut", "an error, then a regular end"
            assert self.seen_progress, "no response.in_progress"
            assert all(item.done for item in self.items), "an item was never done"
            assert response["output"] == [item.done for item in self.items], "other final output"
            assert response["error"] is None
            _check_responses_usage(response["usage"])
        if ending == "incomplete":
            assert response["incomplete_details"]["reason"]
        self.ending = ending


def _check_responses_usage(usage: Json) -> None:
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"], usage
    assert isinstance(usage["input_tokens_details"]["cached_tokens"], int), usage
    assert isinstance(usage["output_tokens_details"]["reasoning_tokens"], int), usage


def check_responses(raw: bytes) -> Ending:
    """Life cycle of a Responses stream: ids, indexes, sequence numbers, parts, items, one terminal
    event.
    """
    stream = _ResponsesStream()
    for number, event in enumerate(_named_events(raw)):
        stream.take(number, event)
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
