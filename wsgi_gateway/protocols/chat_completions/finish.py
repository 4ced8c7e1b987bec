"""How a reply ended, in the words of Chat Completions (protocols digest 6.9 and 6.12), and of its hosts.

Hosts have words beyond OpenAI's, some for replies that were cut or failed. Sources: the API references of DeepSeek,
Mistral and Z.ai; what Gemini's OpenAI endpoint sends (``content_filter: PROHIBITED_CONTENT``, or Gemini's ``SAFETY``).
"""

from msgspec import Struct

from wsgi_gateway.protocols.errors import ApiError, Kind
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


_CENSORED = ("safety", "recitation", "blocklist", "prohibited_content", "spii", "sensitive")
_READ: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "context_window",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    **dict.fromkeys(_CENSORED, "content_filter"),
}
_FAILURES: dict[str, Kind] = {
    "error": "server",
    "abort": "server",
    "network_error": "server",
    "insufficient_system_resource": "overloaded",
    "function_call_filter": "upstream_invalid",
    "malformed_function_call": "upstream_invalid",
}


class Ending(Struct):
    """``refusal`` is why the provider's classifiers ended the reply, where they said so."""

    reason: str
    refusal: str | None


def read_reason(given: str) -> FinishReason | None:
    """What a host's ``finish_reason`` means; None for a word that nobody knows. Raises ApiError if the model failed."""
    word = given.partition(":")[0].strip().lower()
    failure = _FAILURES.get(word)
    if failure is not None:
        which = "" if given == "error" else f": {given[:60]}"
        raise ApiError(failure, f"the upstream's model failed to finish its reply{which}")
    return _READ.get(word)


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
