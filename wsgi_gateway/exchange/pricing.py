"""What a request cost, as its client is told: in a header, or where that is too late, in a comment of the stream.

Not here: prices (access/prices.py), and whether anybody wants to know (the config's ``cost``).
"""

from collections.abc import Callable, Iterable, Iterator

from wsgi_gateway.config.model import NANODOLLARS
from wsgi_gateway.protocols import sse
from wsgi_gateway.telemetry.in_flight import CountedBody

HEADER = "x-gateway-cost"
_YES = ("1", "true", "yes")


def is_asked_for(value: str | None) -> bool:
    """Whether a request's header of this name asks."""
    return value is not None and value.strip().lower() in _YES


def in_dollars(nanodollars: int) -> str:
    """US dollars, without needless zeros."""
    return f"{nanodollars / NANODOLLARS:.9f}".rstrip("0").rstrip(".")


class PricedBody(CountedBody):
    """A stream that ends with a comment that tells its cost, if ``cost`` knows it then. Every SDK passes over those."""

    def __init__(self, body: Iterable[bytes], cost: Callable[[], int | None]) -> None:
        super().__init__(body, lambda: None)
        self._cost = cost

    def __iter__(self) -> Iterator[bytes]:
        is_over, is_told = self.is_over, False
        for data in self._body:
            if not is_told and is_over():
                is_told = True
                yield data + self._comment()
            else:
                yield data
        if not is_told:
            yield self._comment()

    def _comment(self) -> bytes:
        cost = self._cost()
        return b"" if cost is None else sse.comment(f"{HEADER}: {in_dollars(cost)}")
