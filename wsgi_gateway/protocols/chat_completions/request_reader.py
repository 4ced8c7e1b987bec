"""A client's Chat Completions request, read into a Conversation.

Here are the settings; messages are read in ``history_reader``, tools in ``tools_reader``.
"""

from wsgi_gateway.protocols import conversation as model
from wsgi_gateway.protocols.chat_completions import wire
from wsgi_gateway.protocols.chat_completions.history_reader import read_messages
from wsgi_gateway.protocols.chat_completions.long_history import decode_history
from wsgi_gateway.protocols.chat_completions.tools_reader import (
    is_legacy,
    read_tool_choice,
    read_tools,
    read_web_search,
)
from wsgi_gateway.protocols.conversation import Conversation, Json
from wsgi_gateway.protocols.long_history import convert_request
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.unsupported import leave_out_unknown

_KNOWN = frozenset(wire.Request.__struct_fields__)


def read_request(body: Json, loss: Loss) -> Conversation:
    """Raises ApiError (invalid_request) naming the field that is missing, mistyped or untranslatable."""
    request = convert_request(body, wire.Request, "messages", decode_history)
    given = {name for name, value in body.items() if value is not None}
    leave_out_unknown(given, _KNOWN, frozenset(), loss)
    _leave_out(request, loss)
    limit = request.max_completion_tokens
    if limit is None and request.max_tokens is not None:
        limit = request.max_tokens
        loss.call("max_output_tokens", "max_tokens")
    if request.user and not request.safety_identifier:
        loss.call("user_id", "user")
    return Conversation(
        api="chat_completions",
        model=request.model,
        stream=bool(request.stream),
        items=read_messages(request.messages, loss),
        tools=read_tools(request, loss),
        tool_choice=read_tool_choice(request, loss),
        parallel_tool_calls=False if is_legacy(body) else request.parallel_tool_calls,
        web_search=read_web_search(request, loss),
        max_output_tokens=limit,
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        stop=[request.stop] if isinstance(request.stop, str) else request.stop or [],
        seed=request.seed,
        frequency_penalty=request.frequency_penalty,
        presence_penalty=request.presence_penalty,
        logit_bias=request.logit_bias,
        logprobs=request.logprobs,
        top_logprobs=request.top_logprobs,
        reasoning=_reasoning(request),
        output_format=_output_format(request, loss),
        verbosity=request.verbosity,
        user_id=request.safety_identifier or request.user,
        metadata=request.metadata,
        service_tier=request.service_tier,
        prompt_cache_key=request.prompt_cache_key,
        prompt_cache_options=request.prompt_cache_options,
        prompt_cache_retention=request.prompt_cache_retention,
        moderation=request.moderation,
        include_usage=bool(request.stream_options and request.stream_options.include_usage),
        body={name: value for name, value in body.items() if name != "messages"},
    )


def _leave_out(request: wire.Request, loss: Loss) -> None:
    """Refuse what no other API could answer, and note the hints that none has a place for."""
    if request.n is not None and request.n != 1:
        loss.refuse("n", "the upstream's API gives one choice only")
    for kind in request.modalities or ():
        if kind != "text":
            loss.refuse("modalities", f"the upstream's API has no {kind} output")
    if request.audio:
        loss.refuse("audio", "the upstream's API has no audio output")
    if request.store:
        loss.dropped("store", "translated replies of this API are not stored")
    if request.prediction is not None:
        loss.dropped("prediction")


def _reasoning(request: wire.Request) -> model.ReasoningOptions | None:
    effort = request.reasoning_effort
    return model.ReasoningOptions(effort=effort) if effort else None


def _output_format(request: wire.Request, loss: Loss) -> model.OutputFormat | None:
    given = request.response_format
    if given is None:
        return None
    if given.type == "text":
        return model.OutputFormat(type="text")
    if given.type == "json_object":
        return model.OutputFormat(type="json_object")
    if given.type != "json_schema" or given.json_schema is None:
        loss.refuse("response_format.type", f"unknown format {given.type!r}")
    schema = given.json_schema
    return model.OutputFormat(
        type="json_schema",
        name=schema.name,
        description=schema.description,
        schema=schema.schema,
        strict=schema.strict,
    )
