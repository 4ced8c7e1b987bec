"""How a reply ended, in the words of Chat Completions (protocols digest 6.9 and 6.12)."""

from msgspec import Struct

from wsgi_gateway.protocols.events import Finished, FinishReason
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.reply import Reply

_REASONS: dict[FinishReason, str] = {
    "stop": "stop",
    "stop_sequence": "stop",
    "tool_calls": "tool_calls",
    "length": "length",
    "context_window": "length",
    "content_filter": "content_filter",
    "pause": "stop",
}


class Ending(Struct):
    """``refusal`` is why the provider's classifiers ended the reply, where they said so."""

    reason: str
    refusal: str | None


def write_finish(ended: Finished | Reply, is_legacy: bool, loss: Loss) -> Ending:
    """``is_legacy`` is a client that knows calls by the deprecated ``function_call`` only."""
    if ended.reason == "context_window":
        loss.approximated("reply.finish_reason", "length: the model's context window was full")
    if ended.reason == "pause":
        loss.approximated("reply.finish_reason", "stop: the upstream paused and could have gone on")
    if ended.stop_sequence is not None:
        loss.dropped(
            "reply.stop_sequence",
            f"{ended.stop_sequence!r} matched, which Chat Completions cannot tell",
        )
    if ended.category is not None:
        loss.dropped("reply.refusal", f"its category {ended.category!r} has no field")
    if ended.explanation is not None:
        loss.approximated("reply.refusal", "the classifier's explanation was written there")
    reason = _REASONS[ended.reason]
    if is_legacy and reason == "tool_calls":
        reason = "function_call"
    return Ending(reason=reason, refusal=ended.explanation)
