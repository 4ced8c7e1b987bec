"""When a request is late: after a time that the config says, or by what the requests before took."""

from __future__ import annotations

import pytest

from wsgi_gateway.config.model import Hedge
from wsgi_gateway.routing.hedging import Hedging


def hedging_after(*seconds: float, percentile: int = 95) -> Hedging:
    hedging = Hedging(Hedge(percentile=percentile))
    for each in seconds:
        hedging.answered(each, streams=True)
    return hedging


def test_a_time_of_the_config_holds_from_the_start() -> None:
    hedging = Hedging(Hedge(after=2.0))
    hedging.answered(9.0, streams=True)
    assert hedging.delay(streams=True) == hedging.delay(streams=False) == 2.0


def test_a_percentile_needs_requests_to_know_from() -> None:
    assert hedging_after(*[1.0] * 19).delay(streams=True) is None
    assert hedging_after(*[1.0] * 20).delay(streams=True) == 1.0


@pytest.mark.parametrize(("percentile", "late"), [(50, 51.0), (95, 96.0), (99, 100.0)])
def test_the_percentile_of_the_requests_before(percentile: int, late: float) -> None:
    seconds = [float(number) for number in range(1, 101)]
    assert hedging_after(*seconds, percentile=percentile).delay(streams=True) == late


def test_plain_replies_and_streams_are_told_apart() -> None:
    hedging = hedging_after(*[1.0] * 20)
    assert hedging.delay(streams=False) is None
    for _ in range(20):
        hedging.answered(30.0, streams=False)
    assert hedging.delay(streams=False) == 30.0
    assert hedging.delay(streams=True) == 1.0


def test_what_was_long_ago_is_forgotten() -> None:
    hedging = hedging_after(*[9.0] * 256)
    assert hedging.delay(streams=True) == 9.0
    for _ in range(256):
        hedging.answered(1.0, streams=True)
    assert hedging.delay(streams=True) == 1.0


def test_the_beaten_count_as_slow() -> None:
    """Else the percentile would follow the winners, and each round more requests would be late."""
    hedging = hedging_after(*[float(number) for number in range(1, 101)])
    for _ in range(100):
        hedging.unanswered(97.0, streams=True)
    late = hedging.delay(streams=True)
    assert late == 97.0


def test_who_was_left_soon_says_nothing() -> None:
    hedging = hedging_after(*[2.0] * 20)
    for _ in range(100):
        hedging.unanswered(0.1, streams=True)
    assert hedging.delay(streams=True) == 2.0
    empty = hedging_after()
    for _ in range(100):
        empty.unanswered(9.0, streams=True)
    assert empty.delay(streams=True) is None
