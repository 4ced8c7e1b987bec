"""A client's Responses request, read into a Conversation.

The items of ``input`` are read by ``input_reader``, the tools by ``tools_reader``. Whoever calls has already put
what was said before, which ``previous_response_id`` or ``conversation`` stand for, in front of ``input``.
"""

from collections.abc import Sequence

from wsgi_gateway.protocols.conversation import (
    Conversation,
    Json,
    OutputFormat,
    ReasoningOptions,
    Text,
)
from wsgi_gateway.protocols.long_history import convert_request, opened
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.responses import wire
from wsgi_gateway.protocols.responses.client_tools import ClientTools
from wsgi_gateway.protocols.responses.compacting import DEFAULT_THRESHOLD
from wsgi_gateway.protocols.responses.input_reader import TRIGGER, read_input
from wsgi_gateway.protocols.responses.long_history import decode_history
from wsgi_gateway.protocols.responses.parts_reader import PartsReader
from wsgi_gateway.protocols.responses.tool_choice_reader import read_tool_choice
from wsgi_gateway.protocols.responses.tools_reader import ToolsReader
from wsgi_gateway.protocols.unsupported import leave_out_unknown

_KNOWN = frozenset(wire.Request.__struct_fields__)
_HINTS = frozenset({"background_options", "client_metadata", "image"})
_LOGPROBS = "message.output_text.logprobs"
_KNOWN_INCLUDES = (_LOGPROBS, "reasoning.encrypted_content", "web_search_call.action.sources")


def read_request(body: Json, loss: Loss) -> Conversation:
    """Raises ApiError (invalid_request) naming the field that is missing, mistyped or untranslatable."""
    if body.get("prompt") is not None:
        loss.refuse("prompt", "is kept by OpenAI; send its text as instructions and input")
    request = convert_request(body, wire.Request, "input", decode_history)
    body = _kept(body, request)
    given = {name for name, value in body.items() if value is not None}
    leave_out_unknown(given, _KNOWN, _HINTS, loss)
    _refuse_untranslatable(request, loss)
    _note_hints(request, loss)
    if request.user and not request.safety_identifier:
        loss.call("user_id", "user")
    tools = ToolsReader(ClientTools(body), loss)
    tools.add_declared(request.tools or ())
    parts = PartsReader((request.prompt_cache_options or {}).get("ttl"), loss)
    items = read_input(request.input, tools, parts, loss)
    tool_choice = read_tool_choice(request.tool_choice, tools, loss)
    return Conversation(
        api="responses",
        model=request.model,
        stream=bool(request.stream),
        instructions=_instructions(request.instructions, loss),
        items=items,
        tools=tools.tools,
        tool_choice=tool_choice,
        parallel_tool_calls=request.parallel_tool_calls,
        web_search=tools.web_search,
        max_tool_calls=request.max_tool_calls,
        max_output_tokens=request.max_output_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        presence_penalty=request.presence_penalty,
        frequency_penalty=request.frequency_penalty,
        logprobs=True if _wants_logprobs(request) else None,
        top_logprobs=request.top_logprobs,
        reasoning=_reasoning(request.reasoning, loss),
        output_format=_output_format(request.text, loss),
        verbosity=request.text.verbosity if request.text else None,
        user_id=request.safety_identifier or request.user,
        metadata=request.metadata,
        service_tier=request.service_tier,
        prompt_cache_key=request.prompt_cache_key,
        prompt_cache_options=request.prompt_cache_options,
        prompt_cache_retention=request.prompt_cache_retention,
        moderation=request.moderation,
        may_be_cut=request.truncation == "auto",
        compacts=_is_triggered(request.input),
        compact_threshold=_compact_threshold(request.context_management, loss),
        body=body,
    )


def _kept(body: Json, request: wire.Request) -> Json:
    """Of the history nothing, unless its items are asked for again: it brings tools, or may be compacted."""
    given = request.input
    if request.context_management or isinstance(given, str) or any(item.tools for item in given):
        return opened(body, "input")
    return {name: value for name, value in body.items() if name != "input"}


def _refuse_untranslatable(request: wire.Request, loss: Loss) -> None:
    """What needs state that only OpenAI has, or would change the answer if it were left out."""
    if request.truncation not in (None, "auto", "disabled"):
        loss.refuse("truncation", "must be 'auto' or 'disabled'")
    if (request.prompt_cache_options or {}).get("prewarm"):
        loss.refuse("prompt_cache_options.prewarm", "only OpenAI fills its cache alone")
    for name, value in (request.access_programs or {}).items():
        if value not in (None, "standard"):
            loss.refuse(f"access_programs.{name}", "is granted by OpenAI only")


def _note_hints(request: wire.Request, loss: Loss) -> None:
    if request.user and request.safety_identifier:
        loss.dropped("user", "safety_identifier says who it is")
    for number, name in enumerate(request.include or ()):
        if name not in _KNOWN_INCLUDES:
            loss.dropped(f"include[{number}]", "nothing of the kind comes from this upstream")
    if (request.stream_options or {}).get("include_obfuscation"):
        loss.dropped("stream_options.include_obfuscation", "the gateway's streams have none")


def _is_triggered(given: str | Sequence[wire.Item]) -> bool:
    """A trigger that is not the last item is refused where the items are read."""
    return not isinstance(given, str) and bool(given) and given[-1].type == TRIGGER


def _compact_threshold(given: list[Json] | None, loss: Loss) -> int | None:
    """The gateway itself compacts, where the upstream does not; of several thresholds the lowest comes first."""
    thresholds: list[int] = []
    for number, entry in enumerate(given or ()):
        path = f"context_management[{number}]"
        if entry.get("type") != "compaction":
            loss.refuse(f"{path}.type", "only 'compaction' is known")
        match entry.get("compact_threshold"):
            case None:
                note = f"{DEFAULT_THRESHOLD} tokens stand for the default"
                loss.approximated(f"{path}.compact_threshold", note)
                thresholds.append(DEFAULT_THRESHOLD)
            case int(threshold) if threshold > 0 and not isinstance(threshold, bool):
                thresholds.append(threshold)
            case _:
                loss.refuse(f"{path}.compact_threshold", "must be a positive whole number")
    return min(thresholds, default=None)


def _instructions(given: str | None, loss: Loss) -> list[Text]:
    return [loss.at("instructions", Text(words=given))] if given else []


def _wants_logprobs(request: wire.Request) -> bool:
    return bool(request.top_logprobs) or _LOGPROBS in (request.include or ())


def _reasoning(given: wire.Reasoning | None, loss: Loss) -> ReasoningOptions | None:
    if given is None:
        return None
    if given.context not in (None, "auto"):
        loss.dropped("reasoning.context")
    if given.mode not in (None, "standard"):
        loss.refuse("reasoning.mode", "the upstream's API has no such mode")
    summary = given.summary or given.generate_summary
    if given.effort is None and summary is None:
        return None
    return ReasoningOptions(effort=given.effort, summary=summary)


def _output_format(text: wire.TextOptions | None, loss: Loss) -> OutputFormat | None:
    given = text.format if text else None
    if given is None:
        return None
    match given.type:
        case "text" | "json_object" as kind:
            return OutputFormat(type=kind)
        case "json_schema":
            if given.schema is None:
                loss.refuse("output_format.schema", "is required")
            return OutputFormat(
                type="json_schema",
                name=given.name,
                description=given.description,
                schema=given.schema,
                strict=given.strict,
            )
        case other:
            loss.refuse("output_format.type", f"unknown format {other!r}")
