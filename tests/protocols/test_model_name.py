"""The model's name in JSON that passes: nothing else changes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgi_gateway.protocols.model_name import has_model, with_model

ODD = b"""\t{ "big" : 123456789012345678901234567890, "k":1, "k": 2.0,"f":[1.0, 1e2, 0.10],
  "s" : "\\u00e9\\/ \\ud83d\\ude00 \\"model\\": \\"x\\"", "in": {"model": "old", "model":null},
  "list": [{"model" : "old"}, "model"], "model"  :  %b , "new":{"model":"old"}, "model2":"old" }\r\n"""
NAME = 'a "name"/é'


@pytest.mark.parametrize("old", [b'"old"', b'"o\\"ld\\\\"', b"null", b'""', b'"model"'])
def test_one_value_changes(old: bytes) -> None:
    assert with_model(ODD % old, NAME) == ODD % b'"a \\"name\\"/\xc3\xa9"'


def test_of_two_names_the_last_counts() -> None:
    assert (
        with_model(b'{"model":"a", "x":1, "model": "b"}', "c")
        == b'{"model":"a", "x":1, "model": "c"}'
    )
    assert with_model(b'{"model":"a","model":"b"}', "b") == b'{"model":"a","model":"b"}'


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"{}", b'{"model":"m"}'),
        (b' { "x" : 1.0 } ', b' {"model":"m", "x" : 1.0 } '),
        (b'{"in":{"model":"old"}}', b'{"model":"m","in":{"model":"old"}}'),
        (b'{"model":"m", "x":1e2}', b'{"model":"m", "x":1e2}'),
        (b'{"mod\\u0065l":"old", "x":1e2}', b'{"model":"m","x":1e2}'),
        (b'{"model":"a","mod\\u0065l":"b"}', b'{"model":"m"}'),
        (b'{"model":7, "x":1e2}', b'{"model":"m","x":1e2}'),
    ],
)
def test_what_has_no_plain_name_gets_one(body: bytes, named: bytes) -> None:
    assert with_model(body, "m") == named


def test_an_object_full_of_models_is_written_anew() -> None:
    """Each place costs a look at the whole."""
    body = b'{"model": "old", "in": [%b]}' % b", ".join([b'{"model": "x"}'] * 1000)
    named = with_model(body, "m")
    assert named == body.replace(b'"model": "old", "in": ', b'"model":"m","in":')


def test_whether_there_is_a_name() -> None:
    assert has_model(b'{"model":null}')
    assert not has_model(b'{"in":{"model":"old"}}')


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.just("model"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.just("model"), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(st.text(max_size=5) | st.just("model"), JSON, max_size=5),
    st.text(),
    st.sampled_from([None, 1]),
    st.booleans(),
)
def test_any_object_is_the_same_but_for_its_model(
    given_: dict[str, object], model: str, indent: int | None, ascii_: bool
) -> None:
    body = json.dumps(given_, indent=indent, ensure_ascii=ascii_).encode()
    assert json.loads(with_model(body, model)) == {**given_, "model": model}
