"""A Conversation, written as the Chat Completions request that an upstream gets.

The history's grouping into messages is in ``messages_writer``.
"""

from wsgi_gateway.protocols.chat_completions.messages_writer import write_messages
from wsgi_gateway.protocols.chat_completions.tools_writer import write_tools
from wsgi_gateway.protocols.conversation import Conversation, Json
from wsgi_gateway.protocols.effort import to_effort
from wsgi_gateway.protocols.ids import short_user_id
from wsgi_gateway.protocols.openai_requests import json_schema, sampling, takes_sampling
from wsgi_gateway.protocols.translation import Translation

_PENALTIES = ("frequency_penalty", "presence_penalty", "logit_bias")
_MOST_STOPS = 4
_OPENAI_FIELDS = ("metadata", "prompt_cache_key", "prompt_cache_retention")
_TIERS = {"standard_only": "default", "ultrafast": "fast"}


def write_request(conversation: Conversation, translation: Translation) -> Json:
    """The upstream's body. Raises ApiError (invalid_request) for what Chat Completions cannot express."""
    body: Json = {
        "model": translation.model,
        "messages": write_messages(conversation, translation),
        **_limits(conversation, translation),
        **_stop(conversation, translation),
        **_reasoning(conversation, translation),
        **write_tools(conversation, translation),
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
    body |= _penalties(conversation, translation)
    if conversation.seed is not None:
        body["seed"] = conversation.seed
    return body


def _penalties(conversation: Conversation, translation: Translation) -> Json:
    given = {name: getattr(conversation, name) for name in _PENALTIES}
    if takes_sampling(conversation, translation):
        return {name: value for name, value in given.items() if value is not None}
    for name, value in given.items():
        if value:
            translation.loss.approximated(name, "left out: the model takes no sampling parameters")
    return {}


def _stop(conversation: Conversation, translation: Translation) -> Json:
    """Sent wherever the host takes them: it ends the reply at once, and tells the usage, which a cut of ours loses.

    The gateway looks for them itself where OpenAI's reasoning models refuse ``stop``, and where there are more than
    the API's four.
    """
    if not conversation.stop:
        return {}
    stop = [text for text in conversation.stop if text]
    if len(stop) < len(conversation.stop):
        translation.loss.dropped("stop", "an empty stop sequence")
    if not stop:
        return {}
    facts = translation.capabilities
    if len(stop) > _MOST_STOPS or (facts.openai_fields and not facts.sampling):
        translation.stop = stop
        return {}
    if conversation.api == "messages":
        translation.loss.approximated(
            "stop", "most hosts do not tell that one matched: stop_reason may be end_turn"
        )
    translation.sent_stop = stop
    return {"stop": stop}


def _reasoning(conversation: Conversation, translation: Translation) -> Json:
    options, facts = conversation.reasoning, translation.capabilities
    wants_summary = options is not None and options.summary not in (None, "omitted")
    if wants_summary and facts.openai_fields:
        translation.loss.dropped("reasoning.summary", "the upstream's API shows no thoughts")
    effort = to_effort(options, facts, translation.loss)
    return {} if effort is None else {"reasoning_effort": effort}


def _output(conversation: Conversation, translation: Translation) -> Json:
    body: Json = {}
    given = conversation.output_format
    if given is not None:
        body["response_format"] = {"type": given.type}
        if given.type == "json_schema":
            schema = json_schema(given, conversation.api, translation)
            body["response_format"]["json_schema"] = schema
    if conversation.verbosity is not None:
        if translation.capabilities.openai_fields:
            body["verbosity"] = conversation.verbosity
        else:
            translation.loss.approximated("verbosity", "left out: the upstream has no such setting")
    if conversation.logprobs or conversation.top_logprobs:
        body["logprobs"] = True
        if conversation.top_logprobs is not None:
            body["top_logprobs"] = conversation.top_logprobs
    return body


def _identity(conversation: Conversation, translation: Translation) -> Json:
    facts, loss = translation.capabilities, translation.loss
    body: Json = {}
    if conversation.user_id is not None and facts.openai_fields:
        body["safety_identifier"] = short_user_id(conversation.user_id, loss)
    elif conversation.user_id is not None:
        body["user"] = conversation.user_id
    for name in _OPENAI_FIELDS:
        value = getattr(conversation, name)
        if value and facts.openai_fields:
            body[name] = value
        elif value:
            loss.dropped(name)
    return (
        body
        | _cache_options(conversation, translation)
        | _service_tier(conversation, translation)
        | _moderation(conversation, translation)
    )


def _cache_options(conversation: Conversation, translation: Translation) -> Json:
    """Those that Chat knows: a longer life only its breakpoints can have."""
    given, loss = conversation.prompt_cache_options, translation.loss
    if not given:
        return {}
    if not translation.capabilities.cache_breakpoints:
        loss.dropped("prompt_cache_options", "the model does not know them")
        return {}
    options: Json = {}
    for name, value in given.items():
        if name == "mode" or (name, value) == ("ttl", "30m"):
            options[name] = value
        elif value is not None:
            loss.dropped(f"prompt_cache_options.{name}", "the upstream's API takes no such value")
    return {"prompt_cache_options": options} if options else {}


def _service_tier(conversation: Conversation, translation: Translation) -> Json:
    """In Chat's own words (protocols digest 6.14)."""
    tier, loss = conversation.service_tier, translation.loss
    if not tier:
        return {}
    if not translation.capabilities.openai_fields:
        loss.dropped("service_tier")
        return {}
    if tier == "ultrafast":
        loss.dropped("service_tier", "ultrafast became fast, the API's fastest")
    return {"service_tier": _TIERS.get(tier, tier)}


def _moderation(conversation: Conversation, translation: Translation) -> Json:
    if not conversation.moderation:
        return {}
    if not translation.capabilities.openai_fields:
        translation.loss.refuse("moderation", "the upstream has no such setting")
    translation.loss.approximated("moderation", "done, but its scores are not translated")
    return {"moderation": conversation.moderation}
