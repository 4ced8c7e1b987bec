"""What tokens cost, by the tables of genai-prices. It is imported by whoever has a budget to keep, and by nobody else.

Source: https://github.com/pydantic/genai-prices; a quarter of a second to import, and 20 MB.
"""

import logging
from decimal import Decimal
from functools import lru_cache

from genai_prices import Usage as PricedUsage
from genai_prices import calc_price

from wsgi_gateway.config.model import NANODOLLARS
from wsgi_gateway.protocols.events import Usage

_log = logging.getLogger(__name__)
_PROVIDERS = {
    "amazon_bedrock": "aws",
    "azure_openai": "azure",
    "chatgpt": "openai",
    "gemini": "google",
    "together_ai": "together",
    "xai": "x-ai",
    "zhipu": "zai",
}
"""The known providers that genai-prices calls otherwise."""

_FREE = ("llamacpp", "lmstudio", "ollama", "vllm")
"""Whoever runs a model pays otherwise, though others sell the same model by the token."""


def cost(kind: str, model: str, usage: Usage) -> int:
    """Nanodollars, 0 for a model whose price nobody knows. ``kind`` is a row of the table of known providers."""
    known = known_cost(kind, model, usage)
    if known is None:
        _note_unknown(kind, model)
    return known or 0


def known_cost(kind: str, model: str, usage: Usage) -> int | None:
    """The same, but None where nobody knows the price."""
    if kind in _FREE:
        return 0
    used = PricedUsage(
        # Some upstreams do not count cached tokens among the others.
        input_tokens=max(usage.input, usage.cache_read + usage.cache_write),
        output_tokens=usage.output,
        cache_read_tokens=usage.cache_read or None,
        cache_write_tokens=usage.cache_write or None,
    )
    for provider in (_PROVIDERS.get(kind, kind), None):
        try:
            price: Decimal = calc_price(used, model, provider_id=provider).total_price
        except (LookupError, ValueError):
            continue
        return int((price * NANODOLLARS).to_integral_value())
    return None


@lru_cache(256)
def _note_unknown(kind: str, model: str) -> None:
    """Once for each model."""
    _log.warning("no price is known for %r of %s: it counts for no budget", model[:100], kind)
