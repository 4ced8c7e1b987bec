"""A Conversation, written as the Chat Completions request that an upstream gets.

The history's grouping into messages is in ``messages_writer``.
"""

from wsgi_gateway.protocols.chat_completions.messages_writer import write_messages
from wsgi_gateway.protocols.conversation import Conversation, Json, OutputFormat, Tool, ToolChoice
from wsgi_gateway.protocols.custom_tools import as_function
from wsgi_gateway.protocols.effort import to_effort
from wsgi_gateway.protocols.ids import short_user_id
from wsgi_gateway.protocols.openai_requests import has_tools, sampling
from wsgi_gateway.protocols.strict_schema import can_be_strict
from wsgi_gateway.protocols.translation import Translation

_NO_PARAMETERS: Json = {"type": "object", "properties": {}}


def write_request(conversation: Conversation, translation: Translation) -> Json:
    """The upstream's body. Raises ApiError (invalid_request) for what Chat Completions cannot express."""
    body: Json = {
        "model": translation.model,
        "messages": write_messages(conversation, translation),
        **_limits(conversation, translation),
        **_tools(conversation, translation),
        **_output(conversation, translation),
        **_identity(conversation, translation),
    }
    if conversation.stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    return body


def _limits(conversation: Conversation, translation: Translation) -> Json:
    facts, loss = translation.capabilities, translation.loss
    body: Json = {}
    limit = conversation.max_output_tokens
    if limit is not None:
        if limit < 1:
            loss.refuse("max_output_tokens", "the upstream's API wants at least 1")
        body["max_completion_tokens" if facts.openai_fields else "max_tokens"] = limit
    body |= sampling(conversation, translation)
    if conversation.top_k is not None:
        if facts.openai_fields:
            loss.approximated("top_k", "left out: the upstream has no such parameter")
        else:
            body["top_k"] = conversation.top_k
    if len(conversation.stop) > 4:
        loss.refuse("stop", "the upstream's API takes at most 4 stop sequences")
    if conversation.stop:
        body["stop"] = conversation.stop
    effort = to_effort(conversation.reasoning, facts, loss)
    if effort is not None:
        body["reasoning_effort"] = effort
    for name in ("seed", "frequency_penalty", "presence_penalty", "logit_bias"):
        value = getattr(conversation, name)
        if value is not None:
            body[name] = value
    return body


def _tools(conversation: Conversation, translation: Translation) -> Json:
    if not has_tools(conversation, translation):
        return {}
    choice = conversation.tool_choice
    tools = conversation.tools
    if choice is not None and choice.allowed is not None:
        translation.loss.approximated("tool_choice", "only the allowed tools were sent")
        tools = [tool for tool in tools if tool.name in choice.allowed]
    body: Json = {"tools": [_tool(tool, conversation.api, translation) for tool in tools]}
    if choice is not None:
        body["tool_choice"] = _choice(choice, translation)
    if conversation.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = conversation.parallel_tool_calls
    return body


def _tool(tool: Tool, api: str, translation: Translation) -> Json:
    tool = as_function(tool, translation)
    parameters = tool.parameters or _NO_PARAMETERS
    function: Json = {"name": tool.name, "parameters": parameters}
    if tool.description:
        function["description"] = tool.description
    if tool.strict and api == "messages" and not can_be_strict(parameters):
        translation.loss.approximated("tools.strict", "the schema is not strict in OpenAI's sense")
        function["strict"] = False
    elif tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _choice(choice: ToolChoice, translation: Translation) -> str | Json:
    if choice.mode != "tool" or choice.name is None:
        return choice.mode
    name = translation.aliases.tool(choice.name, choice.namespace)
    return {"type": "function", "function": {"name": name}}


def _output(conversation: Conversation, translation: Translation) -> Json:
    body: Json = {}
    if conversation.output_format is not None:
        body["response_format"] = _response_format(conversation.output_format)
    if conversation.verbosity is not None:
        if translation.capabilities.openai_fields:
            body["verbosity"] = conversation.verbosity
        else:
            translation.loss.approximated("verbosity", "left out: the upstream has no such setting")
    if conversation.logprobs or conversation.top_logprobs:
        translation.loss.dropped("logprobs", "replies are translated without log probabilities")
    return body


def _response_format(given: OutputFormat) -> Json:
    if given.type != "json_schema":
        return {"type": given.type}
    schema: Json = {"name": given.name or "response", "schema": given.schema or {}}
    if given.description is not None:
        schema["description"] = given.description
    if given.strict is not None:
        schema["strict"] = given.strict
    return {"type": "json_schema", "json_schema": schema}


def _identity(conversation: Conversation, translation: Translation) -> Json:
    body: Json = {}
    loss = translation.loss
    if not translation.capabilities.openai_fields:
        if conversation.user_id is not None:
            body["user"] = conversation.user_id
        for name in ("metadata", "service_tier", "prompt_cache_key"):
            if getattr(conversation, name):
                loss.dropped(name)
        return body
    if conversation.user_id is not None:
        body["safety_identifier"] = short_user_id(conversation.user_id, loss)
    for name in ("metadata", "service_tier", "prompt_cache_key"):
        value = getattr(conversation, name)
        if value:
            body[name] = value
    if body.get("service_tier") == "standard_only":
        body["service_tier"] = "default"
    return body
