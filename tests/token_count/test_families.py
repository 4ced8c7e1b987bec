"""Which tokenizer a model's name stands for."""

import pytest

from wsgi_gateway.token_count.families import family_of


@pytest.mark.parametrize(
    ("model", "vocabulary", "factor", "images"),
    [
        ("gpt-5-mini-2025-08-07", "o200k_base", 1.0, "tiles"),
        ("gpt-4o", "o200k_base", 1.0, "tiles"),
        ("gpt-4.1-nano", "o200k_base", 1.0, "tiles"),
        ("o3", "o200k_base", 1.0, "tiles"),
        ("ft:gpt-4o-mini:acme", "o200k_base", 1.0, "tiles"),
        ("openai/gpt-oss-120b", "o200k_base", 1.0, "tiles"),
        ("gpt-4", "cl100k_base", 1.0, "tiles"),
        ("openai/gpt-4-turbo", "cl100k_base", 1.0, "tiles"),
        ("gpt-3.5-turbo-0125", "cl100k_base", 1.0, "tiles"),
        ("claude-sonnet-4-20250514", "o200k_base", 1.15, "area"),
        ("anthropic.claude-opus-4-6-v1:0", "o200k_base", 1.15, "area"),
        ("claude-opus-4-8", "o200k_base", 1.5, "area"),
        ("anthropic/claude-sonnet-5", "o200k_base", 1.5, "area"),
        ("claude-fable-5-1", "o200k_base", 1.5, "area"),
        ("claude-instant-1.2", "o200k_base", 1.15, "area"),
        ("Llama-3.3-70B-Instruct", "o200k_base", 1.1, "area"),
        ("olmo-2", "o200k_base", 1.1, "area"),
        ("", "o200k_base", 1.1, "area"),
    ],
)
def test_families(model: str, vocabulary: str, factor: float, images: str) -> None:
    family = family_of(model)
    assert (family.vocabulary, family.factor, family.images) == (vocabulary, factor, images)
