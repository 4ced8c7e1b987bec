"""How a client is told what its request cost. Not here: prices (tests/access/test_prices.py)."""

from __future__ import annotations

import pytest

from wsgi_gateway.exchange.pricing import PricedBody, in_dollars, is_asked_for


@pytest.mark.parametrize(
    ("nanodollars", "told"),
    [(0, "0"), (1, "0.000000001"), (1_234_500, "0.0012345"), (2_000_000_000, "2")],
)
def test_dollars(nanodollars: int, told: str) -> None:
    assert in_dollars(nanodollars) == told


@pytest.mark.parametrize(
    ("value", "asks"), [("true", True), ("1", True), (" Yes", True), ("no", False), (None, False)]
)
def test_who_asks(value: str | None, asks: bool) -> None:
    assert is_asked_for(value) is asks


class Body(list[bytes]):
    """Over with its second piece, or when nothing follows."""

    said = 0
    over_at = 2

    def __iter__(self):  # type: ignore[no-untyped-def]
        for piece in super().__iter__():
            self.said += 1
            yield piece

    def is_over(self) -> bool:
        return self.said >= self.over_at


def test_it_leaves_with_the_last_event() -> None:
    stream = PricedBody(Body([b"a", b"b", b""]), lambda: 1_500)
    assert list(stream) == [b"a", b"b: x-gateway-cost: 0.0000015\n\n", b""]


def test_where_only_the_end_tells_the_end_it_comes_then() -> None:
    body = Body([b"a", b"b"])
    body.over_at = 3
    assert list(PricedBody(body, lambda: 0)) == [b"a", b"b", b": x-gateway-cost: 0\n\n"]


def test_what_nobody_knows_is_not_told() -> None:
    assert b"".join(PricedBody(Body([b"a", b"b"]), lambda: None)) == b"ab"
