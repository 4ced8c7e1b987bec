"""What a request says: one model, richer than any of the wires that it is read from and written to.

Only data belongs here. Readers and writers of the wire APIs live in the protocols' own folders. A history is long and
holds no cycles, so the garbage collector is told to pass it by (``gc=False``).
"""

from typing import Any, ClassVar, Literal

from msgspec import Struct, field

from wsgi_gateway.protocols.words import Words, text_of

Json = dict[str, Any]
Role = Literal["system", "developer", "user", "assistant"]


class Text(Struct, kw_only=True, gc=False):
    """``words`` that may still be JSON: who only passes them on does not ask for ``text``."""

    words: Words
    cache: Json | None = None
    """A prompt-cache breakpoint behind this part, as Messages writes it (``{"type": "ephemeral"}``), but with a
    ``ttl`` in its own API's words: Messages' ``5m`` and ``1h``, or OpenAI's ``30m`` and ``12h``."""

    @property
    def text(self) -> str:
        """The words, of which text is made when somebody asks for it first."""
        if not isinstance(self.words, str):
            self.words = text_of(self.words)
        return self.words


class Image(Struct, kw_only=True, gc=False):
    """An image by URL, by base64 data with its media type, or by a provider's file id."""

    url: str | None = None
    data: str | None = None
    media_type: str | None = None
    file_id: str | None = None
    detail: str | None = None
    cache: Json | None = None


class Document(Struct, kw_only=True, gc=False):
    """A file to read: base64 data with its media type, a URL, plain text, or a provider's file id."""

    data: str | None = None
    media_type: str | None = None
    url: str | None = None
    text: str | None = None
    file_id: str | None = None
    filename: str | None = None
    cache: Json | None = None


class Audio(Struct, kw_only=True, gc=False):
    """Sound that a user sends: base64 data and its format, ``wav`` or ``mp3``."""

    data: str
    format: str
    cache: Json | None = None


class Refusal(Struct, kw_only=True, gc=False):
    """The assistant's own words when it declined; not ordinary answer text. No breakpoint stands behind it."""

    text: str
    cache: ClassVar[Json | None] = None


Part = Text | Image | Document | Audio | Refusal


class Message(Struct, kw_only=True, gc=False):
    role: Role
    parts: list[Part]
    name: str | None = None
    phase: str | None = None
    """Responses' ``commentary`` or ``final_answer``: sent back to the models that set it."""


ProofKind = Literal["signature", "redacted", "encrypted", "details", "call", "none"]


class Proof(Struct, kw_only=True, gc=False):
    """What a provider wants back, unchanged, to believe a piece of reasoning.

    ``kind`` is ``signature`` or ``redacted`` (Messages), ``encrypted`` (Responses), or of a Chat
    Completions host ``details`` (the JSON text of its ``reasoning_details``), ``call`` (the JSON text
    of the ``extra_content`` of the tool call ``item_id``, where Gemini keeps thought signatures), or
    ``none`` (readable reasoning without a proof). ``origin`` names the provider that made it; None is
    the provider that the client believes it talks to.
    """

    kind: ProofKind
    value: str = ""
    item_id: str | None = None
    origin: str | None = None


class Reasoning(Struct, kw_only=True, gc=False):
    """One block of thinking. ``text`` is "" where the provider hides it."""

    text: str = ""
    proof: Proof | None = None


class ToolCall(Struct, kw_only=True, gc=False):
    """``arguments`` is the call's JSON text, verbatim; a custom (freeform) tool's is its raw input."""

    id: str
    name: str
    arguments: str
    custom: bool = False
    namespace: str | None = None


class ToolResult(Struct, kw_only=True, gc=False):
    call_id: str
    parts: list[Part]
    is_error: bool = False
    cache: Json | None = None


Item = Message | Reasoning | ToolCall | ToolResult


class Tool(Struct, kw_only=True):
    """A tool that the client runs. ``custom`` ones take free text instead of JSON ``parameters``."""

    name: str
    description: str | None = None
    parameters: Json | None = None
    strict: bool | None = None
    custom: bool = False
    grammar: Json | None = None
    """A custom tool's ``{"syntax": "lark" | "regex", "definition": str}``."""
    namespace: str | None = None
    cache: Json | None = None


class WebSearch(Struct, kw_only=True):
    """A search that the upstream runs itself, as far as two of the three APIs have it.

    ``context_size`` is low, medium or high; ``location`` has ``city``, ``country``, ``region``, ``timezone``.
    """

    allowed_domains: list[str] | None = None
    blocked_domains: list[str] | None = None
    max_uses: int | None = None
    context_size: str | None = None
    location: dict[str, str] | None = None


class ToolChoice(Struct, kw_only=True):
    """``name`` goes with mode ``tool``; ``allowed`` restricts ``auto`` and ``required`` to these names.

    Mode ``search`` forces the web search.
    """

    mode: Literal["auto", "none", "required", "tool", "search"]
    name: str | None = None
    namespace: str | None = None
    allowed: list[str] | None = None

    @property
    def forces(self) -> bool:
        """Whether a call is asked for, of any tool or of one."""
        return self.mode in ("required", "tool", "search")


class ReasoningOptions(Struct, kw_only=True):
    """How hard to think. ``effort`` is the common ladder none ... max; ``budget_tokens`` Messages' own.

    ``mode`` is Messages' ``thinking.type``; ``summary`` says whether the client wants readable text.
    """

    effort: str | None = None
    budget_tokens: int | None = None
    mode: str | None = None
    summary: str | None = None


class OutputFormat(Struct, kw_only=True):
    type: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    description: str | None = None
    schema: Json | None = None
    strict: bool | None = None


class Conversation(Struct, kw_only=True):
    """One request, whatever API it came by. None and empty mean: the client did not say."""

    api: str
    model: str
    stream: bool = False
    instructions: list[Text] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)

    tools: list[Tool] = field(default_factory=list)
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    web_search: WebSearch | None = None
    max_tool_calls: int | None = None
    """How often the upstream may call tools that it runs itself, in all; the client's own do not count."""

    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: list[str] = field(default_factory=list)
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: Json | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None

    reasoning: ReasoningOptions | None = None
    output_format: OutputFormat | None = None
    verbosity: str | None = None

    user_id: str | None = None
    metadata: Json | None = None
    service_tier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: Json | None = None
    prompt_cache_retention: str | None = None
    moderation: Json | None = None
    """These three, as ``prompt_cache_key``, have one form in OpenAI's two APIs, and none in Messages."""

    may_be_cut: bool = False
    """Whether the oldest turns may be left out if all are too long for the model."""
    compact_threshold: int | None = None
    """Input tokens beyond which the history is to be summarized before the request is answered."""
    compacts: bool = False
    """Whether a summary of the history is all that is asked for."""
    compaction: str | None = None
    """The sealed summary that stands for the history, where it was: a Responses client is told of it."""

    include_usage: bool = True
    """Whether a streamed reply ends with usage; only Chat Completions clients may leave it out."""

    reply_id: str | None = None
    """The id that a Responses client was told before there was a reply."""

    body: Json = field(default_factory=dict)
    """The request as it came but for its history, for replies that echo it. Not to be changed."""
