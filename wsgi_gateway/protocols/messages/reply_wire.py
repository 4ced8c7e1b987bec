"""The wire's own shapes, as far as the gateway reads them: replies of upstreams, full or streamed.

Source: Anthropic API reference, "Create a Message" and "Streaming Messages". Blocks stay plain
objects, since a reply may hold kinds that nobody here knows.
"""

from typing import Any

from msgspec import Struct

from wsgi_gateway.protocols.conversation import Json


class OutputDetails(Struct):
    thinking_tokens: int | None = None


class Usage(Struct):
    """Cumulative counters; ``input_tokens`` is without the two cache counters."""

    input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens: int | None = None
    output_tokens_details: OutputDetails | None = None
    server_tool_use: Any = None
    service_tier: Any = None
    speed: Any = None
    inference_geo: Any = None


class Message(Struct):
    """A full reply, and what ``message_start`` carries."""

    id: str | int | None = None
    model: str | None = None
    content: list[Json] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Json | None = None
    usage: Usage | None = None
    container: Any = None
    diagnostics: Any = None


class Delta(Struct):
    """The delta of a block, and that of the message."""

    type: str | None = None
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None
    citation: Json | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Json | None = None
    container: Any = None


class StreamEvent(Struct):
    type: str | None = None
    index: int = 0
    message: Message | None = None
    content_block: Json | None = None
    delta: Delta | None = None
    usage: Usage | None = None
    error: Any = None
