"""The wire's own shapes, as far as the gateway reads them: requests of clients.

Source: Anthropic API reference, "Create a Message". Replies of upstreams are in ``reply_wire``.
"""

from collections.abc import Sequence
from typing import Any, Generic, Literal, TypeVar

from msgspec import Struct

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.words import Words

W = TypeVar("W", covariant=True)
C = TypeVar("C", covariant=True)
B = TypeVar("B", covariant=True)
_ABSENT: Any = None
"""What stands for a field of any type that is not there."""


class Base64Source(Struct, tag="base64"):
    media_type: str
    data: str


class UrlSource(Struct, tag="url"):
    url: str


class FileSource(Struct, tag="file"):
    file_id: str


class TextSource(Struct, tag="text"):
    data: str


class TextBlock(Struct, Generic[W], gc=False, tag="text"):
    text: W
    citations: list[Json] | None = None
    cache_control: Json | None = None


class ImageBlock(Struct, tag="image"):
    source: Base64Source | UrlSource | FileSource
    cache_control: Json | None = None
    transformations: Json | None = None


class ContentSource(Struct, tag="content"):
    content: str | list[TextBlock[str] | ImageBlock]


class Citations(Struct):
    enabled: bool | None = None


class DocumentBlock(Struct, tag="document"):
    source: Base64Source | UrlSource | FileSource | TextSource | ContentSource
    title: str | None = None
    context: str | None = None
    citations: Citations | None = None
    cache_control: Json | None = None


class SearchResultBlock(Struct, tag="search_result"):
    source: str
    title: str
    content: list[TextBlock[str]]
    citations: Citations | None = None
    cache_control: Json | None = None


class ThinkingBlock(Struct, gc=False, tag="thinking"):
    thinking: str
    signature: str = ""


class RedactedThinkingBlock(Struct, tag="redacted_thinking"):
    data: str


class ToolUseBlock(Struct, gc=False, tag="tool_use"):
    """``caller`` says whether the model called, or code that it wrote; ``toolset_name`` of whose tools it is one."""

    id: str
    name: str
    input: Json
    cache_control: Json | None = None
    caller: Json | None = None
    toolset_name: str | None = None


class ToolReferenceBlock(Struct, tag="tool_reference"):
    tool_name: str


class BrowserStateBlock(Struct, tag="browser_state"):
    pass


OtherResultBlock = (
    ImageBlock | DocumentBlock | SearchResultBlock | ToolReferenceBlock | BrowserStateBlock
)
ResultBlock = TextBlock[Words] | OtherResultBlock


class ToolResultBlock(Struct, Generic[C], gc=False, tag="tool_result"):
    tool_use_id: str
    content: C = _ABSENT
    is_error: bool | None = None
    cache_control: Json | None = None


class ContainerUploadBlock(Struct, tag="container_upload"):
    file_id: str


class ServerToolUseBlock(Struct, tag="server_tool_use"):
    """A call of a tool that the provider ran itself."""

    id: str
    name: str
    input: Any = None


class McpToolUseBlock(ServerToolUseBlock, tag="mcp_tool_use"):
    pass


class WebSearchResultBlock(Struct, tag="web_search_tool_result"):
    """What a tool of the provider gave; the other kinds of result have the same form."""

    tool_use_id: str
    content: Any = None


class WebFetchResultBlock(WebSearchResultBlock, tag="web_fetch_tool_result"):
    pass


class CodeExecutionResultBlock(WebSearchResultBlock, tag="code_execution_tool_result"):
    pass


class BashResultBlock(WebSearchResultBlock, tag="bash_code_execution_tool_result"):
    pass


class TextEditorResultBlock(WebSearchResultBlock, tag="text_editor_code_execution_tool_result"):
    pass


class ToolSearchResultBlock(WebSearchResultBlock, tag="tool_search_tool_result"):
    pass


class McpResultBlock(WebSearchResultBlock, tag="mcp_tool_result"):
    pass


OtherBlock = (
    OtherResultBlock
    | ThinkingBlock
    | RedactedThinkingBlock
    | ToolUseBlock
    | ContainerUploadBlock
    | ServerToolUseBlock
    | McpToolUseBlock
    | WebSearchResultBlock
    | WebFetchResultBlock
    | CodeExecutionResultBlock
    | BashResultBlock
    | TextEditorResultBlock
    | ToolSearchResultBlock
    | McpResultBlock
)


Result = ToolResultBlock[Words | Sequence[ResultBlock] | None]
Block = TextBlock[Words] | Result | OtherBlock
_ReadBlock = (
    TextBlock[str]
    | ToolResultBlock[str | list[TextBlock[str] | OtherResultBlock] | None]
    | OtherBlock
)


class Message(Struct, Generic[B], gc=False):
    role: Literal["user", "assistant", "system"]
    content: str | list[B]


class UserLocation(Struct):
    city: str | None = None
    country: str | None = None
    region: str | None = None
    timezone: str | None = None


class Tool(Struct):
    """A custom tool, or by ``type`` one of Anthropic's own; the last five fields are a web search's."""

    name: str = ""
    type: str | None = None
    description: str | None = None
    input_schema: Json | None = None
    strict: bool | None = None
    cache_control: Json | None = None
    input_examples: list[Json] | None = None
    allowed_callers: list[str] | None = None
    defer_loading: bool | None = None
    eager_input_streaming: bool | None = None
    allowed_domains: list[str] | None = None
    blocked_domains: list[str] | None = None
    max_uses: int | None = None
    response_inclusion: str | None = None
    user_location: UserLocation | None = None


class ToolChoice(Struct):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Thinking(Struct):
    type: str
    budget_tokens: int | None = None
    display: str | None = None


class Format(Struct):
    type: str
    schema: Json | None = None


class OutputConfig(Struct):
    effort: str | None = None
    format: Format | None = None
    task_budget: Json | None = None


class Metadata(Struct):
    user_id: str | None = None


class Edit(Struct):
    type: str = ""


class ContextManagement(Struct):
    edits: list[Edit] | None = None


class Request(Struct):
    model: str
    max_tokens: int
    messages: list[Message[_ReadBlock]]
    system: str | list[TextBlock[str]] | None = None
    stream: bool | None = None
    stop_sequences: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    output_format: Format | None = None
    tools: list[Tool] | None = None
    tool_choice: ToolChoice | None = None
    metadata: Metadata | None = None
    service_tier: str | None = None
    speed: str | None = None
    container: Any = None
    mcp_servers: list[Json] | None = None
    thread: Any = None
    inference_geo: str | None = None
    context_management: ContextManagement | None = None
    compaction: Any = None
    fallbacks: Any = None
