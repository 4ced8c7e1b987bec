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
from wsgi_gateway.protocols.long_history import convert_request
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages import wire
from wsgi_gateway.protocols.messages.history_reader import read_messages
from wsgi_gateway.protocols.messages.long_history import decode_history
from wsgi_gateway.protocols.messages.tools_reader import read_tool_choice, read_tools
from wsgi_gateway.protocols.unsupported import leave_out_unknown

_KNOWN = frozenset(wire.Request.__struct_fields__)
_HINTS = frozenset({"cache_control", "diagnostics", "billing_policy", "fallback_credit_token"})
_SEMANTIC = {
    "container": "containers and skills exist at Anthropic only",
    "mcp_servers": "the upstream's API has no MCP connector of this form",
    "thread": "the gateway keeps no threads",
    "fallbacks": "other models to ask are named in the gateway's config",
}
_WAYS_TO_THINK = ("enabled", "adaptive", "between_tools", "disabled")
# Edits of earlier thinking: every provider keeps house with that itself.
_EDITS_OF_THINKING = "clear_thinking_"


def read_request(body: Json, loss: Loss) -> Conversation:
    """Raises ApiError (invalid_request) naming the field that is missing or cannot be carried."""
    request = convert_request(body, wire.Request, "messages", decode_history)
    given = {name for name, value in body.items() if value is not None}
    leave_out_unknown(given, _KNOWN, _HINTS, loss)
    _refuse_untranslatable(request, loss)
    _forgo_shortening(request, loss)
    choice = request.tool_choice
    serial = choice is not None and choice.disable_parallel_tool_use
    offered = read_tools(request.tools or [], loss)
    return Conversation(
        api="messages",
        model=request.model,
        stream=bool(request.stream),
        instructions=_instructions(request.system, loss),
        items=read_messages(request.messages, loss),
        tools=offered.tools,
        tool_choice=read_tool_choice(choice, offered.search_name, loss),
        parallel_tool_calls=False if serial else None,
        web_search=offered.web_search,
        max_output_tokens=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        stop=request.stop_sequences or [],
        reasoning=_reasoning(request),
        output_format=_output_format(request, loss),
        user_id=request.metadata.user_id if request.metadata else None,
        service_tier=_service_tier(request),
        body={name: value for name, value in body.items() if name != "messages"},
    )


def _refuse_untranslatable(request: wire.Request, loss: Loss) -> None:
    for name, why in _SEMANTIC.items():
        if getattr(request, name):
            loss.refuse(name, why)
    if request.inference_geo not in (None, "", "global"):
        loss.refuse("inference_geo", "the gateway cannot promise where the upstream runs")
    if request.thinking is not None and request.thinking.type not in _WAYS_TO_THINK:
        loss.refuse("thinking.type", f"must be one of {', '.join(_WAYS_TO_THINK)}")
    if request.speed not in (None, "standard", "fast"):
        loss.dropped("speed", "neither standard nor fast")
    if request.max_tokens < 1:
        loss.refuse("max_tokens", "must be at least 1: only Anthropic fills its cache alone")


def _forgo_shortening(request: wire.Request, loss: Loss) -> None:
    """The upstream gets the history as the client sent it, whole."""
    if request.compaction:
        loss.approximated("compaction", "the history is sent whole")
    management = request.context_management
    if management is None:
        return
    if all(edit.type.startswith(_EDITS_OF_THINKING) for edit in management.edits or ()):
        loss.dropped("context_management")
    else:
        loss.approximated("context_management", "the history is sent whole")


def _instructions(system: str | list[wire.TextBlock[str]] | None, loss: Loss) -> list[Text]:
    if isinstance(system, str):
        return [loss.at("system", Text(words=system))] if system else []
    return [
        loss.at(f"system[{number}]", Text(words=block.text, cache=block.cache_control))
        for number, block in enumerate(system or ())
    ]


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
        loss.approximated("output_config.task_budget", "the model is not told of it")
    given = config.format if config else None
    if given is None and request.output_format is not None:
        given = request.output_format
        loss.call("output_format", "output_format")
    if given is None:
        return None
    if given.type != "json_schema" or given.schema is None:
        loss.refuse("output_format", "must be a json_schema with its schema")
    return OutputFormat(type="json_schema", schema=given.schema)


def _service_tier(request: wire.Request) -> str | None:
    """In the words of the OpenAI APIs (protocols digest 6.14)."""
    if request.speed == "fast":
        return "fast"
    return "default" if request.service_tier == "standard_only" else request.service_tier
