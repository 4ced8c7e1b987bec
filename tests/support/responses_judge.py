"""Judge of Responses streams: ids, indexes, sequence numbers, parts, items, one terminal event.

Written from the order rules of the wire documentation alone, sharing nothing with the gateway. Each event is held
against the published schemas too (open_responses.py). Not here: the other APIs (validators.py), the stream's meaning.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from support.frames import Ending, check_openai_error, named_events
from support.open_responses import check_event
from support.streams import Json


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
            check_openai_error(event["error"])
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
    for number, event in enumerate(named_events(raw)):
        check_event(event)
        stream.take(number, event)
    return stream.ending
