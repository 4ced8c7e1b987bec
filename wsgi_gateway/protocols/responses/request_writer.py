"""A Conversation, written as the Responses request that an upstream gets.

The history is written by ``input_writer``. Nothing is left to be stored upstream: the gateway keeps what is kept.
"""

from wsgi_gateway.protocols.conversation import Conversation, Json, OutputFormat, Tool, ToolChoice
from wsgi_gateway.protocols.effort import to_effort
from wsgi_gateway.protocols.ids import short_user_id
from wsgi_gateway.protocols.openai_requests import has_tools, sampling
from wsgi_gateway.protocols.responses.input_writer import write_input
from wsgi_gateway.protocols.strict_schema import can_be_strict
from wsgi_gateway.protocols.translation import Translation
from wsgi_gateway.protocols.unsupported import leave_out

_NO_PARAMETERS: Json = {"type": "object", "properties": {}}
_LEAST_OUTPUT = 16
_SUMMARIES = ("auto", "concise", "detailed")


def write_request(conversation: Conversation, translation: Translation) -> Json:
    """The upstream's body. Raises ApiError (invalid_request) for what Responses cannot express."""
    body: Json = {
        "model": translation.model,
        **write_input(conversation, translation),
        **_limits(conversation, translation),
        **_reasoning(conversation, translation),
        **_tools(conversation, translation),
        **_text(conversation, translation),
        **_identity(conversation, translation),
        "store": False,
    }
    if conversation.stream:
        body["stream"] = True
    return body


def _limits(conversation: Conversation, translation: Translation) -> Json:
    loss = translation.loss
    body: Json = {}
    limit = conversation.max_output_tokens
    if limit is not None:
        if limit < 1:
            loss.refuse("max_output_tokens", "the upstream's API wants at least 1")
        if limit < _LEAST_OUTPUT:
            loss.approximated("max_output_tokens", f"raised to {_LEAST_OUTPUT}, the API's minimum")
        body["max_output_tokens"] = max(limit, _LEAST_OUTPUT)
    body |= sampling(conversation, translation)
    if conversation.top_k is not None:
        loss.approximated("top_k", "left out: the upstream has no such parameter")
    if conversation.seed is not None:
        loss.dropped("seed")
    if conversation.logprobs or conversation.top_logprobs:
        loss.approximated("logprobs", "left out: probabilities are not carried between APIs")
    leave_out(
        conversation,
        loss,
        semantic=("stop", "frequency_penalty", "presence_penalty", "logit_bias"),
    )
    return body


def _reasoning(conversation: Conversation, translation: Translation) -> Json:
    """Where thinking is wanted its encrypted form is too, so that the next turn can go on from it."""
    options = conversation.reasoning
    effort = to_effort(options, translation.capabilities, translation.loss)
    if options is None or not translation.capabilities.efforts:
        return {}
    reasoning: Json = {}
    if effort is not None:
        reasoning["effort"] = effort
    thinks = options.mode in ("enabled", "adaptive")
    if options.summary not in (None, "omitted"):
        reasoning["summary"] = options.summary if options.summary in _SUMMARIES else "auto"
    elif thinks and options.summary is None:
        reasoning["summary"] = "auto"
    body: Json = {"reasoning": reasoning} if reasoning else {}
    if thinks or effort not in (None, "none"):
        body["include"] = ["reasoning.encrypted_content"]
    return body


def _tools(conversation: Conversation, translation: Translation) -> Json:
    if not has_tools(conversation, translation):
        return {}
    choice = conversation.tool_choice
    is_messages = conversation.api == "messages"
    body: Json = {"tools": [_tool(tool, is_messages, translation) for tool in conversation.tools]}
    if choice is not None:
        body["tool_choice"] = _choice(choice, conversation.tools, translation)
    if conversation.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = conversation.parallel_tool_calls
    return body


def _tool(tool: Tool, is_messages: bool, translation: Translation) -> Json:
    body: Json = {"type": "custom" if tool.custom else "function"}
    body["name"] = translation.aliases.tool(tool.name, tool.namespace)
    if tool.description is not None:
        body["description"] = tool.description
    if tool.custom:
        if tool.grammar is not None:
            body["format"] = {"type": "grammar", **tool.grammar}
        return body
    parameters = tool.parameters or _NO_PARAMETERS
    strict = bool(tool.strict)
    if strict and is_messages and not can_be_strict(parameters):
        translation.loss.approximated("tools.strict", "the schema is not strict by OpenAI's rules")
        strict = False
    # Left out, it would mean "where the schema allows": neither Chat's nor Messages' default.
    return body | {"parameters": parameters, "strict": strict}


def _choice(choice: ToolChoice, tools: list[Tool], translation: Translation) -> str | Json:
    aliases = translation.aliases
    if choice.mode == "tool" and choice.name is not None:
        return _named(aliases.tool(choice.name, choice.namespace), choice.name, tools)
    if choice.allowed is not None:
        allowed = [_named(aliases.tool(name), name, tools) for name in choice.allowed]
        return {"type": "allowed_tools", "mode": choice.mode, "tools": allowed}
    return choice.mode


def _named(alias: str, name: str, tools: list[Tool]) -> Json:
    custom = any(tool.custom and tool.name == name for tool in tools)
    return {"type": "custom" if custom else "function", "name": alias}


def _text(conversation: Conversation, translation: Translation) -> Json:
    text: Json = {}
    if conversation.output_format is not None:
        text["format"] = _format(conversation.output_format, conversation.api, translation)
    if conversation.verbosity is not None:
        text["verbosity"] = conversation.verbosity
    return {"text": text} if text else {}


def _format(given: OutputFormat, api: str, translation: Translation) -> Json:
    if given.type != "json_schema":
        return {"type": given.type}
    schema = given.schema or {}
    body: Json = {"type": "json_schema", "name": given.name or "response", "schema": schema}
    if given.description is not None:
        body["description"] = given.description
    if given.strict is not None:
        body["strict"] = given.strict
    elif api == "messages":
        body["strict"] = can_be_strict(schema)
        if not body["strict"]:
            translation.loss.approximated("output_format", "the schema is asked for, not enforced")
    return body


def _identity(conversation: Conversation, translation: Translation) -> Json:
    body: Json = {}
    if conversation.user_id is not None:
        body["safety_identifier"] = short_user_id(conversation.user_id, translation.loss)
    for name in ("metadata", "service_tier", "prompt_cache_key"):
        value = getattr(conversation, name)
        if value:
            body[name] = value
    return body
