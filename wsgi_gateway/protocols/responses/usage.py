"""Usage between Responses' counters and the internal ones (protocols digest 6.10)."""

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.events import NO_USAGE, Usage
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.responses import wire


def usage_of(response: wire.Response, searches: int) -> Usage | None:
    """With the tier that answered; ``searches`` are those among the items, where the upstream counts none."""
    if response.usage is None:
        return None
    usage = read_usage(response.usage)
    usage.service_tier = response.service_tier
    counted = response.tool_usage.web_search if response.tool_usage else None
    usage.web_searches = (counted.num_requests if counted else None) or searches or None
    return usage


def read_usage(usage: wire.Usage) -> Usage:
    given = usage.input_tokens_details or wire.InputDetails()
    made = usage.output_tokens_details or wire.OutputDetails()
    return Usage(
        input=usage.input_tokens or 0,
        output=usage.output_tokens or 0,
        cache_read=given.cached_tokens or 0,
        cache_write=given.cache_write_tokens or 0,
        reasoning=made.reasoning_tokens,
    )


def write_usage(usage: Usage | None, loss: Loss) -> Json:
    """Zeros, with a note, where the upstream reported nothing: some clients insist on the fields."""
    if usage is None:
        loss.approximated("reply.usage", NO_USAGE)
        usage = Usage()
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write,
        },
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
        "total_tokens": usage.input + usage.output,
    }


def write_tool_usage(usage: Usage | None) -> Json:
    """``{"tool_usage": ...}`` with all its families, as the types want it; empty where no tool ran upstream."""
    if usage is None or not usage.web_searches:
        return {}
    no_details = {"image_tokens": 0, "text_tokens": 0}
    tokens = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    images = {**tokens, "input_tokens_details": no_details}
    return {"tool_usage": {"image_gen": images, "web_search": {"num_requests": usage.web_searches}}}
