"""What the writers of OpenAI's two request formats share."""

from wsgi_gateway.protocols.conversation import Conversation, Json, Part, ToolResult
from wsgi_gateway.protocols.translation import Translation


def sampling(conversation: Conversation, translation: Translation) -> Json:
    """``temperature`` and ``top_p``, as far as they were given and the model takes them."""
    given = {"temperature": conversation.temperature, "top_p": conversation.top_p}
    body = {name: value for name, value in given.items() if value is not None}
    if takes_sampling(conversation, translation):
        return body
    for name in body:
        translation.loss.approximated(name, "left out: the model takes no sampling parameters")
    return {}


def takes_sampling(conversation: Conversation, translation: Translation) -> bool:
    """Whether the model takes temperature, top_p, penalties and logit_bias, as hard as it is asked to think."""
    facts, reasoning = translation.capabilities, conversation.reasoning
    effort = reasoning.effort if reasoning else None
    return facts.sampling or (facts.sampling_without_effort and effort == "none")


def has_tools(conversation: Conversation, translation: Translation) -> bool:
    """Whether there are tools to write. Raises ApiError for a choice that would be left dangling without."""
    choice = conversation.tool_choice
    if not conversation.tools and choice is not None and choice.mode in ("required", "tool"):
        translation.loss.refuse("tool_choice", "asks for a tool, but there is none to call")
    for tool in conversation.tools:
        if tool.cache:
            translation.loss.dropped(tool, "cache_control has no place in the upstream's tools")
    return bool(conversation.tools)


def cache_of_breakpoint(mark: Json | None) -> Json | None:
    """A ``prompt_cache_breakpoint`` as Messages' ``cache_control``; any time to live is an hour there (6.11)."""
    if not mark:
        return None
    cache: Json = {"type": "ephemeral"}
    if mark.get("ttl"):
        cache["ttl"] = "1h"
    return cache


def breakpoint_of_cache(
    part: Part | ToolResult, cache: Json | None, translation: Translation
) -> Json:
    """``{"prompt_cache_breakpoint": ...}`` for what carries ``cache``; empty where the model takes none (6.11)."""
    if not cache:
        return {}
    if not translation.capabilities.cache_breakpoints:
        translation.loss.dropped(part, "the upstream takes no cache breakpoints")
        return {}
    mark: Json = {"mode": "explicit"}
    if cache.get("ttl"):
        mark["ttl"] = "30m"
        translation.loss.dropped(part, f"a cache ttl of {cache['ttl']} became 30m, the nearest")
    return {"prompt_cache_breakpoint": mark}
