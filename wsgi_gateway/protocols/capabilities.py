"""What a model accepts beyond what its API's grammar says: data, matched by provider and model name.

Only facts about models belong here; what is done about them is decided by the request writers.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""The common ladder, from the least to the most."""


class Capabilities(Struct, frozen=True, kw_only=True):
    """Defaults suit an unknown model on an OpenAI-compatible host."""

    max_output_tokens: int = 8192
    """Sent where the API demands a limit and the client gave none (Messages ``max_tokens``)."""
    openai_fields: bool = False
    """Whether a Chat Completions host knows what OpenAI added late: role ``developer``,
    ``max_completion_tokens``, ``safety_identifier``, ``metadata``, ``verbosity``, ``prompt_cache_key``,
    ``service_tier``; and refuses what others added (``top_k``)."""
    efforts: tuple[str, ...] = EFFORTS
    """The rungs of the ladder that it takes; none at all where it answers 400 to any effort."""
    thinking: Literal["adaptive", "budget", "none"] = "budget"
    """How Messages' ``thinking`` is asked for."""
    sampling: bool = True
    """Whether temperature, top_p, penalties and logit_bias are accepted."""
    sampling_without_effort: bool = False
    """Whether a model without ``sampling`` accepts them all the same while its effort is ``none``."""
    system_messages: bool = False
    """Whether Messages takes role ``system`` inside ``messages``."""
    wants_reasoning_back: bool = False
    """Whether the host needs its ``reasoning_content`` in the history."""
    forced_tools: bool = True
    """Whether Messages' ``tool_choice`` may be ``any`` or ``tool``."""
    strict_tools: bool = False
    """Whether Messages enforces a tool's schema (``strict``)."""
    structured_output: bool = False
    """Whether Messages knows ``output_config.format``."""
    prefill: bool = True
    """Whether Messages continues a last message of the assistant's."""
    custom_tools: bool = False
    """Whether Chat Completions knows tools of type ``custom``."""
    web_search: tuple[str, ...] = ()
    """The APIs by which the provider itself searches the web."""
    cache_breakpoints: bool = False
    """Whether OpenAI's APIs take ``prompt_cache_breakpoint``."""
    image_bytes: int | None = None
    """The largest image, in bytes; None where no limit is known."""


_IMAGE = 5 * 1024 * 1024
_LADDER = ("none", "low", "medium", "high", "xhigh")
_GPT: dict[str, Any] = {"openai_fields": True, "web_search": ("responses",)}
_PLAIN_GPT = Capabilities(**_GPT, efforts=())
_REASONING_GPT = Capabilities(**_GPT, sampling=False, custom_tools=True)
_CLAUDE = Capabilities(image_bytes=_IMAGE, efforts=(), web_search=("messages",))
_CLAUDE_4_5 = replace(_CLAUDE, max_output_tokens=64_000, strict_tools=True, structured_output=True)
_ADAPTIVE_CLAUDE = replace(
    _CLAUDE_4_5, thinking="adaptive", efforts=("low", "medium", "high", "max")
)
_OPUS_4_7 = replace(
    _ADAPTIVE_CLAUDE,
    sampling=False,
    efforts=("low", "medium", "high", "xhigh", "max"),
    prefill=False,
)
_OPUS_4_8 = replace(_OPUS_4_7, system_messages=True)

# First match wins: provider kind, model, facts.
# OpenAI's guides "Reasoning models" and "Using GPT-5"; Anthropic's pages "Models overview", "Extended thinking",
# "Adaptive thinking", "Effort", "Structured outputs", "Vision"; protocols digest 3.1, 6.6.1.
_TABLE: tuple[tuple[str, str, Capabilities], ...] = (
    (
        "openai|azure_openai",
        r".*-search-(preview|api).*",
        replace(_PLAIN_GPT, web_search=("chat_completions",)),
    ),
    ("openai|azure_openai", r"(gpt-[34]|chatgpt|gpt-5-chat).*", _PLAIN_GPT),
    (
        "openai|azure_openai",
        r"o[134](-|$).*",
        replace(_REASONING_GPT, efforts=("low", "medium", "high"), custom_tools=False),
    ),
    ("openai|azure_openai", r"gpt-5-pro.*", replace(_REASONING_GPT, efforts=("high",))),
    (
        "openai|azure_openai",
        r"gpt-5(-.*)?",
        replace(_REASONING_GPT, efforts=("minimal", "low", "medium", "high")),
    ),
    (
        "openai|azure_openai",
        r"gpt-5\.1.*",
        replace(_REASONING_GPT, efforts=_LADDER, sampling_without_effort=True),
    ),
    (
        "openai|azure_openai",
        r"gpt-5\.[2-5].*",
        replace(_REASONING_GPT, efforts=_LADDER, sampling_without_effort=True),
    ),
    (
        "openai|azure_openai",
        r"gpt-5\..*",
        replace(_REASONING_GPT, sampling_without_effort=True, cache_breakpoints=True),
    ),
    ("openai|azure_openai", r".*", replace(_REASONING_GPT, cache_breakpoints=True)),
    (".*", r".*claude-opus-4-7.*", _OPUS_4_7),
    (".*", r".*claude-opus-4-[89].*", _OPUS_4_8),
    (".*", r".*claude-(sonnet|opus|haiku)-[5-9].*", replace(_OPUS_4_8, forced_tools=False)),
    (".*", r".*claude-(opus|sonnet)-4-6.*", _ADAPTIVE_CLAUDE),
    (
        ".*",
        r".*claude-opus-4-5.*",
        replace(_CLAUDE_4_5, efforts=("low", "medium", "high")),
    ),
    (".*", r".*claude-(sonnet|haiku)-4-5.*", _CLAUDE_4_5),
    (".*", r".*claude-opus-4-1.*", replace(_CLAUDE_4_5, max_output_tokens=32_000)),
    (".*", r".*claude-opus-4.*", replace(_CLAUDE, max_output_tokens=32_000)),
    (".*", r".*claude-(sonnet|haiku)-4.*", replace(_CLAUDE, max_output_tokens=64_000)),
    (".*", r".*claude-3-7.*", replace(_CLAUDE, max_output_tokens=64_000)),
    (".*", r".*claude-3-5.*", replace(_CLAUDE, thinking="none")),
    (".*", r".*claude-3.*", replace(_CLAUDE, max_output_tokens=4_096, thinking="none")),
    ("deepseek|moonshotai|zhipu|minimax", r".*", Capabilities(wants_reasoning_back=True)),
)
_ROWS = [(re.compile(kind), re.compile(model), facts) for kind, model, facts in _TABLE]
_UNKNOWN = Capabilities()
_LONGEST_REMEMBERED = 200
"""Of a model's name, which a client may choose freely."""
_HOSTS_OF_SEARCH: Mapping[str, tuple[str, ...]] = {
    "openai": ("chat_completions", "responses"),
    "azure_openai": ("responses",),
    "anthropic": ("messages",),
}
"""Who runs a search: other hosts of the same models do not."""


def capabilities_of(provider_kind: str, model: str) -> Capabilities:
    """The first row that matches; the defaults for a model that nobody listed."""
    return (_remembered if len(model) <= _LONGEST_REMEMBERED else _look_up)(provider_kind, model)


def _look_up(provider_kind: str, model: str) -> Capabilities:
    for kind, pattern, facts in _ROWS:
        if kind.fullmatch(provider_kind) and pattern.fullmatch(model):
            hosts = _HOSTS_OF_SEARCH.get(provider_kind, ())
            if set(facts.web_search) <= set(hosts):
                return facts
            return replace(facts, web_search=())
    return _UNKNOWN


_remembered = lru_cache(maxsize=1024)(_look_up)
