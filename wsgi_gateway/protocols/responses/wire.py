"""The wire's own shapes, as far as the gateway reads them: requests of clients, replies of upstreams.

Source: OpenAI API reference, "Responses". Items and tools come in some forty types; one loose shape with the fields of
those that are translated serves all, so that the readers can say what they think of the others.
"""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from msgspec import Struct, field

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.words import Words

W = TypeVar("W", covariant=True)
R = TypeVar("R", covariant=True)
_ABSENT: Any = None
"""What stands for a field of any type that is not there."""

# --- requests of clients


class InputAudio(Struct):
    data: str
    format: str


class ContentPart(Struct, Generic[W], gc=False):
    """A part of a message, of a tool's output, or of a reasoning item; or what one shell command put out."""

    type: str = ""
    text: W = _ABSENT
    refusal: str | None = None
    image_url: str | None = None
    file_id: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None
    detail: str | None = None
    input_audio: InputAudio | None = None
    prompt_cache_breakpoint: Json | None = None
    annotations: list[Any] | None = None
    stdout: str | None = None
    stderr: str | None = None
    outcome: Json | None = None


class CustomFormat(Struct):
    type: str = "text"
    syntax: str | None = None
    definition: str | None = None


class SearchFilters(Struct):
    allowed_domains: list[str] | None = None
    blocked_domains: list[str] | None = None


class Location(Struct):
    city: str | None = None
    country: str | None = None
    region: str | None = None
    timezone: str | None = None


class Tool(Struct):
    """``tools`` are a namespace's own; ``execution`` says who runs a ``tool_search``, ``environment`` a ``shell``."""

    type: str = ""
    name: str | None = None
    description: str | None = None
    parameters: Json | None = None
    strict: bool | None = None
    format: CustomFormat | None = None
    tools: list["Tool"] | None = None
    execution: str | None = None
    environment: Any = None
    output_schema: Json | None = None
    defer_loading: bool | None = None
    allowed_callers: list[str] | None = None
    is_async: bool | None = field(default=None, name="async")
    filters: Any = None
    user_location: Location | None = None
    search_context_size: str | None = None
    search_content_types: list[str] | None = None
    external_web_access: bool | None = None


class InputItem(Struct, Generic[W, R], gc=False):
    """An item of ``input``. Without ``type`` it is a message in the easy form.

    ``operation`` and ``action`` are what the calls of the client's own tools hold; see ``client_tools``.
    """

    type: str | None = None
    id: str | None = None
    role: str | None = None
    content: str | list[ContentPart[W]] | None = None
    phase: str | None = None
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None
    arguments: Any = None
    input: str | None = None
    output: R = _ABSENT
    summary: list[ContentPart[str | None]] | None = None
    encrypted_content: str | None = None
    tools: list[Tool] | None = None
    execution: str | None = None
    operation: Any = None
    action: Any = None
    status: str | None = None
    caller: Json | None = None


Output = Words | Sequence[ContentPart[Words | None]] | Json | None
Item = InputItem[Words | None, Output]
ReadOutput = str | list[ContentPart[str | None]] | Json | None
ReadItem = InputItem[str | None, ReadOutput]


class Reasoning(Struct):
    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None
    context: str | None = None
    mode: str | None = None


class Format(Struct):
    type: str
    name: str | None = None
    description: str | None = None
    schema: Json | None = None
    strict: bool | None = None


class TextOptions(Struct):
    format: Format | None = None
    verbosity: str | None = None


class Request(Struct):
    model: str
    input: str | list[ReadItem]
    instructions: str | None = None
    stream: bool | None = None
    tools: list[Tool] | None = None
    tool_choice: str | Json | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    top_logprobs: int | None = None
    reasoning: Reasoning | None = None
    text: TextOptions | None = None
    include: list[str] | None = None
    truncation: str | None = None
    user: str | None = None
    safety_identifier: str | None = None
    metadata: Json | None = None
    service_tier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: Json | None = None
    prompt_cache_retention: str | None = None
    max_tool_calls: int | None = None
    stream_options: Json | None = None
    access_programs: Json | None = None
    store: bool | None = None
    previous_response_id: str | None = None
    background: bool | None = None
    conversation: str | Json | None = None
    prompt: Json | None = None
    moderation: Json | None = None
    context_management: list[Json] | None = None


# --- replies of upstreams


class OutputPart(Struct):
    type: str = ""
    text: str | None = None
    refusal: str | None = None
    annotations: Any = None
    logprobs: Any = None


class OutputItem(Struct):
    """An item of a type that the gateway understands."""

    type: str
    id: str | None = None
    status: str | None = None
    content: list[OutputPart] | None = None
    summary: list[OutputPart] | None = None
    encrypted_content: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: Any = None
    input: str | None = None
    phase: str | None = None
    action: Any = None
    caller: Any = None
    is_async: bool | None = field(default=None, name="async")


class InputDetails(Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class OutputDetails(Struct):
    reasoning_tokens: int | None = None


class Usage(Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: InputDetails | None = None
    output_tokens_details: OutputDetails | None = None


class SearchUsage(Struct):
    num_requests: int | None = None


class ToolUsage(Struct):
    web_search: SearchUsage | None = None


class IncompleteDetails(Struct):
    reason: str | None = None


class Response(Struct):
    """``output`` holds items of any type, read one by one as ``OutputItem`` where the type is known."""

    id: str | int | None = None
    model: str | None = None
    status: str | None = None
    output: list[Any] | None = None
    error: Any = None
    incomplete_details: IncompleteDetails | None = None
    usage: Usage | None = None
    tool_usage: ToolUsage | None = None
    service_tier: str | None = None
    moderation: Any = None
    input_transformations: Any = None
    prompt_cache_diagnostics: Any = None


class StreamEvent(Struct):
    """Any event of a stream. What differs between the types is read further by who knows the type."""

    type: str = ""
    sequence_number: int | None = None
    output_index: int | None = None
    content_index: int | None = None
    summary_index: int | None = None
    item_id: str | None = None
    delta: Any = None
    text: Any = None
    refusal: Any = None
    arguments: Any = None
    input: Any = None
    part: Any = None
    item: Any = None
    logprobs: Any = None
    annotation: Any = None
    annotation_index: int | None = None
    response: Any = None
    error: Any = None
    code: Any = None
    message: Any = None
    param: Any = None


class ErrorFields(Struct):
    """What an error says, in ``response.error`` as in both shapes of the ``error`` event."""

    message: Any = None
    type: Any = None
    code: Any = None
    param: Any = None


class TapResponse(Struct):
    """What a tap wants to know of a terminal response."""

    usage: Usage | None = None
    model: Any = None


class TapEvent(Struct):
    type: str = ""
    response: TapResponse | None = None
    error: Any = None
