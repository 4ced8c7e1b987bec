"""The events with which upstreams tell a generated plan, on each of the three wires.

Here: the wires as their vendors write them, and as real hosts bend them: fields left out or repeated, arguments as
objects, usage anywhere. Dice without bytes are the vendor. Not here: how events become bytes (generated_streams.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from support.dice import JUNK, Dice
from support.generated_replies import CUT_SHORT, Plan, Range, Said
from support.streams import Api, Json

RANGES: dict[Api, Range] = {
    "chat_completions": Range(
        kinds=("text", "tool_call", "reasoning", "refusal"),
        reasons=("stop", "length", "content_filter"),
        proofs=("none",),
        overlap="calls",
        repeat_kinds=False,
        custom=False,
        namespaces=False,
        explanations=False,
        failures=False,
        empty_parts=False,
    ),
    "messages": Range(
        kinds=("text", "tool_call", "reasoning"),
        proofs=("signature", "redacted"),
        overlap="never",
        custom=False,
        namespaces=False,
        failures=False,
        empty_parts=False,
    ),
    "responses": Range(
        kinds=("text", "tool_call", "reasoning", "refusal", "web_search"),
        reasons=("stop", "length", "content_filter"),
        proofs=("none", "encrypted"),
        overlap="calls",
        namespaces=False,
        explanations=False,
        failures=False,
    ),
}
"""What each wire can say, as far as streams of it are written here."""


@dataclass(frozen=True)
class Frame:
    """One event of the wire. The reply is whole once the one that ``ends`` it has come."""

    data: Json | str
    event: str | None = None
    ends: bool = False
    says: str = ""
    """The text of a part that it brings, if it does."""


def _pick_piece(plan: Plan, number: int, piece: int | None) -> str | None:
    return None if piece is None else plan.parts[number].pieces[piece]


# --- Chat Completions

_TEXT_FIELDS = {"text": "content", "refusal": "refusal", "reasoning": "reasoning_content"}


def _chat_frames(plan: Plan, dice: Dice) -> Iterator[Frame]:
    head: Json = {
        "id": "chatcmpl-gw1",
        "object": "chat.completion.chunk",
        "created": 1_760_000_000,
        "model": "gw-model",
    }
    for name in ("id", "created", "model", "object"):
        if dice.chance(12):
            del head[name]
    usage = None if plan.usage is None else _chat_usage(plan)
    everywhere = usage is not None and dice.chance(5)

    def chunk(delta: Json, finish: str | None = None, says: str = "") -> Frame:
        choice: Json = {"index": 0, "delta": delta, "finish_reason": finish}
        if dice.chance(12):
            del choice["index"]
        body = {**head, "choices": [choice]}
        if everywhere:
            body["usage"] = usage
        return Frame(body, ends=finish is not None, says=says)

    yield chunk({"role": "assistant", "content": ""})
    repeated = {"role": "assistant"} if dice.chance(6) else {}
    writer = _ChatCalls(dice)
    for number, piece in plan.steps:
        part = plan.parts[number]
        text = _pick_piece(plan, number, piece)
        if part.kind == "tool_call":
            call = writer.piece(number, part, text)
            if call is not None:
                yield chunk({**repeated, "tool_calls": [call]}, says=writer.said)
        elif text is not None:
            yield chunk({**repeated, **_chat_text(part, text, dice)}, says=text)
    has_calls = any(part.kind == "tool_call" for part in plan.parts)
    finish = plan.reason if plan.reason in CUT_SHORT else "tool_calls" if has_calls else "stop"
    yield chunk({}, finish)
    if usage is not None and not everywhere:
        yield Frame({**head, "choices": [], "usage": usage})
    if not dice.chance(8):
        yield Frame("[DONE]")


def _chat_text(part: Said, text: str, dice: Dice) -> Json:
    if part.kind == "text" and dice.chance(12):
        return {"content": [{"type": "text", "text": text}]}
    if part.kind == "reasoning":
        name = dice.pick(("reasoning_content", "reasoning_content", "reasoning"))
        return {name: text, "content": dice.pick((None, ""))}
    return {_TEXT_FIELDS[part.kind]: text}


class _ChatCalls:
    """``said`` is the text that the last piece brought."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._numbers: dict[int, int] = {}
        self.said = ""

    def piece(self, number: int, part: Said, text: str | None) -> Json | None:
        if number not in self._numbers:
            self._numbers[number] = len(self._numbers)
            return self._first(number, part, text)
        self.said = text or ""
        if text is None:
            return None
        piece: Json = {"index": self._numbers[number], "function": {"arguments": text}}
        if self._dice.chance(8):
            piece |= {"id": part.id, "type": "function"}
        return piece

    def _first(self, number: int, part: Said, text: str | None) -> Json:
        self.said = text or ""
        function: Json = {"name": part.name, "arguments": text or ""}
        piece = {
            "index": self._numbers[number],
            "id": part.id,
            "type": "function",
            "function": function,
        }
        if len(part.pieces) == 1 and part.complete and self._dice.chance(6):
            function["arguments"] = json.loads(part.text)
            self.said = ""
        if self._dice.chance(10):
            del piece["type"]
        return piece


def _chat_usage(plan: Plan) -> Json:
    usage = plan.usage
    assert usage is not None
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


# --- Messages

_STOPS = {
    "length": "max_tokens",
    "stop_sequence": "stop_sequence",
    "context_window": "model_context_window_exceeded",
    "content_filter": "refusal",
    "pause": "pause_turn",
}
_TEXT_DELTAS = {
    "text": ("text_delta", "text"),
    "reasoning": ("thinking_delta", "thinking"),
    "tool_call": ("input_json_delta", "partial_json"),
}


def _messages_frames(plan: Plan, dice: Dice) -> Iterator[Frame]:
    yield _named(_message_start(plan, dice))
    if not dice.chance(4):
        yield _named({"type": "ping"})
    begun = -1
    for number, piece in plan.steps:
        part = plan.parts[number]
        if number != begun:
            begun = number
            block = _block_start(part)
            yield _named({"type": "content_block_start", "index": number, "content_block": block})
        text = _pick_piece(plan, number, piece)
        if text is not None:
            kind, name = _TEXT_DELTAS[part.kind]
            yield _block_delta(number, {"type": kind, name: text}, text)
            if dice.chance(12):
                yield _block_delta(number, {"type": "future_delta", "x": [1]})
            continue
        if part.proof is not None and part.proof.kind == "signature":
            for token in dice.cut(part.proof.value, 2):
                yield _block_delta(number, {"type": "signature_delta", "signature": token})
        if not part.pieces or not dice.chance(12):
            yield _named({"type": "content_block_stop", "index": number})
    if dice.chance(8):
        yield _named({"type": "future_event", "x": dice.pick(JUNK)})
    yield _message_delta(plan, dice)
    if not dice.chance(8):
        yield _named({"type": "message_stop"})


def _named(event: Json, *, ends: bool = False, says: str = "") -> Frame:
    return Frame(event, event["type"], ends, says)


def _block_delta(number: int, delta: Json, says: str = "") -> Frame:
    return _named({"type": "content_block_delta", "index": number, "delta": delta}, says=says)


def _message_start(plan: Plan, dice: Dice) -> Json:
    message: Json = {"id": "msg_gw1", "type": "message", "role": "assistant", "model": "gw-model"}
    message |= {"content": [], "stop_reason": None, "stop_sequence": None}
    if plan.usage is not None:
        message["usage"] = {**_messages_usage(plan), "output_tokens": 1}
    for name in ("id", "model", "content", "usage"):
        if dice.chance(12):
            message.pop(name, None)
    return {"type": "message_start", "message": message}


def _message_delta(plan: Plan, dice: Dice) -> Frame:
    has_calls = any(part.kind == "tool_call" for part in plan.parts)
    regular = "tool_use" if has_calls else "end_turn"
    delta: Json = {"stop_reason": _STOPS.get(plan.reason, regular)}
    if not dice.chance(6):
        delta["stop_sequence"] = plan.stop_sequence
    if plan.reason == "content_filter":
        details = {"type": "refusal", "category": plan.category, "explanation": plan.explanation}
        delta["stop_details"] = details
    event: Json = {"type": "message_delta", "delta": delta}
    if plan.usage is not None:
        event["usage"] = _messages_usage(plan)
    return _named(event, ends=True)


def _block_start(part: Said) -> Json:
    match part.kind:
        case "tool_call":
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": {}}
        case "reasoning" if part.proof is not None and part.proof.kind == "redacted":
            return {"type": "redacted_thinking", "data": part.proof.value}
        case "reasoning":
            return {"type": "thinking", "thinking": "", "signature": ""}
    return {"type": "text", "text": ""}


def _messages_usage(plan: Plan) -> Json:
    usage = plan.usage
    assert usage is not None
    return {
        "input_tokens": usage.input - usage.cache_read - usage.cache_write,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output,
        "output_tokens_details": {"thinking_tokens": usage.reasoning},
    }


# --- Responses


def _responses_frames(plan: Plan, dice: Dice) -> Iterator[Frame]:
    writer = _ResponseWriter(plan, dice)
    events = [
        (event, ends, says) for event, ends, says in writer.events() if not writer.forgets(event)
    ]
    numbered = not dice.chance(8)
    for number, (event, ends, says) in enumerate(events):
        yield _named(
            event | ({"sequence_number": number} if numbered else {}), ends=ends, says=says
        )


_Told = tuple[Json, bool, str]
_FORGETTABLE = (
    "response.in_progress",
    "response.content_part.added",
    "response.content_part.done",
    "response.output_text.done",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_text.done",
    "response.function_call_arguments.done",
)


class _ResponseWriter:
    """Items of one part each, as OpenAI writes them; ``forgets`` says what a host leaves out."""

    def __init__(self, plan: Plan, dice: Dice) -> None:
        self._plan = plan
        self._dice = dice
        self._forgotten = dice.some(_FORGETTABLE, 3)
        self._no_indexes = dice.chance(12)
        self._bare_end = dice.chance(8)

    def forgets(self, event: Json) -> bool:
        if self._no_indexes:
            event.pop("output_index", None)
        return event["type"] in self._forgotten

    def events(self) -> Iterator[_Told]:
        begun: Json = {"id": "resp_gw1", "object": "response", "created_at": 1_760_000_000}
        begun |= {"status": "in_progress", "model": "gw-model", "output": []}
        yield {"type": "response.created", "response": begun}, False, ""
        yield {"type": "response.in_progress", "response": begun}, False, ""
        items: dict[int, Json] = {}
        for number, piece in self._plan.steps:
            part = self._plan.parts[number]
            if number not in items:
                items[number] = _item(part, number)
                yield from self._begin(part, items[number], number)
            text = _pick_piece(self._plan, number, piece)
            if text is None:
                yield from self._end(part, items[number], number)
            else:
                yield {**_place(part, number), **_delta(part, text)}, False, text
        yield self._over(begun, items), True, ""

    def _over(self, begun: Json, items: dict[int, Json]) -> Json:
        plan = self._plan
        status = "incomplete" if plan.reason in CUT_SHORT else "completed"
        final = {**begun, "status": status, "output": list(items.values())}
        if status == "incomplete":
            limit = "content_filter" if plan.reason == "content_filter" else "max_output_tokens"
            final["incomplete_details"] = {"reason": limit}
        if plan.usage is not None:
            final["usage"] = _responses_usage(plan)
        if self._bare_end:
            final["output"] = []
        return {"type": f"response.{status}", "response": final}

    def _begin(self, part: Said, item: Json, number: int) -> Iterator[_Told]:
        empty: Json = {"status": "in_progress"}
        empty |= {name: type(item[name])() for name in _GROWING if item.get(name)}
        empty.pop("encrypted_content", None)
        added = {"type": "response.output_item.added", "output_index": number}
        yield {**added, "item": {**item, **empty}}, False, ""
        place = _place(part, number)
        match part.kind:
            case "text" | "refusal":
                whole = _content(part, "")
                yield {**place, "type": "response.content_part.added", "part": whole}, False, ""
            case "reasoning" if part.pieces:
                whole = {"type": "summary_text", "text": ""}
                kind = "response.reasoning_summary_part.added"
                yield {**place, "type": kind, "part": whole}, False, ""

    def _end(self, part: Said, item: Json, number: int) -> Iterator[_Told]:
        place = _place(part, number)
        if part.kind != "web_search" and (part.pieces or part.kind != "reasoning"):
            kind, name = _STEMS["custom" if part.custom else part.kind]
            yield {**place, "type": f"response.{kind}.done", name: part.text}, False, ""
        if part.kind in ("text", "refusal"):
            whole = _content(part, part.text)
            yield {**place, "type": "response.content_part.done", "part": whole}, False, ""
        if self._dice.chance(12) and "arguments" in item and part.complete:
            item = {**item, "arguments": json.loads(part.text)}
        done = {"type": "response.output_item.done", "output_index": number, "item": item}
        yield done, False, ""


_GROWING = ("content", "summary", "arguments", "input", "encrypted_content")
_STEMS = {
    "text": ("output_text", "text"),
    "refusal": ("refusal", "refusal"),
    "reasoning": ("reasoning_summary_text", "text"),
    "tool_call": ("function_call_arguments", "arguments"),
    "custom": ("custom_tool_call_input", "input"),
}


def _delta(part: Said, text: str) -> Json:
    kind, _ = _STEMS["custom" if part.custom else part.kind]
    return {"type": f"response.{kind}.delta", "delta": text}


def _place(part: Said, number: int) -> Json:
    place: Json = {"item_id": f"item_{number}", "output_index": number}
    if part.kind in ("text", "refusal"):
        place["content_index"] = 0
    if part.kind == "reasoning":
        place["summary_index"] = 0
    return place


def _content(part: Said, text: str) -> Json:
    if part.kind == "refusal":
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def _item(part: Said, number: int) -> Json:
    item: Json = {"id": f"item_{number}", "status": "completed" if part.complete else "incomplete"}
    match part.kind:
        case "text" | "refusal":
            item |= {"type": "message", "role": "assistant", "content": [_content(part, part.text)]}
        case "reasoning":
            summary = [{"type": "summary_text", "text": part.text}] if part.pieces else []
            item |= {"type": "reasoning", "summary": summary}
            if part.proof is not None and part.proof.value:
                item["encrypted_content"] = part.proof.value
        case "tool_call":
            kind, text = (
                ("custom_tool_call", "input") if part.custom else ("function_call", "arguments")
            )
            item |= {"type": kind, "call_id": part.id, "name": part.name, text: part.text}
        case "web_search":
            action: Json = {"type": "search", "query": "q"}
            if part.search is not None:
                action |= {"query": part.search.queries[0], "queries": part.search.queries}
            item |= {"type": "web_search_call", "action": action}
    return item


def _responses_usage(plan: Plan) -> Json:
    usage = plan.usage
    assert usage is not None
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cache_read},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }


WRITERS: dict[Api, Callable[[Plan, Dice], Iterator[Frame]]] = {
    "chat_completions": _chat_frames,
    "messages": _messages_frames,
    "responses": _responses_frames,
}
