"""Escaped halves of surrogate pairs in JSON."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgi_gateway.protocols.surrogates import replace_halves


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (rb'"\ud83d"', rb'"\ufffd"'),
        (rb'"\ude00"', rb'"\ufffd"'),
        (rb'"\uD83D\uDE00"', rb'"\uD83D\uDE00"'),
        (rb'"\ud83d\ud83d\ude00\ude00"', rb'"\ufffd\ud83d\ude00\ufffd"'),
        (rb'"\\ud83d"', rb'"\\ud83d"'),
        (rb'"\\\ud83d\n"', rb'"\\\ufffd\n"'),
        (b"plain", b"plain"),
    ],
)
def test_halves_are_replaced_and_pairs_stay(data: bytes, expected: bytes) -> None:
    assert replace_halves(data) == expected


@given(st.text(st.characters() | st.characters(categories=["Cs"])))
def test_what_json_writes_becomes_readable(text: str) -> None:
    found = msgspec.json.decode(replace_halves(json.dumps(text).encode()), type=str)
    assert found == json.loads(json.dumps(text)).encode("utf-16", "surrogatepass").decode(
        "utf-16", "replace"
    )
