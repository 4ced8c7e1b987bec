"""Tool loops: a client asks, runs the tools that the reply calls, and sends their results.

Here: the official SDKs' own reply objects, and how they become history. Not here: what the upstream answers
(streams.py), what is asserted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from support.dialects import Clients
from support.streams import Api, Json

Results = Mapping[str, str]
"""Call id -> what the tool gave."""


def _chat_completions(reply: Json, results: Results) -> list[Json]:
    message = dict(reply["choices"][0]["message"])
    given = [
        {"role": "tool", "tool_call_id": call["id"], "content": results[call["id"]]}
        for call in message["tool_calls"]
    ]
    return [message, *given]


def _messages(reply: Json, results: Results) -> list[Json]:
    given = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": results[block["id"]]}
        for block in reply["content"]
        if block["type"] == "tool_use"
    ]
    content = reply["content"]
    return [{"role": "assistant", "content": content}, {"role": "user", "content": given}]


def _responses(reply: Json, results: Results) -> list[Json]:
    given = [
        {
            "type": "function_call_output",
            "call_id": item["call_id"],
            "output": results[item["call_id"]],
        }
        for item in reply["output"]
        if item["type"] == "function_call"
    ]
    return [*reply["output"], *given]


SAY_AGAIN: dict[Api, Callable[[Json, Results], list[Json]]] = {
    "chat_completions": _chat_completions,
    "messages": _messages,
    "responses": _responses,
}
"""A reply and the results of its calls, as the client writes them into its next request."""

HISTORY: dict[Api, str] = {
    "chat_completions": "messages",
    "messages": "messages",
    "responses": "input",
}


def create(clients: Clients, api: Api, stream: bool, **body: Any) -> Any:
    """The SDK's own object of the reply, as the dict that it writes into the next request."""
    if api == "messages":
        if not stream:
            return clients.anthropic.messages.create(**body).to_dict()
        with clients.anthropic.messages.stream(**body) as events:
            return events.get_final_message().to_dict()
    if api == "responses":
        if not stream:
            return clients.openai.responses.create(**body).to_dict()
        with clients.openai.responses.stream(**body) as events:
            return events.get_final_response().to_dict()
    if not stream:
        return clients.openai.chat.completions.create(**body).to_dict()
    with clients.openai.chat.completions.stream(**body) as events:
        return events.get_final_completion().to_dict()
