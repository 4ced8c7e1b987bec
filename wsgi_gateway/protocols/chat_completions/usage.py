"""Usage between Chat Completions' counters and the internal ones (protocols digest 6.10)."""

from wsgi_gateway.protocols.chat_completions import wire
from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.events import NO_USAGE, Usage
from wsgi_gateway.protocols.loss import Loss


def read_usage(usage: wire.Usage) -> Usage:
    prompt = usage.prompt_tokens_details or wire.PromptDetails()
    completion = usage.completion_tokens_details or wire.CompletionDetails()
    return Usage(
        input=usage.prompt_tokens or 0,
        output=usage.completion_tokens or 0,
        cache_read=prompt.cached_tokens or 0,
        cache_write=prompt.cache_write_tokens or 0,
        reasoning=completion.reasoning_tokens,
    )


def write_usage(usage: Usage | None, loss: Loss) -> Json:
    """Zeros, with a note, where the upstream reported nothing: the fields are mandatory."""
    if usage is None:
        loss.approximated("reply.usage", NO_USAGE)
        usage = Usage()
    if usage.web_searches:
        loss.dropped("reply.usage", f"that the upstream searched {usage.web_searches} times")
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
    }
