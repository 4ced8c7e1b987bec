"""A client's Messages request, read into a Conversation.

The history is read by ``history_reader``, the tools by ``tools_reader``.
"""

from wsgi_gateway.protocols.conversation import (
    Conversation,
    Json,
    OutputFormat,
    ReasoningOptions,
    Text,
)
from wsgi_gateway.protocols.decoding import convert
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages import wire
from wsgi_gateway.protocols.messages.history_reader import read_messages
from wsgi_gateway.protocols.messages.tools_reader import read_tool_choice, read_tools
from wsgi_gateway.protocols.unsupported import leave_out_unknown

_KNOWN = frozenset(wire.Request.__struct_fields__)
_HINTS = frozenset(
    {"cache_control", "context_management", "diagnostics", "billing_policy", "compaction"}
)
_SEMANTIC = {
    "container": "containers and skills exist at Anthropic only",
    "mcp_servers": "the upstream's API has no MCP connector of this form",
    "thread": "the gateway keeps no threads",
    "inference_geo": "the gateway cannot promise where the upstream runs",
}


def read_request(body: Json, loss: Loss) -> Conversation:
    """Raises ApiError (invalid_request) naming the field that is missing or cannot be carried."""
    request = convert(body, wire.Request)
    leave_out_unknown(set(body), _KNOWN, _HINTS, loss)
    _refuse_untranslatable(request, loss)
    choice = request.tool_choice
    serial = choice is not None and choice.disable_parallel_tool_use
    return Conversation(
        api="messages",
        model=request.model,
        stream=bool(request.stream),
        instructions=_instructions(request.system),
        items=read_messages(request.messages, loss),
        tools=read_tools(request.tools or [], loss),
        tool_choice=read_tool_choice(choice, loss),
        parallel_tool_calls=False if serial else None,
        max_output_tokens=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        stop=request.stop_sequences or [],
        reasoning=_reasoning(request),
        output_format=_output_format(request, loss),
        user_id=request.metadata.user_id if request.metadata else None,
        service_tier=_service_tier(request),
        body=body,
    )


def _refuse_untranslatable(request: wire.Request, loss: Loss) -> None:
    for name, why in _SEMANTIC.items():
        if getattr(request, name):
            loss.refuse(name, why)
    if request.max_tokens < 1:
        loss.refuse("max_tokens", "must be at least 1: only Anthropic fills its cache alone")


def _instructions(system: str | list[wire.TextBlock] | None) -> list[Text]:
    if isinstance(system, str):
        return [Text(text=system)] if system else []
    return [Text(text=block.text, cache=block.cache_control) for block in system or ()]


def _reasoning(request: wire.Request) -> ReasoningOptions | None:
    thinking = request.thinking
    effort = request.output_config.effort if request.output_config else None
    if thinking is None:
        return ReasoningOptions(effort=effort) if effort else None
    return ReasoningOptions(
        effort=effort,
        budget_tokens=thinking.budget_tokens,
        mode=thinking.type,
        summary=thinking.display,
    )


def _output_format(request: wire.Request, loss: Loss) -> OutputFormat | None:
    """``output_config.format``, or ``output_format``, its name while it was in beta."""
    config = request.output_config
    if config is not None and config.task_budget:
        loss.dropped("output_config.task_budget")
    given = (config.format if config else None) or request.output_format
    if given is None:
        return None
    if given.type != "json_schema" or given.schema is None:
        loss.refuse("output_config.format", "must be a json_schema with its schema")
    return OutputFormat(type="json_schema", schema=given.schema)


def _service_tier(request: wire.Request) -> str | None:
    """In the words of the OpenAI APIs (protocols digest 6.14)."""
    if request.speed == "fast":
        return "fast"
    return "default" if request.service_tier == "standard_only" else request.service_tier
