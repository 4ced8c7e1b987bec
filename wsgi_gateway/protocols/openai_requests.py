"""What the writers of OpenAI's two request formats share."""

from wsgi_gateway.protocols.conversation import Conversation, Json
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
    if any(tool.cache for tool in conversation.tools):
        translation.loss.dropped("tools.cache_control")
    return bool(conversation.tools)
