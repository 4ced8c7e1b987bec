"""Any full reply as the stream that its vendor would send, and any stream as the full reply that it tells.

Here: the two directions, for all three APIs, so that plain and streamed can be compared. Not here: what a reply
says (streams.py has ordinary ones, tests/loss all others).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from support.streams import Api, Json, frame, named
from support.validators import frames

_GENERATED = ("id", "created", "created_at", "completed_at")
"""Made anew for each reply: of no interest. So are the ids that replace missing ones."""
_GENERATED_CALL_ID = re.compile(rb'"call_[0-9a-f]{24}"')


def told_stream(api: Api, reply: Json, events: list[Json]) -> bytes:
    """The stream of a full reply, or of an ``error``; ``events`` come right behind its beginning."""
    return _STREAMS[api](reply, events).encode()


def full_reply(api: Api, data: bytes) -> Json:
    """What a client has in the end, plain or streamed, without what is generated."""
    data = _GENERATED_CALL_ID.sub(b'"call_generated"', data)
    body = json.loads(data) if data.startswith(b"{") else _FOLDS[api](_events_of(data))
    for choice in body.get("choices", ()):
        choice["message"]["content"] = choice["message"].get("content") or None
    reply = {key: value for key, value in body.items() if key not in _GENERATED}
    for item in reply.get("output", ()):
        item.pop("id", None)
    return reply


def _events_of(data: bytes) -> list[Json]:
    return [json.loads(text) for _, text in frames(data) if text != "[DONE]"]


# --- Chat Completions


def _chat_stream(reply: Json, events: list[Json]) -> str:
    if "error" in reply:
        return frame(reply)
    head = {key: value for key, value in reply.items() if key not in ("choices", "usage")}
    head["object"] = "chat.completion.chunk"
    (choice,) = reply["choices"]
    chunks = [{**head, "choices": [_chat_choice({"role": "assistant", "content": ""})]}, *events]
    for delta in _chat_deltas(choice["message"]):
        chunks.append({**head, "choices": [_chat_choice(delta)]})
    logprobs = choice.get("logprobs")
    if logprobs:
        chunks[-1]["choices"][0]["logprobs"] = logprobs
    chunks.append({**head, "choices": [_chat_choice({}, choice["finish_reason"])]})
    if "usage" in reply:
        chunks.append({**head, "choices": [], "usage": reply["usage"]})
    return "".join(map(frame, chunks)) + "data: [DONE]\n\n"


def _chat_choice(delta: Json, finish: str | None = None) -> Json:
    return {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}


def _chat_deltas(message: Json) -> Iterator[Json]:
    late = ("content", "tool_calls", "annotations", "role")
    for name in [*(name for name in message if name not in late), "content", "annotations"]:
        if message.get(name):
            yield {name: message[name]}
    for index, call in enumerate(message.get("tool_calls") or ()):
        yield {"tool_calls": [{"index": index, **call}]}


def _chat_fold(events: list[Json]) -> Json:
    reply: Json = {key: value for key, value in events[0].items() if key != "choices"}
    message: Json = {}
    choice: Json = {"index": 0, "message": message}
    for event in events:
        reply |= {key: value for key, value in event.items() if key not in ("choices", "object")}
        for told in event["choices"]:
            _add_delta(message, told["delta"])
            choice["finish_reason"] = told["finish_reason"] or choice.get("finish_reason")
            for name, tokens in (told.get("logprobs") or {}).items():
                logprobs = choice.setdefault("logprobs", {})
                logprobs[name] = [*(logprobs.get(name) or ()), *tokens] if tokens else tokens
    return reply | {"object": "chat.completion", "choices": [choice]}


def _add_delta(message: Json, delta: Json) -> None:
    for name, value in delta.items():
        if name == "tool_calls":
            _add_calls(message.setdefault("tool_calls", []), value)
        elif isinstance(value, str) and name != "role":
            message[name] = message.get(name, "") + value
        elif isinstance(value, list):
            message[name] = [*message.get(name, ()), *value]
        elif value is not None:
            message[name] = value


def _add_calls(calls: list[Json], fragments: list[Json]) -> None:
    for fragment in fragments:
        told = {key: value for key, value in fragment.items() if key != "index"}
        if fragment["index"] == len(calls):
            calls.append(told)
        else:
            kind = "function" if "function" in told else "custom"
            for name, text in told[kind].items():
                calls[fragment["index"]][kind][name] += text


# --- Messages


def _messages_stream(reply: Json, events: list[Json]) -> str:
    if "error" in reply:
        return frame({"type": "error", **reply}, "error")
    begun = {**reply, "content": [], "stop_reason": None, "stop_details": None}
    told: list[Json] = [{"type": "message_start", "message": begun}, *events]
    for index, block in enumerate(reply["content"]):
        start, deltas = _block_events(block)
        told.append({"type": "content_block_start", "index": index, "content_block": start})
        for delta in deltas:
            told.append({"type": "content_block_delta", "index": index, "delta": delta})
        told.append({"type": "content_block_stop", "index": index})
    end = ("stop_reason", "stop_sequence", "stop_details", "container")
    delta = {name: reply.get(name) for name in end}
    told.append({"type": "message_delta", "delta": delta, "usage": reply["usage"]})
    return named([*told, {"type": "message_stop"}])


def _block_events(block: Json) -> tuple[Json, list[Json]]:
    match block["type"]:
        case "text":
            cited = [
                {"type": "citations_delta", "citation": c} for c in block.get("citations") or ()
            ]
            return {"type": "text", "text": ""}, [
                *cited,
                {"type": "text_delta", "text": block["text"]},
            ]
        case "thinking":
            return {"type": "thinking", "thinking": "", "signature": ""}, [
                {"type": "thinking_delta", "thinking": block["thinking"]},
                {"type": "signature_delta", "signature": block["signature"]},
            ]
        case "tool_use" | "server_tool_use" | "mcp_tool_use":
            text = json.dumps(block["input"], separators=(",", ":"))
            return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": text}]
    return block, []


def _messages_fold(events: list[Json]) -> Json:
    reply: Json = {}
    for event in events:
        match event["type"]:
            case "message_start":
                reply = event["message"]
            case "content_block_start":
                reply["content"].append(event["content_block"])
            case "content_block_delta":
                _add_to_block(reply["content"][event["index"]], event["delta"])
            case "message_delta":
                reply |= event["delta"]
                reply["usage"] |= event["usage"]
    for block in reply["content"]:
        if "json" in block:
            block["input"] = json.loads(block.pop("json") or "{}")
    return reply


def _add_to_block(block: Json, delta: Json) -> None:
    match delta["type"]:
        case "citations_delta":
            block["citations"] = [*(block.get("citations") or ()), delta["citation"]]
        case "input_json_delta":
            block["json"] = block.get("json", "") + delta["partial_json"]
        case _:
            for name, text in delta.items():
                if name != "type":
                    block[name] = block.get(name, "") + text


# --- Responses


def _responses_stream(reply: Json, events: list[Json]) -> str:
    if "error" in reply and "id" not in reply:
        flat = {name: reply["error"].get(name) for name in ("code", "message", "param")}
        return named([{"type": "error", "sequence_number": 0, **flat, **reply}])
    begun = {**reply, "status": "in_progress", "output": [], "usage": None, "error": None}
    told: list[Json] = [{"type": "response.created", "response": begun}, *events]
    for index, item in enumerate(reply["output"]):
        at = {"output_index": index}
        inner = at if item["type"] == "shell_call" else {**at, "item_id": item.get("id", "")}
        empty = {"content": [], "summary": [], "arguments": "", "input": "", "code": ""}
        added = {**item, **{key: value for key, value in empty.items() if key in item}}
        told.append({"type": "response.output_item.added", **at, "item": added})
        tell = _ITEMS.get(item["type"])
        told += [{**inner, **event} for event in (tell(item) if tell else ())]
        told.append({"type": "response.output_item.done", **at, "item": item})
    told.append({"type": f"response.{reply['status']}", "response": reply})
    return named({**event, "sequence_number": number} for number, event in enumerate(told))


def _message_events(item: Json) -> Iterator[Json]:
    for index, part in enumerate(item["content"]):
        at = {"content_index": index}
        kind = part["type"]
        name = "refusal" if kind == "refusal" else "text"
        empty = {**part, name: "", **({"annotations": []} if kind == "output_text" else {})}
        yield {"type": "response.content_part.added", **at, "part": empty}
        text, more = {name: part[name]}, {}
        if kind == "output_text":
            more["logprobs"] = part.get("logprobs") or []
        yield {"type": f"response.{kind}.delta", **at, "delta": part[name], **more}
        for number, annotation in enumerate(part.get("annotations") or ()):
            told = {"annotation_index": number, "annotation": annotation}
            yield {"type": "response.output_text.annotation.added", **at, **told}
        yield {"type": f"response.{kind}.done", **at, **text, **more}
        yield {"type": "response.content_part.done", **at, "part": part}


def _reasoning_events(item: Json) -> Iterator[Json]:
    for index, part in enumerate(item["summary"]):
        at = {"summary_index": index}
        empty = {"type": "summary_text", "text": ""}
        yield {"type": "response.reasoning_summary_part.added", **at, "part": empty}
        yield {"type": "response.reasoning_summary_text.delta", **at, "delta": part["text"]}
        yield {"type": "response.reasoning_summary_text.done", **at, "text": part["text"]}
        yield {"type": "response.reasoning_summary_part.done", **at, "part": part}
    for index, part in enumerate(item.get("content") or ()):
        at = {"content_index": index}
        yield {"type": "response.content_part.added", **at, "part": {**part, "text": ""}}
        yield {"type": "response.reasoning_text.delta", **at, "delta": part["text"]}
        yield {"type": "response.reasoning_text.done", **at, "text": part["text"]}
        yield {"type": "response.content_part.done", **at, "part": part}


def _argument_events(item: Json) -> Iterator[Json]:
    kind = "function_call_arguments" if item["type"] == "function_call" else "mcp_call_arguments"
    yield {"type": f"response.{kind}.delta", "delta": item["arguments"]}
    yield {"type": f"response.{kind}.done", "arguments": item["arguments"]}


def _input_events(item: Json) -> Iterator[Json]:
    yield {"type": "response.custom_tool_call_input.delta", "delta": item["input"]}
    yield {"type": "response.custom_tool_call_input.done", "input": item["input"]}


def _progress(*steps: str) -> Callable[[Json], Iterator[Json]]:
    def events(item: Json) -> Iterator[Json]:
        for step in steps:
            yield {"type": f"response.{item['type']}.{step}"}

    return events


def _code_events(item: Json) -> Iterator[Json]:
    yield {"type": "response.code_interpreter_call.in_progress"}
    yield {"type": "response.code_interpreter_call_code.delta", "delta": item["code"]}
    yield {"type": "response.code_interpreter_call_code.done", "code": item["code"]}
    yield {"type": "response.code_interpreter_call.interpreting"}
    yield {"type": "response.code_interpreter_call.completed"}


def _image_events(item: Json) -> Iterator[Json]:
    yield from _progress("in_progress", "generating")(item)
    partial = {"partial_image_index": 0, "partial_image_b64": "aGk="}
    yield {"type": "response.image_generation_call.partial_image", **partial}
    yield {"type": "response.image_generation_call.completed"}


def _mcp_events(item: Json) -> Iterator[Json]:
    yield {"type": "response.mcp_call.in_progress"}
    yield from _argument_events(item)
    yield {"type": f"response.mcp_call.{'failed' if item.get('error') else 'completed'}"}


def _list_events(item: Json) -> Iterator[Json]:
    yield {"type": "response.mcp_list_tools.in_progress"}
    yield {"type": f"response.mcp_list_tools.{'failed' if item.get('error') else 'completed'}"}


def _shell_events(item: Json) -> Iterator[Json]:
    for index, command in enumerate(item["action"]["commands"]):
        at = {"command_index": index}
        yield {"type": "response.shell_call_command.added", **at, "command": ""}
        yield {"type": "response.shell_call_command.delta", **at, "delta": command}
        yield {"type": "response.shell_call_command.done", **at, "command": command}


def _shell_output_events(item: Json) -> Iterator[Json]:
    at = {"command_index": 0}
    delta = {"stdout": item["output"][0]["stdout"]}
    yield {"type": "response.shell_call_output_content.delta", **at, "delta": delta}
    yield {"type": "response.shell_call_output_content.done", **at, "output": item["output"]}


_ITEMS: dict[str, Callable[[Json], Iterator[Json]]] = {
    "message": _message_events,
    "reasoning": _reasoning_events,
    "function_call": _argument_events,
    "custom_tool_call": _input_events,
    "web_search_call": _progress("in_progress", "searching", "completed"),
    "file_search_call": _progress("in_progress", "searching", "completed"),
    "code_interpreter_call": _code_events,
    "image_generation_call": _image_events,
    "mcp_call": _mcp_events,
    "mcp_list_tools": _list_events,
    "shell_call": _shell_events,
    "shell_call_output": _shell_output_events,
}


def _responses_fold(events: list[Json]) -> Json:
    return next(event["response"] for event in reversed(events) if "response" in event)


_STREAMS: dict[Api, Callable[[Json, list[Json]], str]] = {
    "chat_completions": _chat_stream,
    "messages": _messages_stream,
    "responses": _responses_stream,
}
_FOLDS: dict[Api, Callable[[list[Json]], Json]] = {
    "chat_completions": _chat_fold,
    "messages": _messages_fold,
    "responses": _responses_fold,
}
