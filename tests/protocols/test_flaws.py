"""The one wrong value that makes a body no JSON is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgi_gateway.protocols.decoding import read_body
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.flaws import flaw_of


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"temperature": NaN}', "temperature"),
        (b'{"a": {"b": [1, {"c": -Infinity}]}}', "a.b[1].c"),
        (b'{"a": 1e999, "b": NaN}', "a"),
        (rb'{"messages": [{"content": "\ud83d"}]}', "messages[0].content"),
        (rb'{"a": "\ude00\ud83d"}', "a"),
        (b'{"user": "\xff"}', "user"),
        (b'{"user": "\xed\xa0\xbd"}', "user"),
        (b'{"metadata": {"\xff": 1}}', "metadata"),
    ],
)
def test_the_first_is_named(body: bytes, path: str) -> None:
    with pytest.raises(ApiError) as caught:
        read_body(body)
    assert caught.value.param == path
    assert caught.value.message.startswith(f"{path}: must ")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": 1}x',
        b'{"%b": NaN}' % (b"x" * 500),
        b"\xef\xbb\xbf{}",
        b"NaN",
        b'{"\xff": 1}',
        b'{"a": 01}',
        b"\x00",
    ],
)
def test_other_flaws_have_no_field(body: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        read_body(body)
    assert caught.value.param is None
    assert caught.value.message.startswith("the request body ")


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"a":[', b'[{"a":'])
def test_depth_has_a_limit(opening: bytes) -> None:
    body = b'{"deep":' + opening * 100_000
    assert flaw_of(body) is None
    with pytest.raises(ApiError, match="nested too deeply"):
        read_body(body)


def test_a_long_body_is_not_searched() -> None:
    body = b'{"a": NaN, "b": "%b"}' % (b"x" * 1024 * 1024)
    assert flaw_of(body) is None
    with pytest.raises(ApiError, match="must be a JSON object"):
        read_body(body)


@given(st.binary())
def test_any_bytes_may_be_searched(body: bytes) -> None:
    flaw_of(body)
    flaw_of(b'{"a": "' + body + b'"}')
