"""Client bodies: whatever is wrong with them is a 400 that says where."""

import json
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from wsgi_gateway.protocols.decoding import (
    arguments_text,
    convert,
    decode_event,
    encode_request,
    parse_arguments,
    read_body,
)
from wsgi_gateway.protocols.errors import ApiError


class Inner(Struct):
    name: str


class Outer(Struct):
    inner: list[Inner]
    count: int | None = None
    names: dict[Annotated[str, Meta(max_length=2)], int] | None = None


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"3", b"{", b"\xff", b'{"a":NaN}', b'{"a":1e400}', b"[" * 100_000]
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        read_body(body)
    assert caught.value.kind == "invalid_request"


@given(st.binary())
def test_any_bytes_are_an_object_or_refused(body: bytes) -> None:
    try:
        assert isinstance(read_body(body), dict)
    except ApiError as error:
        assert error.kind == "invalid_request"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "inner"),
        ({"inner": 3}, "inner"),
        ({"inner": [{}]}, "inner[0].name"),
        ({"inner": [{"name": 3}]}, "inner[0].name"),
        ({"inner": [], "count": "x"}, "count"),
        ({"inner": [], "names": {"a": "x"}}, "names"),
        ({"inner": [], "names": {"abc": 1}}, "names"),
    ],
)
def test_the_field_is_named(body: dict[str, object], param: str) -> None:
    with pytest.raises(ApiError) as caught:
        convert(body, Outer)
    assert caught.value.param == param
    assert caught.value.message.startswith(param)


def test_arguments() -> None:
    assert parse_arguments("  ") == {}
    assert parse_arguments('{"n":12345678901234567890}') == {"n": 12345678901234567890}
    assert parse_arguments("[1]") is None
    assert parse_arguments('{"a') is None


@pytest.mark.parametrize(
    ("arguments", "text"),
    [(None, "{}"), ("", "{}"), (" \n", "{}"), ('{"a": 1}', '{"a": 1}'), ({"a": 1}, '{"a":1}')],
)
def test_arguments_in_any_form_are_text(arguments: object, text: str) -> None:
    assert arguments_text(arguments) == text


def test_events() -> None:
    decoder = msgspec.json.Decoder(Inner)
    assert decode_event(decoder, b'{"name":"a","more":1}') == Inner("a")
    assert decode_event(decoder, rb'{"name":"a\ud83d"}') == Inner("a\ufffd")
    for data in (b"", b"{", b"[]", b'{"name":"\xff"}', b"[" * 100_000, rb'{"name":"\ud83d'):
        with pytest.raises(ApiError) as caught:
            decode_event(decoder, data)
        assert caught.value.kind == "upstream_invalid"


_REQUESTS = st.dictionaries(
    st.text(),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda values: st.lists(values) | st.dictionaries(st.text(), values),
        max_leaves=8,
    ),
    max_size=5,
)


@given(_REQUESTS)
def test_a_request_is_written_as_it_is(body: dict[str, Any]) -> None:
    assert json.loads(encode_request(body)) == body


def test_what_is_json_already_is_written_as_it_is() -> None:
    verbatim = b'{"n": 1.50, "big": 123456789012345678901234567890}'
    assert encode_request({"input": msgspec.Raw(verbatim)}) == b'{"input":' + verbatim + b"}"


def test_depth_and_large_numbers_are_written_too() -> None:
    deep: Any = 2**64
    for _ in range(300):
        deep = [deep]
    assert json.loads(encode_request({"deep": deep, "raw": msgspec.Raw(b"[1]")})) == {
        "deep": deep,
        "raw": [1],
    }


def test_what_is_no_json_cannot_be_written() -> None:
    with pytest.raises(TypeError):
        encode_request({"a": object()})
