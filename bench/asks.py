"""Requests as clients send them: a question, or an agent's long history with tool calls.

Here: one body per API for the same conversation. Not here: what is answered (replies.py).
"""

import json
import random
from typing import Any

from bench.cases import Api, Case

Json = dict[str, Any]

QUESTION = "Why is the sky blue, and why is it red in the evening? Answer in a few sentences."
SYSTEM = "You are a helpful assistant."
PATH_SCHEMA: Json = {
    "type": "object",
    "properties": {"path": {"type": "string"}, "limit": {"type": "integer"}},
    "required": ["path"],
    "additionalProperties": False,
}
MOST_TOKENS = 1024
TEXT_LENGTH = 1100
"""Characters of one message of the history: a megabyte in a thousand."""


def ask(case: Case) -> bytes:
    """The body of the request, as an SDK writes it."""
    body = _WRITERS[case.client](_turns(case.history), with_tools=case.history > 1)
    body = {"model": case.model, **body, "stream": bool(case.events)}
    if case.events and case.client == "chat_completions":
        body["stream_options"] = {"include_usage": True}
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


# A turn is who speaks ("user", "assistant", "call", "result") and the text; a call's text are its arguments.
_Turn = tuple[str, str]


def _turns(messages: int) -> list[_Turn]:
    """A conversation of so many Chat messages that ends with a question of the user's."""
    dice = random.Random(4)
    circle = ("user", "call", "result", "assistant")
    rest = ("user", "assistant", "user")
    count = messages - 1
    speakers = [*circle * (count // 4), *rest[: count % 4]]
    turns = [(speaker, _text(dice, speaker)) for speaker in speakers]
    return [*turns, ("user", QUESTION)]


def _text(dice: random.Random, speaker: str) -> str:
    """Text with the quotes and line ends that code brings."""
    if speaker == "call":
        return json.dumps({"path": f"src/module_{dice.randrange(999)}.py", "limit": 200})
    words: list[str] = []
    length = 0
    while length < TEXT_LENGTH:
        word = dice.choice(_VOCABULARY)
        words.append(word)
        length += len(word) + 1
    return " ".join(words)


_VOCABULARY = (
    *(
        "the",
        "a",
        "value",
        "of",
        "each",
        "request",
        "is",
        "kept",
        "until",
        "response",
        "when",
        "not",
    ),
    *(
        "return",
        "self.total",
        "+=",
        'print("done")',
        "def",
        "main():\n   ",
        "if",
        "None:\n    pass\n",
        "{}",
    ),
    *("naïve", "größer", "—", "東京", "function", "which", "module", "test", "stream", "event"),
)


def _chat(turns: list[_Turn], *, with_tools: bool) -> Json:
    messages: list[Json] = [{"role": "system", "content": SYSTEM}]
    for number, (speaker, text) in enumerate(turns):
        match speaker:
            case "call":
                function = {"name": "read_file", "arguments": text}
                call = {"id": f"call_{number:06}", "type": "function", "function": function}
                messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
            case "result":
                call_id = f"call_{number - 1:06}"
                messages.append({"role": "tool", "tool_call_id": call_id, "content": text})
            case _:
                messages.append({"role": speaker, "content": text})
    body: Json = {"messages": messages, "max_completion_tokens": MOST_TOKENS}
    if with_tools:
        tool: Json = {"name": "read_file", "description": "Reads a file"}
        tool["parameters"] = PATH_SCHEMA
        body["tools"] = [{"type": "function", "function": tool}]
    return body


def _messages(turns: list[_Turn], *, with_tools: bool) -> Json:
    messages: list[Json] = []
    for number, (speaker, text) in enumerate(turns):
        block: Json = {"type": "text", "text": text}
        match speaker:
            case "call":
                block = {"type": "tool_use", "id": f"toolu_{number:06}", "name": "read_file"}
                block["input"] = json.loads(text)
            case "result":
                block = {"type": "tool_result", "tool_use_id": f"toolu_{number - 1:06}"}
                block["content"] = text
        role = "assistant" if speaker in {"call", "assistant"} else "user"
        messages.append({"role": role, "content": [block]})
    body: Json = {"system": SYSTEM, "messages": messages, "max_tokens": MOST_TOKENS}
    if with_tools:
        tool: Json = {
            "name": "read_file",
            "description": "Reads a file",
            "input_schema": PATH_SCHEMA,
        }
        body["tools"] = [tool]
    return body


def _responses(turns: list[_Turn], *, with_tools: bool) -> Json:
    items: list[Json] = []
    for number, (speaker, text) in enumerate(turns):
        match speaker:
            case "call":
                item: Json = {"type": "function_call", "call_id": f"call_{number:06}"}
                item |= {"name": "read_file", "arguments": text}
            case "result":
                item = {"type": "function_call_output", "call_id": f"call_{number - 1:06}"}
                item["output"] = text
            case _:
                kind = "output_text" if speaker == "assistant" else "input_text"
                item = {"type": "message", "role": speaker}
                item["content"] = [{"type": kind, "text": text}]
        items.append(item)
    body: Json = {"instructions": SYSTEM, "input": items, "max_output_tokens": MOST_TOKENS}
    body["store"] = False
    if with_tools:
        tool: Json = {"type": "function", "name": "read_file", "description": "Reads a file"}
        body["tools"] = [{**tool, "parameters": PATH_SCHEMA, "strict": True}]
    return body


_WRITERS: dict[Api, Any] = {
    "chat_completions": _chat,
    "messages": _messages,
    "responses": _responses,
}
