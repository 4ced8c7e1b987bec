"""A Conversation, written as the Responses request that an upstream gets.

The history is written by ``input_writer``. Nothing is left to be stored upstream: the gateway keeps what is kept.
"""

from wsgi_gateway.protocols.conversation import Conversation, Json
from wsgi_gateway.protocols.effort import to_effort
from wsgi_gateway.protocols.ids import short_user_id
from wsgi_gateway.protocols.openai_requests import json_schema, sampling, takes_sampling
from wsgi_gateway.protocols.responses.input_writer import write_input
from wsgi_gateway.protocols.responses.tools_writer import write_tools
from wsgi_gateway.protocols.translation import Translation
from wsgi_gateway.protocols.unsupported import leave_out

_LEAST_OUTPUT = 16
_SUMMARIES = ("auto", "concise", "detailed")


def write_request(conversation: Conversation, translation: Translation) -> Json:
    """The upstream's body. Raises ApiError (invalid_request) for what Responses cannot express."""
    body: Json = {
        "model": translation.model,
        **write_input(conversation, translation),
        **_limits(conversation, translation),
        **_reasoning(conversation, translation),
        **write_tools(conversation, translation),
        **_text(conversation, translation),
        **_identity(conversation, translation),
        "store": False,
    }
    _ask_for_more(body, conversation, translation)
    if conversation.stream:
        body["stream"] = True
    return body


def _ask_for_more(body: Json, conversation: Conversation, translation: Translation) -> None:
    """``include`` and what goes with it: what the API tells only those who ask.

    Where thinking is wanted its encrypted form is too, so that the next turn can go on from it.
    """
    include = []
    reasoning = body.get("reasoning", {})
    options = conversation.reasoning
    thinks = options is not None and options.mode in ("enabled", "adaptive")
    if translation.capabilities.efforts and (
        thinks or reasoning.get("effort") not in (None, "none")
    ):
        include.append("reasoning.encrypted_content")
    if any(tool["type"] == "web_search" for tool in body.get("tools", ())):
        include.append("web_search_call.action.sources")
    if conversation.logprobs or conversation.top_logprobs:
        if takes_sampling(conversation, translation):
            include.append("message.output_text.logprobs")
            if conversation.top_logprobs:
                body["top_logprobs"] = conversation.top_logprobs
        else:
            translation.loss.approximated("logprobs", "left out: the model tells none")
    if include:
        body["include"] = include


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
    translation.stop = [text for text in conversation.stop if text]
    if translation.stop:
        loss.dropped("stop", "the gateway looks for them: a reply cut at one may report no usage")
    leave_out(conversation, loss, semantic=("frequency_penalty", "presence_penalty", "logit_bias"))
    return body


def _reasoning(conversation: Conversation, translation: Translation) -> Json:
    options = conversation.reasoning
    effort = to_effort(options, translation.capabilities, translation.loss)
    if options is None or not translation.capabilities.efforts:
        return {}
    reasoning: Json = {}
    if effort is not None:
        reasoning["effort"] = effort
    if options.summary not in (None, "omitted"):
        reasoning["summary"] = options.summary if options.summary in _SUMMARIES else "auto"
    elif options.mode in ("enabled", "adaptive") and options.summary is None:
        reasoning["summary"] = "auto"
    return {"reasoning": reasoning} if reasoning else {}


def _text(conversation: Conversation, translation: Translation) -> Json:
    text: Json = {}
    given = conversation.output_format
    if given is not None:
        text["format"] = {"type": given.type}
        if given.type == "json_schema":
            text["format"] |= json_schema(given, conversation.api, translation)
    if conversation.verbosity is not None:
        if translation.capabilities.openai_fields:
            text["verbosity"] = conversation.verbosity
        else:
            translation.loss.approximated("verbosity", "left out: known to OpenAI's models only")
    return {"text": text} if text else {}


_IDENTITY = ("metadata", "service_tier", "prompt_cache_key", "prompt_cache_retention")


def _identity(conversation: Conversation, translation: Translation) -> Json:
    """What OpenAI's own servers know; others would refuse it, or not understand it."""
    loss = translation.loss
    facts = translation.capabilities
    if not facts.openai_fields:
        hints = ("user_id", *_IDENTITY, "prompt_cache_options")
        leave_out(conversation, loss, hints=hints, semantic=("moderation",))
        return {}
    body: Json = {}
    if conversation.user_id is not None:
        body["safety_identifier"] = short_user_id(conversation.user_id, loss)
    for name in (*_IDENTITY, "moderation"):
        value = getattr(conversation, name)
        if value:
            body[name] = value
    if conversation.prompt_cache_options:
        if facts.cache_breakpoints:
            body["prompt_cache_options"] = conversation.prompt_cache_options
        else:
            loss.dropped("prompt_cache_options", "the model does not know it")
    return body
