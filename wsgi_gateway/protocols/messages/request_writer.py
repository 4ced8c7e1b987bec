"""A Conversation, written as the Messages request that an upstream gets.

The history is in ``history_writer``, the tools are in ``tools_writer``.
"""

from itertools import chain

from wsgi_gateway.protocols.conversation import Conversation, Json, OutputFormat
from wsgi_gateway.protocols.effort import to_thinking
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages.blocks_writer import text_block
from wsgi_gateway.protocols.messages.history_writer import write_history
from wsgi_gateway.protocols.messages.output_schema import enforceable
from wsgi_gateway.protocols.messages.tools_writer import write_tools
from wsgi_gateway.protocols.messages.turns import tool_loop_lacks_thinking
from wsgi_gateway.protocols.translation import Translation
from wsgi_gateway.protocols.unsupported import leave_out

_JSON_ONLY = "Answer with one JSON object and nothing else."
_MOST_BREAKPOINTS = 4


def write_request(conversation: Conversation, translation: Translation) -> Json:
    """The upstream's body. Raises ApiError (invalid_request) for what Messages cannot express."""
    leave_out(
        conversation,
        translation.loss,
        hints=("seed", "metadata", "prompt_cache_key"),
        semantic=(
            "frequency_penalty",
            "presence_penalty",
            "logit_bias",
            "logprobs",
            "top_logprobs",
        ),
    )
    system, messages = write_history(conversation, translation)
    limit = conversation.max_output_tokens
    if limit is None:
        limit = translation.capabilities.max_output_tokens
    if limit < 1:
        translation.loss.refuse("max_output_tokens", "the upstream's API wants at least 1")
    thinking, output_config = _reasoning(conversation, messages, limit, translation)
    thinks = thinking is not None and thinking["type"] != "disabled"
    system += _output_format(conversation.output_format, output_config, translation.loss)
    body: Json = {
        "model": translation.model,
        "max_tokens": limit,
        **_system(system),
        "messages": messages,
        **write_tools(conversation, translation, thinks=thinks),
        **_sampling(conversation, translation, thinks=thinks),
        **_identity(conversation, translation.loss),
    }
    if thinking is not None:
        body["thinking"] = thinking
    if output_config:
        body["output_config"] = output_config
    if conversation.stream:
        body["stream"] = True
    _limit_breakpoints(body, translation.loss)
    return body


def _system(blocks: list[Json]) -> Json:
    """A plain string where it is one text, as the plainest hosts accept nothing else."""
    if not blocks:
        return {}
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
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
            "reasoning", "switched off: the history's tool calls came without their thinking"
        )
        thinking = None
    return thinking, {"effort": effort} if effort else {}


def _output_format(given: OutputFormat | None, output_config: Json, loss: Loss) -> list[Json]:
    """Sets ``output_config.format``, or gives what is to be said in ``system`` instead."""
    if given is None or given.type == "text":
        return []
    if given.type == "json_object" or given.schema is None:
        loss.approximated("output_format", "JSON was asked for in the instructions")
        return [text_block(_JSON_ONLY)]
    schema, moved = enforceable(given.schema)
    if moved:
        loss.approximated("output_format", f"only described, not enforced: {', '.join(moved)}")
    if given.strict is False:
        loss.approximated("output_format", "the schema is enforced all the same")
    if given.description:
        described = f"{given.description}\n{schema.get('description', '')}".strip()
        schema = {**schema, "description": described}
    output_config["format"] = {"type": "json_schema", "schema": schema}
    return []


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
        if conversation.top_p != 1:
            loss.approximated("top_p", "left out: newer models take no temperature beside it")
        del body["top_p"]
    stop = [text for text in conversation.stop if text.strip()]
    if stop != conversation.stop:
        loss.dropped("stop", "the upstream takes no blank stop sequences")
    if stop:
        body["stop_sequences"] = stop
    return body


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
    system = body.get("system", ())
    blocks = chain.from_iterable(message["content"] for message in body["messages"])
    holders = [*body.get("tools", ()), *(system if isinstance(system, list) else ())]
    for block in blocks:
        nested = block.get("content")
        holders += [*(nested if isinstance(nested, list) else ()), block]
    marked = [holder for holder in holders if "cache_control" in holder]
    for holder in marked[:-_MOST_BREAKPOINTS]:
        del holder["cache_control"]
        loss.dropped("cache_control", "the upstream takes four breakpoints: the last were kept")
