"""What a reply says, in the order it says it: the events between the readers and the writers.

A writer may rely on the following; ``reply_builder.ReplyBuilder``, through which every reader speaks, ensures it.

1. ``Started`` comes first and once, unless the reply fails before it.
2. Parts are numbered 0, 1, 2 ... in the order they start; each starts once and ends once; deltas come
   between. Several parts may be open at once (parallel tool calls that a provider interleaves).
3. A delta's text is never empty. A tool call's deltas add up to its arguments, ``{}`` at least. Only text has
   annotations, which come between its start and its end; a web search has no deltas.
4. ``UsageReported`` comes at most once, after the last part ended.
5. ``Finished`` or ``Failed`` comes last and once. Before ``Finished`` all parts have ended, and its reason
   is ``tool_calls`` only if there was a tool call, ``stop``, ``stop_sequence`` or ``pause`` only if there was none.
"""

from typing import Literal

from msgspec import Struct

from wsgi_gateway.protocols.conversation import Json, Proof
from wsgi_gateway.protocols.errors import ApiError

PartKind = Literal["text", "refusal", "reasoning", "tool_call", "web_search", "compaction"]
"""A compaction's text is the summary; only clients that asked for one, Responses', are told of it."""

FinishReason = Literal[
    "stop", "stop_sequence", "tool_calls", "length", "context_window", "content_filter", "pause"
]


_MOST_TOKENS = 1_000_000_000


class Usage(Struct, kw_only=True):
    """Tokens. ``input`` includes cached and cache-written ones, ``output`` includes reasoning.

    ``service_tier`` is the one that answered, in OpenAI's words; ``web_searches`` counts those the upstream ran.
    What upstreams write that can be no number of tokens, like -1 for one that they do not know, is 0, or as many as are
    believed.
    """

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int | None = None
    service_tier: str | None = None
    web_searches: int | None = None

    def __post_init__(self) -> None:
        if not (
            0 <= self.input <= _MOST_TOKENS
            and 0 <= self.output <= _MOST_TOKENS
            and 0 <= self.cache_read <= _MOST_TOKENS
            and 0 <= self.cache_write <= _MOST_TOKENS
            and 0 <= (self.reasoning or 0) <= _MOST_TOKENS
        ):
            self.input, self.output = _believed(self.input), _believed(self.output)
            self.cache_read = _believed(self.cache_read)
            self.cache_write = _believed(self.cache_write)
            self.reasoning = None if self.reasoning is None else _believed(self.reasoning)


def _believed(tokens: int) -> int:
    return min(max(tokens, 0), _MOST_TOKENS)


NO_USAGE = "the upstream reported none: zeros stand for it"
"""What a client is told where its API insists on counters that nobody counted."""


class Started(Struct, kw_only=True):
    """``id`` and ``model`` are the upstream's own; ``usage`` is what it knew at the start, if anything."""

    id: str
    model: str
    usage: Usage | None = None


class PartStarted(Struct, kw_only=True):
    """``id`` is a tool call's id; ``custom`` and ``namespace`` as in ``conversation.ToolCall``.

    A text or refusal that begins another message of the same reply (Responses has several) ``starts_message``;
    ``phase`` is that message's, as in ``conversation.Message``.
    """

    index: int
    kind: PartKind
    id: str = ""
    name: str = ""
    custom: bool = False
    namespace: str | None = None
    starts_message: bool = False
    phase: str | None = None


class Delta(Struct):
    """``logprobs`` are those of the text's tokens: ``{token, logprob, bytes, top_logprobs}`` each."""

    index: int
    text: str
    logprobs: list[Json] | None = None


class Deltas(Struct):
    """Deltas of one part that arrived together, without log probabilities: each is an event of its own on the wire."""

    index: int
    texts: list[str]


class Annotation(Struct, kw_only=True):
    """What a stretch of text rests on: a page of the web (``url``), or a document.

    ``start`` and ``end`` count code points of the part's text. A document is named by ``file_id`` or ``title``.
    ``cited`` are the source's own words.
    """

    kind: Literal["url", "document"]
    start: int = 0
    end: int = 0
    url: str | None = None
    title: str | None = None
    file_id: str | None = None
    cited: str | None = None


class Annotated(Struct):
    index: int
    annotation: Annotation


class Search(Struct, kw_only=True):
    """A web search that the upstream ran: what it looked for, and the pages found (``{url, title}``)."""

    queries: list[str]
    sources: list[dict[str, str]]


class PartEnded(Struct, kw_only=True):
    """``proof`` goes with reasoning, ``search`` with a web search; ``complete`` is False for what a limit cut short."""

    index: int
    proof: Proof | None = None
    search: Search | None = None
    complete: bool = True


class UsageReported(Struct):
    usage: Usage


class Finished(Struct, kw_only=True):
    reason: FinishReason
    stop_sequence: str | None = None
    explanation: str | None = None
    """Why the provider's classifiers ended the reply, in its own words."""
    category: str | None = None
    """The kind of harm that they saw, as Messages' ``stop_details`` names it."""


class Failed(Struct):
    error: ApiError


Event = (
    Started
    | PartStarted
    | Delta
    | Deltas
    | Annotated
    | PartEnded
    | UsageReported
    | Finished
    | Failed
)
