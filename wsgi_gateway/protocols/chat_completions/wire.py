"""The wire's own shapes, as far as the gateway reads them: requests of clients, replies of upstreams.

Source: OpenAI API reference, "Chat Completions". Fields that real hosts bend (arguments as objects, content as
arrays, null anywhere) are typed loosely and straightened by the readers.
"""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from msgspec import Struct, field

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.words import Words

W = TypeVar("W", covariant=True)
C = TypeVar("C", covariant=True)
_ABSENT: Any = None
"""What stands for a field of any type that is not there."""


def objects(value: Any) -> list[Json]:
    """The objects in a list that a host may also bend or leave out."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


class ImageUrl(Struct):
    url: str
    detail: str | None = None


class File(Struct):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class InputAudio(Struct):
    data: str
    format: str


class ContentPart(Struct, Generic[W], gc=False):
    type: str = "text"
    text: W = _ABSENT
    image_url: ImageUrl | str | None = None
    file: File | None = None
    input_audio: InputAudio | None = None
    refusal: str | None = None
    cache_control: Json | None = None
    prompt_cache_breakpoint: Json | None = None


class Function(Struct, gc=False):
    name: str | None = None
    arguments: Any = None


class CustomCall(Struct, gc=False):
    name: str | None = None
    input: str | None = None


class ToldCall(Struct, gc=False):
    """A reply's call, or a piece of it. Some hosts number their calls."""

    id: str | int | None = None
    type: str | None = None
    index: int | None = None
    function: Function | None = None
    custom: CustomCall | None = None
    extra_content: Any = None


class ToolCall(ToldCall, gc=False):
    """``extra_content`` is Google's: ``{"google": {"thought_signature": str}}``."""

    id: str | None = None


class RequestMessage(Struct, Generic[C], gc=False):
    role: str
    content: C = _ABSENT
    name: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    function_call: Function | None = None
    audio: Json | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[Json] | None = None
    extra_content: Json | None = None


Content = Words | Sequence[ContentPart[Words | None]] | None
Message = RequestMessage[Content]
"""One whose texts may still be JSON."""


class FunctionTool(Struct):
    name: str
    description: str | None = None
    parameters: Json | None = None
    strict: bool | None = None


class CustomFormat(Struct):
    type: str = "text"
    grammar: Json | None = None


class CustomTool(Struct):
    name: str
    description: str | None = None
    format: CustomFormat | None = None


class Tool(Struct):
    type: str = "function"
    function: FunctionTool | None = None
    custom: CustomTool | None = None
    cache_control: Json | None = None


class JsonSchema(Struct):
    name: str
    description: str | None = None
    schema: Json | None = None
    strict: bool | None = None


class ResponseFormat(Struct):
    type: str
    json_schema: JsonSchema | None = None


class StreamOptions(Struct):
    include_usage: bool | None = None


class Place(Struct):
    city: str | None = None
    country: str | None = None
    region: str | None = None
    timezone: str | None = None


class UserLocation(Struct):
    type: str = "approximate"
    approximate: Place = field(default_factory=Place)


class WebSearchOptions(Struct):
    search_context_size: str | None = None
    user_location: UserLocation | None = None


class Request(Struct):
    model: str
    messages: list[RequestMessage[str | list[ContentPart[str | None]] | None]]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[Tool] | None = None
    tool_choice: str | Json | None = None
    parallel_tool_calls: bool | None = None
    functions: list[FunctionTool] | None = None
    function_call: str | Json | None = None
    max_completion_tokens: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    n: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: Json | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    reasoning_effort: str | None = None
    response_format: ResponseFormat | None = None
    verbosity: str | None = None
    user: str | None = None
    safety_identifier: str | None = None
    metadata: Json | None = None
    service_tier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: Json | None = None
    prompt_cache_retention: str | None = None
    web_search_options: WebSearchOptions | None = None
    store: bool | None = None
    prediction: Json | None = None
    modalities: list[str] | None = None
    audio: Json | None = None
    moderation: Json | None = None


class Delta(Struct):
    """A stream's ``delta`` and a full reply's ``message``: the same fields."""

    content: Any = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: Any = None
    reasoning_details: Any = None
    tool_calls: list[ToldCall] | None = None
    function_call: Function | None = None
    annotations: Any = None
    extra_content: Any = None
    audio: Any = None


class Choice(Struct):
    """``stop_reason`` (vLLM) and ``matched_stop`` (SGLang) name the stop sequence that matched, or its token.

    ``error`` (OpenRouter) is why the model's provider broke off.
    """

    index: int | None = 0
    delta: Delta | None = None
    message: Delta | None = None
    finish_reason: str | None = None
    logprobs: Any = None
    stop_reason: Any = None
    matched_stop: Any = None
    error: Any = None


class PromptDetails(Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class CompletionDetails(Struct):
    reasoning_tokens: int | None = None


class Usage(Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None


class Completion(Struct):
    """A chunk of a stream, or a full reply."""

    id: str | int | None = None
    model: str | None = None
    choices: list[Choice] | None = field(default_factory=list)
    usage: Usage | None = None
    service_tier: str | None = None
    moderation: Any = None
    error: Any = None
