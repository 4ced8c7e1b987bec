"""How hard to think, between the OpenAI APIs' effort ladder and Messages' ``thinking`` and ``output_config``.

The numbers are protocols digest 6.6.1; Anthropic's pages "Extended thinking", "Adaptive thinking" and "Effort".
"""

from wsgi_gateway.protocols.capabilities import EFFORTS, Capabilities
from wsgi_gateway.protocols.conversation import Json, ReasoningOptions
from wsgi_gateway.protocols.loss import Loss

_BUDGETS = {"low": 2048, "medium": 8192, "high": 16_384, "xhigh": 32_768, "max": 64_000}
_MINIMUM_BUDGET = 1024
_NO_ROOM = "the output limit leaves no room for thinking"


def to_effort(
    options: ReasoningOptions | None, capabilities: Capabilities, loss: Loss
) -> str | None:
    """The OpenAI APIs' ``reasoning_effort`` or ``reasoning.effort``; None leaves it to the model."""
    if options is None:
        return None
    if options.mode == "disabled":
        return _without_thinking(capabilities, loss)
    where = "reasoning.effort" if options.effort else "reasoning"
    effort = options.effort or _effort_of_thinking(options, capabilities, loss)
    if effort is None:
        return None
    if not capabilities.efforts:
        loss.dropped(where, "the model takes no reasoning effort")
        return None
    return _nearest(effort, capabilities, loss, where)


def _without_thinking(capabilities: Capabilities, loss: Loss) -> str | None:
    if not capabilities.efforts:
        return None
    if not capabilities.openai_fields:
        loss.dropped("reasoning", "whether the host's models think is left to it")
        return None
    least = capabilities.efforts[0]
    if least != "none":
        loss.approximated("reasoning", f"the model always thinks: effort {least}, its least")
    return least


def _nearest(effort: str, capabilities: Capabilities, loss: Loss, where: str) -> str:
    """The rung itself, else the next lower one that the model takes, else its lowest. Unknown words pass."""
    if effort in capabilities.efforts or effort not in EFFORTS:
        return effort
    rung = EFFORTS.index(effort)
    lower = [known for known in capabilities.efforts if EFFORTS.index(known) < rung]
    nearest = lower[-1] if lower else capabilities.efforts[0]
    loss.approximated(where, f"effort {effort} became {nearest}, the nearest that it takes")
    return nearest


def _effort_of_thinking(
    options: ReasoningOptions, capabilities: Capabilities, loss: Loss
) -> str | None:
    """Above ``high`` only for OpenAI's own models: other hosts may not know the word."""
    if options.mode == "between_tools":
        loss.approximated("reasoning", "between_tools became effort low")
        return "low"
    if options.budget_tokens is None:
        return None
    if options.budget_tokens < 4096:
        effort = "low"
    elif options.budget_tokens < 12_288:
        effort = "medium"
    elif options.budget_tokens < 28_672 or not capabilities.openai_fields:
        effort = "high"
    else:
        effort = "xhigh"
    loss.approximated("reasoning", f"a budget of tokens became effort {effort}")
    return effort


def to_thinking(
    options: ReasoningOptions | None, max_tokens: int, capabilities: Capabilities, loss: Loss
) -> tuple[Json | None, str | None]:
    """Messages' ``thinking`` object and ``output_config.effort``, None where they are left out."""
    if options is None or (options.effort is None and options.mode is None):
        if options is not None and options.summary:
            loss.dropped(
                "reasoning.summary", "no effort was asked for, so the model does not think"
            )
        return None, None
    if options.mode is not None:
        return _given_thinking(options, max_tokens, loss), options.effort
    effort = options.effort
    if capabilities.thinking == "none":
        if effort != "none":
            loss.dropped("reasoning.effort", "the model does not think")
        return None, None
    if effort == "none":
        return {"type": "disabled"}, None
    if effort == "minimal":
        loss.approximated("reasoning.effort", "effort minimal became low or no thinking")
        return None, "low" if capabilities.thinking == "adaptive" else None
    if capabilities.thinking == "adaptive":
        thinking: Json = {"type": "adaptive"}
        if options.summary:
            thinking["display"] = "summarized"
        nearest = _nearest(effort, capabilities, loss, "reasoning.effort") if effort else None
        return thinking, nearest
    return _budget(effort or "medium", max_tokens, loss), None


def _given_thinking(options: ReasoningOptions, max_tokens: int, loss: Loss) -> Json | None:
    """As a Messages client asked for it; a budget must stay below the limit, and be no less than its minimum."""
    thinking: Json = {"type": options.mode}
    budget = options.budget_tokens
    if budget is not None and budget >= max_tokens:
        budget = max_tokens - 1
        if budget < _MINIMUM_BUDGET:
            loss.approximated("reasoning", _NO_ROOM)
            return None
        loss.approximated("reasoning", f"the budget became {budget} tokens, to fit the limit")
    if budget is not None:
        thinking["budget_tokens"] = budget
    if options.summary is not None and options.mode != "disabled":
        thinking["display"] = options.summary
    return thinking


def _budget(effort: str, max_tokens: int, loss: Loss) -> Json | None:
    """OpenAI's limit counts reasoning too, so the limit stays and the budget shrinks to leave 1,024 visible."""
    wanted = _BUDGETS.get(effort, _BUDGETS["medium"])
    budget = min(wanted, max_tokens - _MINIMUM_BUDGET)
    if budget < _MINIMUM_BUDGET:
        loss.approximated("reasoning.effort", _NO_ROOM)
        return None
    loss.approximated("reasoning.effort", f"effort {effort} became a budget of {budget} tokens")
    return {"type": "enabled", "budget_tokens": budget}
