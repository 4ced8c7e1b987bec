"""What a client asks, and how each API writes it down.

Here: one `Ask` (a conversation, tools, knobs), its writers (body of each API) and its readers (what
an upstream was asked, read back from the body it received), so that `read(write(ask)) == ask` can
be checked across a gateway. Not here: sending it (dialects.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from support.streams import Api, Json, ToolCall

Effort = Literal["low", "medium", "high", "xhigh"]

OUTPUT_CAP = 16_000
"""Tokens asked for: over every thinking budget used here, under the size that Anthropic's SDK
refuses unstreamed.
"""

BUDGETS: dict[Effort, int] = {"low": 2048, "medium": 8192, "high": 13_000}


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Image:
    """An image by its https or data URL."""

    url: str


@dataclass(frozen=True)
class ToolResult:
    id: str
    text: str


Part = Text | Image | ToolCall | ToolResult


@dataclass(frozen=True)
class Turn:
    """All that one side says before the other speaks again; results of tools belong to the user's
    side.
    """

    role: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Tool:
    name: str
    description: str
    properties: tuple[str, ...] = ()

    @property
    def schema(self) -> Json:
        properties = {name: {"type": "string"} for name in self.properties}
        return {"type": "object", "properties": properties, "required": list(self.properties)}


@dataclass(frozen=True)
class Ask:
    """One request, in no API's words. `tool_choice` is a tool's name, "required" or nothing."""

    turns: tuple[Turn, ...]
    system: str = ""
    tools: tuple[Tool, ...] = ()
    tool_choice: str | None = None
    effort: Effort | None = None
    cap: int | None = OUTPUT_CAP


def user(*parts: Part | str) -> Turn:
    return Turn("user", tuple(Text(part) if isinstance(part, str) else part for part in parts))


def assistant(*parts: Part | str) -> Turn:
    return Turn("assistant", tuple(Text(p) if isinstance(p, str) else p for p in parts))


def _turns(said: Iterable[tuple[str, Part]]) -> tuple[Turn, ...]:
    """Joins what the same side says in a row, also its text, into one turn."""
    turns: list[tuple[str, list[Part]]] = []
    for role, part in said:
        if not turns or turns[-1][0] != role:
            turns.append((role, []))
        turns[-1][1].append(part)
    return tuple(Turn(role, tuple(parts)) for role, parts in turns)


def canonical(arguments: str) -> str:
    """JSON text with its blanks and key order settled, to compare arguments that passed through an
    object.
    """
    return json.dumps(json.loads(arguments), sort_keys=True)


def _call(call_id: str, name: str, arguments: str) -> ToolCall:
    return ToolCall(call_id, name, canonical(arguments))


def _tool(name: str, description: str, schema: Json) -> Tool:
    tool = Tool(name, description, tuple(schema["properties"]))
    assert tool.schema.items() <= schema.items(), f"schema became {schema}"
    return tool


def _parts(content: str | list[Json] | None) -> list[Json]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return content or []


def _plain(content: str | list[Json] | None) -> str:
    return "".join(part["text"] for part in _parts(content))


# --- Chat Completions


def write_chat_completions(ask: Ask) -> Json:
    messages: list[Json] = [{"role": "system", "content": ask.system}] if ask.system else []
    for turn in ask.turns:
        messages.extend(_chat_messages(turn))
    body: Json = {"messages": messages, "max_completion_tokens": ask.cap}
    if ask.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.schema,
                },
            }
            for tool in ask.tools
        ]
    if ask.tool_choice == "required":
        body["tool_choice"] = "required"
    elif ask.tool_choice:
        body["tool_choice"] = {"type": "function", "function": {"name": ask.tool_choice}}
    if ask.effort:
        body["reasoning_effort"] = ask.effort
    return body


def _chat_messages(turn: Turn) -> Iterator[Json]:
    for part in turn.parts:
        if isinstance(part, ToolResult):
            yield {"role": "tool", "tool_call_id": part.id, "content": part.text}
    content: list[Json] = []
    for part in turn.parts:
        if isinstance(part, Text):
            content.append({"type": "text", "text": part.text})
        elif isinstance(part, Image):
            content.append({"type": "image_url", "image_url": {"url": part.url}})
    calls = [
        {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
        for c in turn.parts
        if isinstance(c, ToolCall)
    ]
    if calls:
        yield {"role": turn.role, "content": content or None, "tool_calls": calls}
    elif content:
        yield {"role": turn.role, "content": content}


def read_chat_completions(body: Json) -> Ask:
    system: list[str] = []
    said: list[tuple[str, Part]] = []
    for message in body["messages"]:
        role = message["role"]
        if role in {"system", "developer"}:
            system.append(_plain(message["content"]))
        elif role == "tool":
            result = ToolResult(message["tool_call_id"], _plain(message["content"]))
            said.append(("user", result))
        else:
            for part in _parts(message["content"]):
                known = part["type"] == "text"
                said.append(
                    (role, Text(part["text"]) if known else Image(part["image_url"]["url"]))
                )
            for call in message.get("tool_calls", []):
                function = call["function"]
                said.append((role, _call(call["id"], function["name"], function["arguments"])))
    functions = [tool["function"] for tool in body.get("tools", [])]
    choice = body.get("tool_choice")
    return Ask(
        turns=_turns(said),
        system="\n".join(system),
        tools=tuple(_tool(f["name"], f["description"], f["parameters"]) for f in functions),
        tool_choice=choice["function"]["name"] if isinstance(choice, dict) else choice,
        effort=body.get("reasoning_effort"),
        cap=body.get("max_completion_tokens", body.get("max_tokens")),
    )


# --- Messages


def write_messages(ask: Ask) -> Json:
    messages = [
        {"role": turn.role, "content": [_messages_block(part) for part in turn.parts]}
        for turn in ask.turns
    ]
    body: Json = {"messages": messages, "max_tokens": ask.cap}
    if ask.system:
        body["system"] = ask.system
    if ask.tools:
        body["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.schema}
            for tool in ask.tools
        ]
    if ask.tool_choice == "required":
        body["tool_choice"] = {"type": "any"}
    elif ask.tool_choice:
        body["tool_choice"] = {"type": "tool", "name": ask.tool_choice}
    if ask.effort:
        body["thinking"] = {"type": "enabled", "budget_tokens": BUDGETS[ask.effort]}
    return body


def _messages_block(part: Part) -> Json:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, ToolResult):
        return {"type": "tool_result", "tool_use_id": part.id, "content": part.text}
    if isinstance(part, ToolCall):
        arguments = json.loads(part.arguments)
        return {"type": "tool_use", "id": part.id, "name": part.name, "input": arguments}
    if part.url.startswith("data:"):
        media_type, _, data = part.url.removeprefix("data:").partition(";base64,")
        source = {"type": "base64", "media_type": media_type, "data": data}
        return {"type": "image", "source": source}
    return {"type": "image", "source": {"type": "url", "url": part.url}}


def _read_messages_block(block: Json) -> Part:
    kind = block["type"]
    if kind == "text":
        return Text(block["text"])
    if kind == "tool_use":
        return _call(block["id"], block["name"], json.dumps(block["input"]))
    if kind == "tool_result":
        return ToolResult(block["tool_use_id"], _plain(block.get("content")))
    source = block["source"]
    if source["type"] == "base64":
        return Image(f"data:{source['media_type']};base64,{source['data']}")
    return Image(source["url"])


def _messages_effort(body: Json) -> Effort | None:
    """Reads the knob in either of its forms: a word beside adaptive thinking, or a budget."""
    effort: Effort | None = body.get("output_config", {}).get("effort")
    if effort:
        assert body["thinking"]["type"] == "adaptive", body["thinking"]
        return effort
    budget = body.get("thinking", {}).get("budget_tokens")
    if budget is None:
        return None
    assert 1024 <= budget < body["max_tokens"], f"budget {budget} of {body['max_tokens']}"
    return "low" if budget < 4096 else "medium" if budget < 12_288 else "high"


def read_messages(body: Json) -> Ask:
    said: list[tuple[str, Part]] = []
    for message in body["messages"]:
        assert message["role"] in {"user", "assistant"}, message
        for block in _parts(message["content"]):
            if block["type"] not in {"thinking", "redacted_thinking"}:
                said.append((message["role"], _read_messages_block(block)))
    tools = [(t["name"], t["description"], t["input_schema"]) for t in body.get("tools", [])]
    choice = body.get("tool_choice") or {}
    kinds = {"any": "required", "tool": choice.get("name")}
    return Ask(
        turns=_turns(said),
        system="\n".join(block["text"] for block in _parts(body.get("system"))),
        tools=tuple(_tool(*tool) for tool in tools),
        tool_choice=kinds.get(choice.get("type", "auto")),
        effort=_messages_effort(body),
        cap=body["max_tokens"],
    )


# --- Responses


def write_responses(ask: Ask) -> Json:
    items = [item for turn in ask.turns for item in _responses_items(turn)]
    body: Json = {"input": items, "max_output_tokens": ask.cap}
    if ask.system:
        body["instructions"] = ask.system
    if ask.tools:
        body["tools"] = [
            {
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.schema,
                "strict": False,
            }
            for tool in ask.tools
        ]
    if ask.tool_choice == "required":
        body["tool_choice"] = "required"
    elif ask.tool_choice:
        body["tool_choice"] = {"type": "function", "name": ask.tool_choice}
    if ask.effort:
        body["reasoning"] = {"effort": ask.effort, "summary": "auto"}
    return body


def _responses_items(turn: Turn) -> Iterator[Json]:
    kind = "output_text" if turn.role == "assistant" else "input_text"
    content: list[Json] = []
    for part in turn.parts:
        if isinstance(part, ToolResult):
            yield {"type": "function_call_output", "call_id": part.id, "output": part.text}
        elif isinstance(part, Text):
            content.append({"type": kind, "text": part.text})
        elif isinstance(part, Image):
            content.append({"type": "input_image", "image_url": part.url, "detail": "auto"})
    if content:
        yield {"role": turn.role, "content": content}
    for part in turn.parts:
        if isinstance(part, ToolCall):
            call = {"call_id": part.id, "name": part.name, "arguments": part.arguments}
            yield {"type": "function_call", **call}


def _read_responses_item(item: Json) -> Iterator[tuple[str, Part]]:
    kind = item.get("type", "message")
    if kind == "function_call":
        yield "assistant", _call(item["call_id"], item["name"], item["arguments"])
    elif kind == "function_call_output":
        yield "user", ToolResult(item["call_id"], _plain(item["output"]))
    elif kind == "message":
        for part in _parts(item["content"]):
            image = part["type"] == "input_image"
            yield item["role"], Image(part["image_url"]) if image else Text(part["text"])
    else:
        assert kind == "reasoning", item


def read_responses(body: Json) -> Ask:
    items = body["input"]
    if isinstance(items, str):
        items = [{"role": "user", "content": items}]
    system = [body["instructions"]] if body.get("instructions") else []
    said: list[tuple[str, Part]] = []
    for role, part in (pair for item in items for pair in _read_responses_item(item)):
        if role in {"system", "developer"}:
            assert isinstance(part, Text)
            system.append(part.text)
        else:
            said.append((role, part))
    tools = [(t["name"], t["description"], t["parameters"]) for t in body.get("tools", [])]
    choice: Any = body.get("tool_choice")
    return Ask(
        turns=_turns(said),
        system="\n".join(system),
        tools=tuple(_tool(*tool) for tool in tools),
        tool_choice=choice["name"] if isinstance(choice, dict) else choice,
        effort=(body.get("reasoning") or {}).get("effort"),
        cap=body.get("max_output_tokens"),
    )


WRITERS: dict[Api, Callable[[Ask], Json]] = {
    "chat_completions": write_chat_completions,
    "messages": write_messages,
    "responses": write_responses,
}

READERS: dict[Api, Callable[[Json], Ask]] = {
    "chat_completions": read_chat_completions,
    "messages": read_messages,
    "responses": read_responses,
}
