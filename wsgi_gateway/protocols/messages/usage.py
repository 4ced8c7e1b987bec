"""Usage between Messages' counters and the internal ones (protocols digest 6.10)."""

import msgspec

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.events import NO_USAGE, Usage
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages import reply_wire as wire

# Of the three tiers that Messages reports, in OpenAI's words; and of those that OpenAI reports, in Messages'.
_READ_TIERS = {"standard": "default", "priority": "priority", "batch": "default"}
_WRITTEN_TIERS = {"default": "standard", "priority": "priority"}
_NEAREST_TIERS = {"flex": "standard", "scale": "priority", "fast": "priority"}
# Of ``speed`` and ``inference_geo``. Source: Anthropic's page "Data residency".
_DEFAULTS = (None, "standard", "global", "not_available")


def merge(known: wire.Usage | None, news: wire.Usage | None) -> wire.Usage | None:
    """Counters are totals: each one that is told again replaces what was known of it."""
    if known is None or news is None:
        return known or news
    told = {
        name: value for name, value in msgspec.structs.asdict(news).items() if value is not None
    }
    return msgspec.structs.replace(known, **told)


def read_usage(usage: wire.Usage) -> Usage:
    details = usage.output_tokens_details or wire.OutputDetails()
    read = usage.cache_read_input_tokens or 0
    written = usage.cache_creation_input_tokens or 0
    return Usage(
        input=(usage.input_tokens or 0) + read + written,
        output=usage.output_tokens or 0,
        cache_read=read,
        cache_write=written,
        reasoning=details.thinking_tokens,
        service_tier=_READ_TIERS.get(str(usage.service_tier)),
        web_searches=_searches(usage.server_tool_use),
    )


def _searches(server_tools: object) -> int | None:
    return _requests(server_tools, "web_search_requests")


def _requests(server_tools: object, name: str) -> int | None:
    count = server_tools.get(name) if isinstance(server_tools, dict) else None
    return count if isinstance(count, int) else None


def note_lost(usage: wire.Usage, loss: Loss) -> None:
    """Note what the last word on a reply's usage says that no other API has a place for.

    Newer models tell ``inference_geo`` of every reply: what is the default goes without saying.
    """
    if usage.service_tier == "batch":
        loss.dropped("reply.service_tier", "batch became default")
    if _requests(usage.server_tool_use, "web_fetch_requests"):
        loss.dropped("reply.usage", "how many pages the upstream fetched")
    if usage.speed not in _DEFAULTS or usage.inference_geo not in _DEFAULTS:
        loss.dropped("reply.usage", "the speed, or the place, at which the upstream answered")


def write_usage(usage: Usage | None) -> Json:
    """Zeros where the upstream reported nothing (yet): the fields are mandatory."""
    usage = usage or Usage()
    body: Json = {
        "input_tokens": max(0, usage.input - usage.cache_read - usage.cache_write),
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output,
    }
    if usage.reasoning is not None:
        body["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    if usage.web_searches:
        body["server_tool_use"] = {
            "web_search_requests": usage.web_searches,
            "web_fetch_requests": 0,
        }
    tier = (_WRITTEN_TIERS | _NEAREST_TIERS).get(usage.service_tier or "")
    if tier is not None:
        body["service_tier"] = tier
    return body


def write_final_usage(usage: Usage | None, loss: Loss) -> Json:
    """At the end of a reply, where zeros and tiers that stand for something else are noted."""
    if usage is None:
        loss.approximated("reply.usage", NO_USAGE)
    elif usage.service_tier is not None and usage.service_tier not in _WRITTEN_TIERS:
        nearest = _NEAREST_TIERS.get(usage.service_tier, "no tier")
        loss.dropped("reply.service_tier", f"{usage.service_tier} became {nearest}")
    return write_usage(usage)
