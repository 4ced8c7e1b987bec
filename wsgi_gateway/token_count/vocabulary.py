"""Text into a number of tokens, by the vocabularies that OpenAI published.

The only place that knows the package they come in, which is an extra: it takes 75 MB on disk, and its import a
second and some 130 MB of memory, so it is loaded when the first text is counted. Without it length must do.
"""

from collections.abc import Callable
from functools import cache
from math import ceil

from wsgi_gateway.token_count.families import Vocabulary

_BYTES_PER_TOKEN = 4
"""OpenAI's rule of thumb for English ("What are tokens and how to count them"); a byte more or less elsewhere."""


@cache
def counter(vocabulary: Vocabulary) -> tuple[Callable[[str], int], str]:
    """The function that counts a text's tokens, and what it counts by, in words.

    Special tokens in a text are text like any other.
    """
    try:
        # Behind the package's own Encoding, which refuses texts of more than 200,000 tokens.
        from bpe_openai import _bindings
    except ImportError:
        return _by_length, "the text's length"
    count: Callable[[str], int] = _bindings.tokenizer_for_encoding(vocabulary).count
    return count, f"the {vocabulary} vocabulary"


def _by_length(text: str) -> int:
    return ceil(len(text.encode("utf-8", "replace")) / _BYTES_PER_TOKEN)
