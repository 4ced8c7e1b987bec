"""Texts of a request that may still be JSON."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from support.long_way import texts_stay_json

from wsgi_gateway.protocols.words import (
    is_blank,
    needed_words_of,
    text_of,
    words_of,
    words_or_array,
)

TEXTS = st.text() | st.text('\n\t é\u3000\\"x', max_size=90) | st.text(min_size=70, max_size=90)

BLANK = [char for char in map(chr, range(0x110000)) if char.isspace()]


@given(text=TEXTS, ascii_=st.booleans(), short=st.booleans())
def test_words_are_the_text_however_they_came(text: str, ascii_: bool, short: bool) -> None:
    raw = Raw(json.dumps(text, ensure_ascii=ascii_).encode())
    if short:
        words = needed_words_of(raw)
    else:
        with texts_stay_json():
            words = needed_words_of(raw)
    assert text_of(words) == text
    assert bool(words) is bool(text)
    assert is_blank(words) is (not text.strip())
    assert msgspec.json.decode(msgspec.json.encode(words)) == text


@given(text=st.text(max_size=3), begin=st.sampled_from(BLANK))
def test_white_space_is_known_by_how_it_begins(text: str, begin: str) -> None:
    words = words_of(Raw(json.dumps(begin + text + "x" * 70, ensure_ascii=False).encode()))
    assert words == begin + text + "x" * 70


def test_long_words_stay_json_and_short_ones_do_not() -> None:
    for first in "xéを東😀":
        long = Raw(json.dumps(first + "x" * 62, ensure_ascii=False).encode())
        assert words_of(long) is long
    assert words_of(Raw(json.dumps("x" * 62).encode())) == "x" * 62


@pytest.mark.parametrize("json_", [b"1", b"[" + b'"x",' * 99 + b'"x"]', b'{"x":1}', b"true"])
def test_only_strings_are_words(json_: bytes) -> None:
    for read in (words_of, needed_words_of):
        with pytest.raises(msgspec.ValidationError):
            read(Raw(json_))


def test_null_is_no_text() -> None:
    assert words_of(Raw(b"null")) is None and words_of(None) is None
    with pytest.raises(msgspec.ValidationError):
        needed_words_of(Raw(b"null"))


@pytest.mark.parametrize(
    ("json_", "read"),
    [(b'["x"]', ["x"]), (b'"[x]"', "[x]"), (b"null", None)],
)
def test_an_array_is_read_as_told(json_: bytes, read: object) -> None:
    assert words_or_array(Raw(json_), msgspec.json.decode) == read


@pytest.mark.parametrize("json_", [b"1", b'{"x":1}', b"true"])
def test_what_may_be_an_array_is_nothing_else(json_: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        words_or_array(Raw(json_), msgspec.json.decode)
