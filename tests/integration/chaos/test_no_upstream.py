"""Upstreams that cannot be asked, or do not listen to the end: names, connections, TLS.

Here: what fails before a request is whole at its upstream, for all nine pairs. Not here: what fails after that
(test_breaks.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from support.asks import Ask, user
from support.chaos import IS_URLLIB3, Chaos, Exchange, Expected
from support.pairs import APIS, PLAIN_AND_STREAM
from support.raw_upstream import RawUpstream

from .conftest import EARLY

LARGE = Ask((user("How is it? " * 800_000),))
"""More than sockets hold."""

UNREACHABLE = ["refused", "unknown-host", "impossible-host", "self-signed"]


def exchanges(stream: bool, *names: str) -> Iterator[Exchange]:
    for name in names:
        for theirs in APIS:
            for ours in APIS:
                yield Exchange(ours, theirs, stream, name, "any")


@PLAIN_AND_STREAM
def test_an_upstream_that_cannot_be_reached(
    chaos: Chaos, self_signed: RawUpstream, stream: bool
) -> None:
    names = UNREACHABLE + [f"{fate}-under-TLS" for fate in EARLY]
    # urllib3 does not tell a handshake's end from a reply's.
    slow = {"stall-under-TLS": 504} if IS_URLLIB3 else {}

    with chaos.leaving_nothing():
        chaos.check_all(
            (it, Expected(slow.get(it.provider, 502), "error")) for it in exchanges(stream, *names)
        )

    assert self_signed.accepted and not self_signed.asked


@PLAIN_AND_STREAM
def test_an_upstream_that_does_not_listen_to_the_end(chaos: Chaos, stream: bool) -> None:
    def expected() -> Iterator[tuple[Exchange, Expected]]:
        for fate in EARLY:
            status = {"stall": 504, "too many": 503}.get(fate, 502)
            for exchange in exchanges(stream, f"{fate}-at-connect", f"{fate}-at-head"):
                is_overload = status == 503 and exchange.client_api == "messages"
                yield exchange, Expected(529 if is_overload else status, "error")

    with chaos.leaving_nothing():
        chaos.check_all(expected())


def test_a_request_that_is_larger_than_what_is_read_of_it(chaos: Chaos) -> None:
    def expected() -> Iterator[tuple[Exchange, Expected]]:
        # urllib3 does not say why it could not send.
        statuses = {"reset-at-head": 502, "stall-in-large": 502 if IS_URLLIB3 else 504}
        for name, status in statuses.items():
            for exchange in exchanges(True, name):
                if exchange.client_api == exchange.upstream_api:
                    yield exchange, Expected(status, "error")

    with chaos.leaving_nothing():
        chaos.check_all(expected(), LARGE)
