"""Usage between Responses' counters and the internal ones (protocols digest 6.10)."""

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.events import Usage
from wsgi_gateway.protocols.responses import wire


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


def write_usage(usage: Usage | None) -> Json:
    """Zeros where the upstream reported nothing: some clients insist on the fields."""
    usage = usage or Usage()
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
