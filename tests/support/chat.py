"""Chat Completions replies of an upstream, from the deltas they carry.

Here: the least that makes deltas a stream or a full reply. Not here: whole answers (streams.py).
"""

from __future__ import annotations

import json

from support.streams import Json


def chat_chunk(delta: Json, finish: str | None = None, **more: object) -> str:
    """One chunk; what else is given stands beside the delta."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish, **more}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n"


def chat_stream(*deltas: Json, finish: str = "stop", **more: object) -> bytes:
    """A whole stream of these deltas; what else is given stands beside the finish."""
    chunks = [chat_chunk(delta) for delta in deltas]
    return "".join([*chunks, chat_chunk({}, finish, **more), "data: [DONE]\n\n"]).encode()


def chat_reply(message: Json, finish: str = "stop", **more: object) -> Json:
    """A full reply; what else is given stands beside the message."""
    choice = {"index": 0, "message": message, "finish_reason": finish, **more}
    return {"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice]}
