"""A Conversation, written as the Messages request that an upstream gets.

The history is in ``history_writer``, the tools are in ``tools_writer``, ``structured_output`` has the ways to JSON.
"""

from wsgi_gateway.protocols.conversation import Conversation, Json
from wsgi_gateway.protocols.effort import to_thinking
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages.blocks_writer import is_plain
from wsgi_gateway.protocols.messages.history_writer import write_history
from wsgi_gateway.protocols.messages.structured_output import write_output_format
from wsgi_gateway.protocols.messages.tools_writer import write_tools
from wsgi_gateway.protocols.messages.turns import tool_loop_lacks_thinking
from wsgi_gateway.protocols.messages.web_search import NAME
from wsgi_gateway.protocols.translation import Translation
from wsgi_gateway.protocols.unsupported import leave_out
from wsgi_gateway.protocols.web_searches import offered

_MOST_BREAKPOINTS = 4
_HINTS = ("metadata", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention")
_SEMANTIC = (
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "top_logprobs",
    "logprobs",
    "moderation",
)


def write_request(conversation: Conversation, translation: Translation) -> Json:
    """The upstream's body. Raises ApiError (invalid_request) for what Messages cannot express."""
    loss = translation.loss
    leave_out(conversation, loss, hints=_HINTS, semantic=_SEMANTIC)
    if conversation.seed is not None:
        loss.dropped("seed")
    search = offered(conversation, "messages", translation)
    if search is not None:
        translation.aliases.reserve(NAME)
    system, messages = write_history(conversation, translation)
    limit = _limit(conversation, translation)
    thinking, output_config = _reasoning(conversation, messages, limit, translation)
    thinks = thinking is not None and thinking["type"] != "disabled"
    structured = write_output_format(
        conversation,
        translation,
        may_force=not thinks and search is None and _is_free_to_force(conversation, translation),
    )
    if structured.system is not None:
        system.append(structured.system)
    if structured.format is not None:
        output_config["format"] = structured.format
    tools = structured.tools or write_tools(conversation, translation, thinks=thinks, search=search)
    body: Json = {
        "model": translation.model,
        "max_tokens": limit,
        **_system(system),
        "messages": messages,
        **tools,
        **_sampling(conversation, translation, thinks=thinks),
        **_stop(conversation, translation),
        **_identity(conversation, loss),
    }
    if thinking is not None:
        body["thinking"] = thinking
    if output_config:
        body["output_config"] = output_config
    if conversation.stream:
        body["stream"] = True
    if translation.breakpoints > _MOST_BREAKPOINTS:
        _limit_breakpoints(body, loss)
    return body


def _limit(conversation: Conversation, translation: Translation) -> int:
    limit = conversation.max_output_tokens
    if limit is None:
        return translation.capabilities.max_output_tokens
    if limit < 1:
        translation.loss.refuse("max_output_tokens", "the upstream's API wants at least 1")
    return limit


def _is_free_to_force(conversation: Conversation, translation: Translation) -> bool:
    """Whether a tool of the gateway's own can be forced: the client has none, and asks for none."""
    choice = conversation.tool_choice
    asks = choice is not None and choice.forces
    return translation.capabilities.forced_tools and not conversation.tools and not asks


def _system(blocks: list[Json]) -> Json:
    """A plain string where it is one text, as the plainest hosts accept nothing else."""
    if not blocks:
        return {}
    if len(blocks) == 1 and is_plain(blocks[0]):
        return {"system": blocks[0]["text"]}
    return {"system": blocks}


def _reasoning(
    conversation: Conversation, messages: list[Json], limit: int, translation: Translation
) -> tuple[Json | None, Json]:
    """``thinking``, and ``output_config`` with the effort."""
    thinking, effort = to_thinking(
        conversation.reasoning, limit, translation.capabilities, translation.loss
    )
    if thinking and thinking["type"] == "enabled" and tool_loop_lacks_thinking(messages):
        translation.loss.approximated(
            "reasoning.effort", "switched off: the history's tool calls came without their thinking"
        )
        thinking = None
    return thinking, {"effort": effort} if effort else {}


def _sampling(conversation: Conversation, translation: Translation, *, thinks: bool) -> Json:
    loss = translation.loss
    body: Json = {}
    if conversation.temperature is not None:
        body["temperature"] = min(conversation.temperature, 1.0)
        if conversation.temperature > 1:
            loss.approximated("temperature", "the upstream's maximum is 1")
    if conversation.top_p is not None:
        body["top_p"] = conversation.top_p
    if conversation.top_k is not None:
        body["top_k"] = conversation.top_k
    if thinks or not translation.capabilities.sampling:
        for name in body:
            if name == "top_k" or getattr(conversation, name) != 1:
                loss.approximated(name, "left out: the model takes none, or none while it thinks")
        body = {}
    if "temperature" in body and "top_p" in body:
        if conversation.temperature == 1:
            del body["temperature"]
        else:
            if conversation.top_p != 1:
                loss.approximated("top_p", "left out: newer models take no temperature beside it")
            del body["top_p"]
    return body


def _stop(conversation: Conversation, translation: Translation) -> Json:
    """The API refuses blank ones, so the gateway itself looks for those."""
    translation.stop = [text for text in conversation.stop if text and not text.strip()]
    if "" in conversation.stop:
        translation.loss.dropped("stop", "an empty stop sequence")
    stop = [text for text in conversation.stop if text.strip()]
    return {"stop_sequences": stop} if stop else {}


def _identity(conversation: Conversation, loss: Loss) -> Json:
    body: Json = {}
    if conversation.user_id is not None:
        body["metadata"] = {"user_id": conversation.user_id}
    if conversation.verbosity not in (None, "medium"):
        loss.approximated("verbosity", "left out: the upstream has no such setting")
    if conversation.service_tier == "default":
        body["service_tier"] = "standard_only"
    elif conversation.service_tier not in (None, "auto"):
        loss.approximated("service_tier", f"{conversation.service_tier} became auto")
    return body


def _limit_breakpoints(body: Json, loss: Loss) -> None:
    """The API takes four; the last ones cover the most."""
    marked = _marked(body)
    for holder in marked[:-_MOST_BREAKPOINTS]:
        del holder["cache_control"]
        loss.dropped(holder, "a cache breakpoint: the upstream takes four, the last were kept")


def _marked(body: Json) -> list[Json]:
    """All that hold a breakpoint, in the order in which the API caches it."""
    system = body.get("system", ())
    holders = [*body.get("tools", ()), *(system if isinstance(system, list) else ())]
    for message in body["messages"]:
        for block in message["content"]:
            nested = block.get("content")
            holders += nested if isinstance(nested, list) else ()
            holders.append(block)
    return [holder for holder in holders if "cache_control" in holder]
