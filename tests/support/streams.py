"""What a model answers, written as each of the three APIs writes it.

Here: one `Answer` and its plain and streamed form in every API, as the vendors send it. Not here:
how the bytes travel (upstream.py), what clients make of them (dialects.py), whether a stream is
legal (validators.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

Json = dict[str, Any]
Api = Literal["chat_completions", "messages", "responses"]

CREATED = 1_760_000_000


@dataclass(frozen=True)
class ToolCall:
    """A call of a tool; `arguments` is JSON text, as the model wrote it."""

    id: str
    name: str
    arguments: str = "{}"


@dataclass(frozen=True)
class Usage:
    """Tokens in the convention of the OpenAI APIs: input includes cached and written, output
    includes reasoning.
    """

    input: int = 30
    cached: int = 10
    written: int = 5
    output: int = 20
    reasoning: int = 8


@dataclass(frozen=True)
class Answer:
    """One reply of a model."""

    text: str = ""
    thinking: str = ""
    proof: str = "UFJPT0Y="
    """What belongs to the thinking and must return unchanged: Messages' signature, Responses'
    encrypted_content.
    """
    tool_calls: tuple[ToolCall, ...] = ()
    at_limit: bool = False
    usage: Usage = Usage()
    model: str = "gw-model"
    id: str = "gw1"


def words(text: str) -> list[str]:
    """Cuts a text behind its blanks, so that the pieces joined are the text."""
    return re.findall(r"\s*\S+\s*", text) or ([text] if text else [])


def frame(data: Json, event: str | None = None) -> str:
    """One server-sent event."""
    line = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return (f"event: {event}\n" if event else "") + f"data: {line}\n\n"


def frames_of(stream: str) -> list[bytes]:
    """The frames of a stream written here (none has a blank line within)."""
    return [f"{frame}\n\n".encode() for frame in stream.split("\n\n") if frame]


def named(events: Iterable[Json]) -> str:
    """Events of Messages or Responses, where each is named by its type."""
    return "".join(frame(event, event["type"]) for event in events)


# --- Chat Completions


def chat_usage(usage: Usage) -> Json:
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.written,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def _chat_finish(answer: Answer) -> str:
    if answer.at_limit:
        return "length"
    return "tool_calls" if answer.tool_calls else "stop"


def _chat_call(call: ToolCall) -> Json:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def chat_completion(answer: Answer) -> Json:
    message: Json = {"role": "assistant", "content": answer.text or None, "refusal": None}
    if answer.thinking:
        message["reasoning_content"] = answer.thinking
    if answer.tool_calls:
        message["tool_calls"] = [_chat_call(call) for call in answer.tool_calls]
    finish = _chat_finish(answer)
    return {
        "id": f"chatcmpl-{answer.id}",
        "object": "chat.completion",
        "created": CREATED,
        "model": answer.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "usage": chat_usage(answer.usage),
    }


def _chat_deltas(answer: Answer) -> Iterator[Json]:
    yield {"role": "assistant", "content": "", "refusal": None}
    for piece in words(answer.thinking):
        yield {"reasoning_content": piece}
    for piece in words(answer.text):
        yield {"content": piece}
    for index, call in enumerate(answer.tool_calls):
        yield {"tool_calls": [{"index": index, **_chat_call(replace(call, arguments=""))}]}
        for piece in _halves(call.arguments):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def chat_stream(answer: Answer, *, usage: bool = True) -> str:
    """The streamed reply; `usage` as asked for by stream_options.include_usage."""
    head: Json = {
        "id": f"chatcmpl-{answer.id}",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": answer.model,
    }
    tail: Json = {"usage": None} if usage else {}

    def chunk(delta: Json, finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return frame({**head, "choices": [choice], **tail})

    chunks = [chunk(delta) for delta in _chat_deltas(answer)]
    chunks.append(chunk({}, _chat_finish(answer)))
    if usage:
        chunks.append(frame({**head, "choices": [], "usage": chat_usage(answer.usage)}))
    return "".join(chunks) + "data: [DONE]\n\n"


def _halves(text: str) -> list[str]:
    middle = len(text) // 2
    return [half for half in (text[:middle], text[middle:]) if half]


# --- Messages


def messages_usage(usage: Usage) -> Json:
    return {
        "input_tokens": usage.input - usage.cached - usage.written,
        "cache_creation_input_tokens": usage.written,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.output,
        "output_tokens_details": {"thinking_tokens": usage.reasoning},
    }


def _messages_stop(answer: Answer) -> str:
    if answer.at_limit:
        return "max_tokens"
    return "tool_use" if answer.tool_calls else "end_turn"


def message(answer: Answer) -> Json:
    content: list[Json] = []
    if answer.thinking:
        content.append({"type": "thinking", "thinking": answer.thinking, "signature": answer.proof})
    if answer.text:
        content.append({"type": "text", "text": answer.text})
    for call in answer.tool_calls:
        arguments = json.loads(call.arguments)
        content.append({"type": "tool_use", "id": call.id, "name": call.name, "input": arguments})
    return {
        "id": f"msg_{answer.id}",
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": content,
        "stop_reason": _messages_stop(answer),
        "stop_sequence": None,
        "usage": messages_usage(answer.usage),
    }


def _messages_blocks(answer: Answer) -> Iterator[tuple[Json, list[Json]]]:
    """Each block as it starts, and its deltas."""
    if answer.thinking:
        deltas = [{"type": "thinking_delta", "thinking": p} for p in words(answer.thinking)]
        deltas.append({"type": "signature_delta", "signature": answer.proof})
        yield {"type": "thinking", "thinking": "", "signature": ""}, deltas
    if answer.text:
        deltas = [{"type": "text_delta", "text": piece} for piece in words(answer.text)]
        yield {"type": "text", "text": ""}, deltas
    for call in answer.tool_calls:
        pieces = ["", *_halves(call.arguments)]
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
        yield {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}, deltas


def message_events(answer: Answer) -> Iterator[Json]:
    usage = messages_usage(replace(answer.usage, output=1, reasoning=0))
    start = {**message(answer), "content": [], "stop_reason": None, "usage": usage}
    yield {"type": "message_start", "message": start}
    yield {"type": "ping"}
    for index, (block, deltas) in enumerate(_messages_blocks(answer)):
        yield {"type": "content_block_start", "index": index, "content_block": block}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": _messages_stop(answer), "stop_sequence": None},
        "usage": messages_usage(answer.usage),
    }
    yield {"type": "message_stop"}


def message_stream(answer: Answer) -> str:
    return named(message_events(answer))


# --- Responses


def responses_usage(usage: Usage) -> Json:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.written,
        },
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }


def _responses_items(answer: Answer) -> list[Json]:
    items: list[Json] = []
    if answer.thinking:
        summary = [{"type": "summary_text", "text": answer.thinking}]
        items.append(
            {
                "id": f"rs_{answer.id}",
                "type": "reasoning",
                "summary": summary,
                "encrypted_content": answer.proof,
                "status": "completed",
            }
        )
    status = "incomplete" if answer.at_limit else "completed"
    if answer.text:
        part = {"type": "output_text", "annotations": [], "logprobs": [], "text": answer.text}
        items.append(
            {
                "id": f"msg_{answer.id}",
                "type": "message",
                "status": status,
                "role": "assistant",
                "content": [part],
            }
        )
    for call in answer.tool_calls:
        items.append(
            {
                "id": f"fc_{call.id}",
                "type": "function_call",
                "status": "completed",
                "arguments": call.arguments,
                "call_id": call.id,
                "name": call.name,
            }
        )
    return items


def response(answer: Answer) -> Json:
    return {
        "id": f"resp_{answer.id}",
        "object": "response",
        "created_at": CREATED,
        "status": "incomplete" if answer.at_limit else "completed",
        "background": False,
        "completed_at": None if answer.at_limit else CREATED,
        "error": None,
        "frequency_penalty": 0.0,
        "incomplete_details": {"reason": "max_output_tokens"} if answer.at_limit else None,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "model": answer.model,
        "output": _responses_items(answer),
        "parallel_tool_calls": True,
        "presence_penalty": 0.0,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "safety_identifier": None,
        "service_tier": "default",
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": responses_usage(answer.usage),
        "metadata": {},
    }


def _reasoning_events(item: Json, at: Json) -> Iterator[Json]:
    unproven = {name: value for name, value in item.items() if name != "encrypted_content"}
    yield {"type": "response.output_item.added", **_added(unproven, summary=[])}
    at = {**at, "summary_index": 0}
    empty = {"type": "summary_text", "text": ""}
    yield {"type": "response.reasoning_summary_part.added", **at, "part": empty}
    (part,) = item["summary"]
    for piece in words(part["text"]):
        yield {"type": "response.reasoning_summary_text.delta", **at, "delta": piece}
    yield {"type": "response.reasoning_summary_text.done", **at, "text": part["text"]}
    yield {"type": "response.reasoning_summary_part.done", **at, "part": part}


def _text_events(item: Json, at: Json) -> Iterator[Json]:
    yield {"type": "response.output_item.added", **_added(item, content=[])}
    at = {**at, "content_index": 0}
    (part,) = item["content"]
    yield {"type": "response.content_part.added", **at, "part": {**part, "text": ""}}
    for piece in words(part["text"]):
        yield {"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **at, "text": part["text"], "logprobs": []}
    yield {"type": "response.content_part.done", **at, "part": part}


def _call_events(item: Json, at: Json) -> Iterator[Json]:
    yield {"type": "response.output_item.added", **_added(item, arguments="")}
    for piece in _halves(item["arguments"]):
        yield {"type": "response.function_call_arguments.delta", **at, "delta": piece}
    arguments = item["arguments"]
    yield {"type": "response.function_call_arguments.done", **at, "arguments": arguments}


def _added(item: Json, **empty: Any) -> Json:
    return {"item": {**item, "status": "in_progress", **empty}}


_ITEM_EVENTS: dict[str, Callable[[Json, Json], Iterator[Json]]] = {
    "reasoning": _reasoning_events,
    "message": _text_events,
    "function_call": _call_events,
}


def _responses_life(answer: Answer) -> Iterator[Json]:
    final = response(answer)
    begun = {
        **final,
        "status": "in_progress",
        "completed_at": None,
        "incomplete_details": None,
        "output": [],
        "usage": None,
    }
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(final["output"]):
        at = {"item_id": item["id"], "output_index": index}
        for event in _ITEM_EVENTS[item["type"]](item, at):
            yield {**event, "output_index": index}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": f"response.{final['status']}", "response": final}


def response_events(answer: Answer) -> list[Json]:
    life = enumerate(_responses_life(answer))
    return [{**event, "sequence_number": number} for number, event in life]


def response_stream(answer: Answer) -> str:
    return named(response_events(answer))


PLAIN: dict[Api, Callable[[Answer], Json]] = {
    "chat_completions": chat_completion,
    "messages": message,
    "responses": response,
}

STREAMED: dict[Api, Callable[[Answer], str]] = {
    "chat_completions": chat_stream,
    "messages": message_stream,
    "responses": response_stream,
}
