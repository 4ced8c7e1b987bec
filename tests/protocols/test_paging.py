"""The limit of a page is a small number, or refused by its name."""

import pytest

from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.paging import page_limit


@pytest.mark.parametrize(("given", "limit"), [(None, 20), ("", 20), ("1", 1), ("100", 100)])
def test_what_is_asked_for(given: str | None, limit: int) -> None:
    assert page_limit(given, 20, 100) == limit


@pytest.mark.parametrize(
    "given", ["0", "101", "-1", "1.0", "abc", "٢", "²", "0001", "9" * 5000, "0" * 9 + "1" * 5000]
)
def test_what_is_none(given: str) -> None:
    with pytest.raises(ApiError) as caught:
        page_limit(given, 20, 100)
    assert caught.value.param == "limit"
