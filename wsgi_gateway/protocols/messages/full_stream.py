"""A full reply told as the stream it should have been, for an upstream that ignored ``stream``.

The reply is taken apart, not read: a block that nobody here knows goes whole into its start, as the vendor does with
the results of its own tools.
"""

from collections.abc import Iterator

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import encode

_CALLS = ("tool_use", "server_tool_use", "mcp_tool_use")
_END = ("stop_reason", "stop_sequence")
_END_IF_SAID = ("stop_details", "container")


def stream_full(reply: Json, _request: Json) -> bytes:
    """All of ``reply``, whatever the request said."""
    return b"".join([sse.encode(encode(event), event["type"]) for event in _events(reply)])


def _events(reply: Json) -> Iterator[Json]:
    nothing_yet: Json = {"content": [], "stop_reason": None, "stop_sequence": None}
    yield {"type": "message_start", "message": {**reply, **nothing_yet}}
    for index, block in enumerate(reply.get("content") or ()):
        start, deltas = _told(block)
        yield {"type": "content_block_start", "index": index, "content_block": start}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    end = {name: reply.get(name) for name in _END}
    end["stop_reason"] = end["stop_reason"] or "end_turn"
    end |= {name: reply[name] for name in _END_IF_SAID if reply.get(name)}
    yield {"type": "message_delta", "delta": end, "usage": reply.get("usage") or {}}
    yield {"type": "message_stop"}


def _told(block: Json) -> tuple[Json, list[Json]]:
    """A block's start, and what is said of it afterwards."""
    match block.get("type"):
        case "text":
            given = block.get("citations")
            cited = given if isinstance(given, list) else []
            start = {**block, "text": "", **({"citations": []} if cited else {})}
            deltas = [{"type": "text_delta", "text": block.get("text")}]
            return start, [
                *(delta for delta in deltas if delta["text"]),
                *({"type": "citations_delta", "citation": citation} for citation in cited),
            ]
        case "thinking":
            pieces = [("thinking_delta", "thinking"), ("signature_delta", "signature")]
            return {**block, "thinking": "", "signature": ""}, [
                {"type": kind, name: block[name]} for kind, name in pieces if block.get(name)
            ]
        case kind if kind in _CALLS:
            text = encode(block.get("input") or {}).decode()
            return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": text}]
    return block, []
