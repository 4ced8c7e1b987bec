"""``data:`` URLs."""

import pytest

from wsgi_gateway.protocols import data_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("data:image/png;base64,AAAA", ("image/png", "AAAA")),
        ("DATA:Image/PNG;charset=x;BASE64,AAAA", ("image/png", "AAAA")),
        ("data:;base64,AAAA", ("text/plain", "AAAA")),
        ("data:text/plain,hello", None),
        ("https://example.com/data:image/png;base64,AAAA", None),
        ("", None),
    ],
)
def test_split(url: str, expected: tuple[str, str] | None) -> None:
    assert data_url.split(url) == expected


def test_join_is_the_way_back() -> None:
    assert data_url.split(data_url.join("image/webp", "QUJD")) == ("image/webp", "QUJD")
