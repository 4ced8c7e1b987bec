"""Words for a header."""

from hypothesis import given
from hypothesis import strategies as st

from wsgi_gateway.protocols.header_value import header_value
from wsgi_gateway.protocols.loss import Loss


@given(st.text())
def test_only_what_prints_is_left(text: str) -> None:
    value = header_value(text)
    assert len(value) == len(text)
    assert all(now == before or now == "?" for now, before in zip(value, text, strict=True))
    assert value.isascii() and (value.isprintable() or not value)


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_warning_is_fit_for_a_header(field: str, note: str) -> None:
    loss = Loss("messages")
    loss.dropped(field, note)
    header = loss.header()
    assert header == header_value(header or "")
