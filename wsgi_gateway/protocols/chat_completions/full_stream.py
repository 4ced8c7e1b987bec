"""A full reply told as the stream it should have been, for an upstream that ignored ``stream``.

The reply is taken apart, not read: fields, choices and parts that nobody here knows stay in it.
"""

from collections.abc import Iterator

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.chat_completions.wire import objects
from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import encode

_IN_ORDER = ("content", "tool_calls", "function_call", "annotations")
"""What of a message comes last; thoughts and all else come before."""


def stream_full(reply: Json, request: Json) -> bytes:
    """A chunk for every field of the message, one for its end, and one for the usage if the request asked for it."""
    frame = {name: value for name, value in reply.items() if name not in ("choices", "usage")}
    frame["object"] = "chat.completion.chunk"
    choices = objects(reply.get("choices"))
    chunks: list[Json] = [
        {**frame, "choices": [told]} for choice in choices for told in _told(choice)
    ]
    options = request.get("stream_options")
    if isinstance(options, dict) and options.get("include_usage"):
        chunks = [{**chunk, "usage": None} for chunk in chunks]
        chunks.append({**frame, "choices": [], "usage": reply.get("usage")})
    return b"".join([*(sse.encode(encode(chunk)) for chunk in chunks), sse.encode(b"[DONE]")])


def _told(choice: Json) -> Iterator[Json]:
    index = choice.get("index", 0)
    said = {"index": index, "logprobs": None, "finish_reason": None}
    *deltas, last = _deltas(choice.get("message"))
    for delta in deltas:
        yield {**said, "delta": delta}
    yield {**said, "delta": last, "logprobs": choice.get("logprobs")}
    beside = {name: value for name, value in choice.items() if name not in ("message", "logprobs")}
    reason = choice.get("finish_reason") or "stop"
    yield {**beside, **said, "delta": {}, "finish_reason": reason}


def _deltas(message: object) -> Iterator[Json]:
    given = message if isinstance(message, dict) else {}
    yield {"role": given.get("role") or "assistant", "content": ""}
    fields = [name for name in given if name != "role" and given[name] not in (None, "", [])]
    for name in sorted(fields, key=lambda name: name in _IN_ORDER and _IN_ORDER.index(name) + 1):
        yield {name: _numbered(given[name]) if name == "tool_calls" else given[name]}


def _numbered(calls: object) -> list[Json]:
    return [{"index": index, **call} for index, call in enumerate(objects(calls))]
