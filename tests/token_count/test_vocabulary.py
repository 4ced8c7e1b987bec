"""Known strings against both vocabularies (the numbers are those of OpenAI's Cookbook), and its absence."""

import sys

import pytest

from wsgi_gateway.token_count.families import Vocabulary
from wsgi_gateway.token_count.vocabulary import counter


@pytest.mark.parametrize(
    ("text", "vocabulary", "tokens"),
    [
        ("", "o200k_base", 0),
        ("antidisestablishmentarianism", "o200k_base", 6),
        ("antidisestablishmentarianism", "cl100k_base", 6),
        ("2 + 2 = 4", "o200k_base", 7),
        ("2 + 2 = 4", "cl100k_base", 7),
        ("お誕生日おめでとう", "o200k_base", 8),
        ("お誕生日おめでとう", "cl100k_base", 9),
    ],
)
def test_known_strings(text: str, vocabulary: Vocabulary, tokens: int) -> None:
    count, means = counter(vocabulary)
    assert count(text) == tokens
    assert means == f"the {vocabulary} vocabulary"


def test_special_tokens_are_text() -> None:
    assert counter("o200k_base")[0]("<|endoftext|>") > 1


def test_long_texts_are_counted() -> None:
    assert counter("o200k_base")[0](" word" * 300_000) == 300_000


def test_without_the_extra_length_must_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bpe_openai", None)
    counter.cache_clear()
    count, means = counter("o200k_base")
    counter.cache_clear()
    assert means == "the text's length"
    assert [count(text) for text in ("", "word", "words", "\ud83d")] == [0, 1, 2, 1]
