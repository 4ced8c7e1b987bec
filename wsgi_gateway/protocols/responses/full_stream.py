"""A full reply told as the stream it should have been, for an upstream that ignored ``stream``.

The reply is taken apart, not read: an item that nobody here knows is added and done as it is, and the last event holds
the response as it came.
"""

from collections.abc import Callable, Iterator
from typing import Any

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import arguments_text, encode

_NOTHING_YET: Json = {
    "status": "in_progress",
    "output": [],
    "usage": None,
    "error": None,
    "incomplete_details": None,
    "completed_at": None,
}
_GROWING: Json = {"content": [], "summary": [], "arguments": "", "input": ""}


def stream_full(reply: Json, _request: Json) -> bytes:
    """All of ``reply``, whatever the request said."""
    events = enumerate(_events(reply))
    return b"".join(
        [
            sse.encode(encode({"type": kind, "sequence_number": number, **fields}), kind)
            for number, (kind, fields) in events
        ]
    )


def _events(reply: Json) -> Iterator[tuple[str, Json]]:
    begun = {**reply, **_NOTHING_YET}
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    for index, item in enumerate(_objects(reply.get("output"))):
        yield from _item_events(index, item)
    yield f"response.{reply.get('status') or 'completed'}", {"response": reply}


def _item_events(index: int, item: Json) -> Iterator[tuple[str, Json]]:
    at = {"output_index": index}
    tell = _INSIDE.get(str(item.get("type")))
    added = {**item}
    if tell is not None:
        added |= {name: empty for name, empty in _GROWING.items() if name in item}
    if "status" in item:
        added["status"] = "in_progress"
    yield "response.output_item.added", {**at, "item": added}
    for kind, fields in tell(item) if tell else ():
        yield f"response.{kind}", {**at, "item_id": item.get("id") or "", **fields}
    yield "response.output_item.done", {**at, "item": item}


def _message(item: Json) -> Iterator[tuple[str, Json]]:
    yield from _parts(item, "content", "content_part", _content)


def _reasoning(item: Json) -> Iterator[tuple[str, Json]]:
    yield from _parts(item, "summary", "reasoning_summary_part", _summary)
    yield from _parts(item, "content", "content_part", _content)


def _parts(
    item: Json, holder: str, event: str, tell: Callable[[Json], Iterator[tuple[str, Json]]]
) -> Iterator[tuple[str, Json]]:
    for index, part in enumerate(_objects(item.get(holder))):
        at = {f"{holder}_index": index}
        empty = {"text": "", "refusal": "", "annotations": [], "logprobs": []}
        begun = {**part, **{name: value for name, value in empty.items() if name in part}}
        yield f"{event}.added", {**at, "part": begun}
        for kind, fields in tell(part):
            yield kind, {**at, **fields}
        yield f"{event}.done", {**at, "part": part}


def _content(part: Json) -> Iterator[tuple[str, Json]]:
    match part.get("type"):
        case "output_text":
            logprobs = {"logprobs": part.get("logprobs") or []}
            text = part.get("text") or ""
            if text:
                yield "output_text.delta", {"delta": text, **logprobs}
            for number, annotation in enumerate(_objects(part.get("annotations"))):
                told = {"annotation_index": number, "annotation": annotation}
                yield "output_text.annotation.added", told
            yield "output_text.done", {"text": text, **logprobs}
        case "refusal":
            yield from _grown("refusal", "refusal", part.get("refusal") or "")
        case "reasoning_text":
            yield from _grown("reasoning_text", "text", part.get("text") or "")


def _summary(part: Json) -> Iterator[tuple[str, Json]]:
    yield from _grown("reasoning_summary_text", "text", part.get("text") or "")


def _function(item: Json) -> Iterator[tuple[str, Json]]:
    text, more = arguments_text(item.get("arguments")), {"name": item.get("name")}
    yield from _grown("function_call_arguments", "arguments", text, more)


def _custom(item: Json) -> Iterator[tuple[str, Json]]:
    yield from _grown("custom_tool_call_input", "input", item.get("input") or "")


def _grown(
    event: str, name: str, text: str, more: Json | None = None
) -> Iterator[tuple[str, Json]]:
    """A text in one delta, and whole."""
    if text:
        yield f"{event}.delta", {"delta": text}
    yield f"{event}.done", {name: text, **(more or {})}


def _objects(value: Any) -> list[Json]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


_INSIDE: dict[str, Callable[[Json], Iterator[tuple[str, Json]]]] = {
    "message": _message,
    "reasoning": _reasoning,
    "function_call": _function,
    "custom_tool_call": _custom,
}
