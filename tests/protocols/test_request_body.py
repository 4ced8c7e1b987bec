"""Names that must stand once in a request: what the gateway reads is what any upstream would."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.long_history import opened
from wsgi_gateway.protocols.request_body import DECIDING, read_request

LONG = "x" * 5000
VERY_LONG = "é" * 10_000
"""The history of a request with it is read later."""


def read(body: bytes) -> Json:
    """All of it."""
    return opened(read_request(body, "input"), "input")


def refused(body: bytes) -> str | None:
    """The field that it is refused for."""
    with pytest.raises(ApiError) as error:
        read(body)
    assert error.value.kind == "invalid_request"
    assert error.value.param is not None
    assert error.value.message.startswith(error.value.param)
    return error.value.param


@pytest.mark.parametrize("more", ["", LONG, VERY_LONG])
@pytest.mark.parametrize(
    "names",
    [
        '"model":"a","model":"b"',
        '"model":"a","model":"a"',
        '"model":"a", "x":{"model":"c"}, "model" : null',
        r'"model":"a","mod\u0065l":"b"',
        r'"\u006Dodel":"a","model":"b"',
    ],
)
def test_two_models_are_none(names: str, more: str) -> None:
    assert refused(f'{{{names},"more":"{more}"}}'.encode()) == "model"


@pytest.mark.parametrize("more", ["", LONG, VERY_LONG])
@pytest.mark.parametrize("name", DECIDING)
def test_each_deciding_name_stands_once(name: str, more: str) -> None:
    assert refused(f'{{"{name}":1,"more":"{more}","{name}":null}}'.encode()) == name
    read(f'{{"{name}":{{"{name}":1,"{name}":2}},"more":"{more}"}}'.encode())


@pytest.mark.parametrize("more", ["", LONG, VERY_LONG])
@pytest.mark.parametrize("name", ["Model", "MODEL", "mODel"])
def test_a_name_that_go_takes_for_model_is_refused(name: str, more: str) -> None:
    assert refused(f'{{"model":"a","{name}":"b","more":"{more}"}}'.encode()) == name
    assert read(f'{{"model":"a","tool":{{"{name}":"b"}}}}'.encode())["model"] == "a"


def test_other_names_are_the_upstream_s_matter() -> None:
    assert read(b'{"model":"a","seed":1, "seed":2}') == {"model": "a", "seed": 2}


@pytest.mark.parametrize(
    "more", [b"", *(b'"more":"%b",' % text.encode() for text in (LONG, VERY_LONG))]
)
@pytest.mark.parametrize("flaw", [b"NaN", b"1e999", b'"\xff"', b"[" * 5000, b""])
def test_what_is_no_json_is_told_as_ever(flaw: bytes, more: bytes) -> None:
    with pytest.raises(ApiError) as error:
        read(b'{%b"temperature":%b}' % (more, flaw))
    assert error.value.kind == "invalid_request"


def test_the_history_of_a_long_request_is_still_json() -> None:
    history = f' [ {{"text": "{VERY_LONG}"}}]'
    fields = read_request(f'{{"model":"a","input":{history}}}'.encode(), "input")
    assert fields == {"model": "a", "input": Raw(history.strip().encode())}
    assert type(fields) is dict and {*map(type, fields)} == {str}
    assert opened(fields, "input")["input"] == [{"text": VERY_LONG}]


@pytest.mark.parametrize("text", ["", "x" * 100_000, "x" * 99_000 + "é" * 999, "é" * 8000])
def test_the_history_of_any_other_is_read_at_once(text: str) -> None:
    """Short ones, and those whose text costs nothing to make."""
    fields: Json = {"model": "a", "input": [{"text": text}]}
    assert read_request(json.dumps(fields, ensure_ascii=False).encode(), "input") == fields


@pytest.mark.parametrize(
    "flaw", [b"\xff", b"\xc3", b"\xc0\xa2", b"\xed\xa0\x80", rb"\ud800", rb"\x", b"\n"]
)
@pytest.mark.parametrize("before", [0, 32 * 1024 - 16, 32 * 1024 - 15, 99_000])
def test_texts_that_are_not_read_are_right(flaw: bytes, before: int) -> None:
    """What one parser ends a string at another may take for part of a character."""
    text = "é".encode() + b"x" * before
    with pytest.raises(ApiError) as error:
        read_request(b'{"input":[{"text":"%b%b%b"}]}' % (text, flaw, b"y" * 20_000), "input")
    assert error.value.kind == "invalid_request"


def test_what_only_a_reader_finds_is_told_where_it_is_read() -> None:
    body = b'{"input":[{"text":"%b","more":1e999}]}' % VERY_LONG.encode()
    fields = read_request(body, "input")
    with pytest.raises(ApiError) as error:
        opened(fields, "input")
    assert (error.value.kind, error.value.param) == ("invalid_request", "input")


NAMES = st.sampled_from([*DECIDING, "seed", "é", "Stream"])
VALUES = st.recursive(
    st.none()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.just("model"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


@given(
    pairs=st.lists(st.tuples(NAMES, VALUES), max_size=5),
    ascii_=st.booleans(),
    escaped=st.booleans(),
    blank=st.sampled_from(["", " ", "\n\t"]),
    more=st.sampled_from([0, 3000, 20_000]),
)
def test_first_and_last_are_the_same_in_all_that_is_read(
    pairs: list[tuple[str, Any]], ascii_: bool, escaped: bool, blank: str, more: int
) -> None:
    """However it is written."""

    def written(name: str) -> str:
        if escaped:
            return '"' + "".join(f"\\u{ord(char):04x}" for char in name) + '"'
        return json.dumps(name, ensure_ascii=ascii_)

    members = [
        f"{written(name)}{blank}:{blank}{json.dumps(value, ensure_ascii=ascii_)}"
        for name, value in [*pairs, ("more", "x" * more)]
    ]
    body = f"{blank}{{{f'{blank},'.join(members)}}}".encode()
    names = [name for name, _ in pairs]
    repeated = [name for name in DECIDING if names.count(name) > 1]
    if repeated:
        assert refused(body) == repeated[0]
        return
    fields = read(body)
    assert fields == json.loads(body)
    first = json.loads(body, object_pairs_hook=lambda found: dict(reversed(found)))
    for name in DECIDING:
        assert first.get(name) == fields.get(name)
