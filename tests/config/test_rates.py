"""How much in how long, as people write it."""

import pytest

from wsgi_gateway.config import Rate
from wsgi_gateway.config.rates import BadRate, read_rates, written


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("60/m", Rate(60, 60)),
        (" 1_000 / 12h ", Rate(1000, 43_200)),
        ("1/s", Rate(1, 1)),
        ("5/90s", Rate(5, 90)),
        ("5000/30d", Rate(5000, 30 * 86_400)),
    ],
)
def test_read_and_written(text: str, rate: Rate) -> None:
    assert read_rates(text) == (rate,)
    assert read_rates(written(rate)) == (rate,)


def test_dollars() -> None:
    assert read_rates("0.5/d", dollars=True) == (Rate(500_000_000, 86_400),)
    assert read_rates(["20/d", "400/30d"], dollars=True)[1].amount == 400 * 10**9
    assert written(Rate(1_500_000_000, 3600), dollars=True) == "1.5/h"


def test_none() -> None:
    assert read_rates(None) == read_rates([]) == ()


@pytest.mark.parametrize(
    "text", ["", "60", "60/", "/m", "60/month", "-1/m", "1.5/m", "0/m", "1/0s", "1/367d", "1e3/m"]
)
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(BadRate):
        read_rates(text)


@pytest.mark.parametrize("text", ["0/d", "1000001/d", "0.0000000001/d", "9" * 400 + "/d"])
def test_what_is_no_budget(text: str) -> None:
    with pytest.raises(BadRate):
        read_rates(text, dollars=True)
