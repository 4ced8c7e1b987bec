"""What a reply says, in the order it says it: the events between the readers and the writers.

A writer may rely on the following; ``reply_builder.ReplyBuilder``, through which every reader speaks, ensures it.

1. ``Started`` comes first and once, unless the reply fails before it.
2. Parts are numbered 0, 1, 2 ... in the order they start; each starts once and ends once; deltas come
   between. Several parts may be open at once (parallel tool calls that a provider interleaves).
3. A delta's text is never empty. A tool call's deltas add up to its arguments, ``{}`` at least.
4. ``UsageReported`` comes at most once, after the last part ended.
5. ``Finished`` or ``Failed`` comes last and once. Before ``Finished`` all parts have ended, and its reason
   is ``tool_calls`` only if there was a tool call, ``stop`` only if there was none.
"""

from typing import Literal

from msgspec import Struct

from wsgi_gateway.protocols.conversation import Proof
from wsgi_gateway.protocols.errors import ApiError

PartKind = Literal["text", "refusal", "reasoning", "tool_call"]
FinishReason = Literal[
    "stop", "stop_sequence", "tool_calls", "length", "context_window", "content_filter", "pause"
]


class Usage(Struct, kw_only=True):
    """Tokens. ``input`` includes cached and cache-written ones, ``output`` includes reasoning."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int | None = None


class Started(Struct, kw_only=True):
    """``id`` and ``model`` are the upstream's own; ``usage`` is what it knew at the start, if anything."""

    id: str
    model: str
    usage: Usage | None = None


class PartStarted(Struct, kw_only=True):
    """``id`` is a tool call's id; ``custom`` and ``namespace`` as in ``conversation.ToolCall``."""

    index: int
    kind: PartKind
    id: str = ""
    name: str = ""
    custom: bool = False
    namespace: str | None = None


class Delta(Struct):
    index: int
    text: str


class PartEnded(Struct, kw_only=True):
    """``proof`` goes with reasoning; ``complete`` is False for what a limit cut short."""

    index: int
    proof: Proof | None = None
    complete: bool = True


class UsageReported(Struct):
    usage: Usage


class Finished(Struct, kw_only=True):
    reason: FinishReason
    stop_sequence: str | None = None
    explanation: str | None = None
    """Why the provider's classifiers ended the reply, in its own words."""


class Failed(Struct):
    error: ApiError


Event = Started | PartStarted | Delta | PartEnded | UsageReported | Finished | Failed
