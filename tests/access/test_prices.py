"""What tokens cost."""

from __future__ import annotations

import pytest

from wsgi_gateway.access import prices
from wsgi_gateway.access.prices import cost
from wsgi_gateway.config.providers import known_providers
from wsgi_gateway.protocols.events import Usage

MILLION = Usage(input=1_000_000)


def test_by_the_provider_s_own_price() -> None:
    assert cost("openai", "gpt-4o", MILLION) == 2_500_000_000
    half_cached = Usage(input=1_000_000, cache_read=500_000)
    assert cost("openai", "gpt-4o", half_cached) == 1_875_000_000
    assert cost("openai", "gpt-4o", Usage(output=1)) == 10_000
    assert cost("anthropic", "claude-sonnet-4-20250514", MILLION) > 2_500_000_000


def test_cached_tokens_that_are_not_among_the_others_are_paid_for() -> None:
    assert cost("openai", "gpt-4o", Usage(input=1, cache_read=1_000_000)) == 1_250_000_000


def test_a_provider_that_nobody_knows_has_the_maker_s() -> None:
    assert cost("my-proxy", "gpt-4o", MILLION) == 2_500_000_000


def test_one_s_own_server_costs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    assert cost("ollama", "gpt-4o", MILLION) == 0
    assert not caplog.records


def test_an_unknown_model_costs_nothing_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    prices._note_unknown.cache_clear()
    assert [cost("openai", "nobody-s-model", MILLION) for _ in range(3)] == [0, 0, 0]
    assert [record.message for record in caplog.records] == [
        "no price is known for 'nobody-s-model' of openai: it counts for no budget"
    ]


def test_the_names_are_those_of_both_tables() -> None:
    from genai_prices.data import providers

    theirs = {provider.id for provider in providers}
    assert set(prices._PROVIDERS.values()) <= theirs
    assert set(prices._PROVIDERS) | set(prices._FREE) <= set(known_providers())
