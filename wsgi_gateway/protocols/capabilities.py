"""What a model accepts beyond what its API's grammar says: data, matched by provider and model name.

Only facts about models belong here; what is done about them is decided by the request writers.
"""

import re
from typing import Literal

from msgspec import Struct


class Capabilities(Struct, frozen=True, kw_only=True):
    """Defaults suit an unknown model on an OpenAI-compatible host."""

    max_output_tokens: int = 8192
    """Sent where the API demands a limit and the client gave none (Messages ``max_tokens``)."""
    openai_fields: bool = False
    """Whether a Chat Completions host knows what OpenAI added late: role ``developer``,
    ``max_completion_tokens``, ``safety_identifier``, ``metadata``, ``verbosity``, ``prompt_cache_key``,
    ``service_tier``; and refuses what others added (``top_k``)."""
    reasoning_effort: bool = True
    """Whether the model accepts an effort at all (OpenAI's non-reasoning models answer 400)."""
    thinking: Literal["adaptive", "budget", "none"] = "budget"
    """How Messages' ``thinking`` is asked for."""
    sampling: bool = True
    """Whether temperature and top_p are accepted."""
    system_messages: bool = False
    """Whether Messages takes role ``system`` inside ``messages``."""
    wants_reasoning_back: bool = False
    """Whether the host needs its ``reasoning_content`` in the history."""


_OPENAI_REASONING = Capabilities(openai_fields=True, sampling=False)
_OPENAI = Capabilities(openai_fields=True, reasoning_effort=False)
_NEWEST_CLAUDE = Capabilities(
    max_output_tokens=64_000, thinking="adaptive", sampling=False, system_messages=True
)

# First match wins: provider kind, model, facts.
# Anthropic's pages "Models overview", "Extended thinking", "Effort"; OpenAI's guide "Reasoning models".
_TABLE: tuple[tuple[str, str, Capabilities], ...] = (
    ("openai|azure_openai", r"(gpt-[34]|chatgpt|gpt-5-chat).*", _OPENAI),
    ("openai|azure_openai", r".*", _OPENAI_REASONING),
    (
        ".*",
        r".*claude-opus-4-7.*",
        Capabilities(max_output_tokens=64_000, thinking="adaptive", sampling=False),
    ),
    (".*", r".*claude-(opus-4-[89]|(sonnet|opus|haiku)-[5-9]).*", _NEWEST_CLAUDE),
    (
        ".*",
        r".*claude-(opus|sonnet)-4-6.*",
        Capabilities(max_output_tokens=64_000, thinking="adaptive"),
    ),
    (".*", r".*claude-opus-4-5.*", Capabilities(max_output_tokens=64_000)),
    (".*", r".*claude-opus-4.*", Capabilities(max_output_tokens=32_000)),
    (".*", r".*claude-(sonnet|haiku)-4.*", Capabilities(max_output_tokens=64_000)),
    (".*", r".*claude-3-7.*", Capabilities(max_output_tokens=64_000)),
    (".*", r".*claude-3-5.*", Capabilities(max_output_tokens=8_192, thinking="none")),
    (".*", r".*claude-3.*", Capabilities(max_output_tokens=4_096, thinking="none")),
    ("deepseek|moonshotai|zhipu|minimax", r".*", Capabilities(wants_reasoning_back=True)),
)
_ROWS = [(re.compile(kind), re.compile(model), facts) for kind, model, facts in _TABLE]
_UNKNOWN = Capabilities()


def capabilities_of(provider_kind: str, model: str) -> Capabilities:
    """The first row that matches; the defaults for a model that nobody listed."""
    for kind, pattern, facts in _ROWS:
        if kind.fullmatch(provider_kind) and pattern.fullmatch(model):
            return facts
    return _UNKNOWN
