"""The arithmetic of sliding windows."""

from hypothesis import given
from hypothesis import strategies as st

from wsgi_gateway.access.windows import Reading
from wsgi_gateway.config import Rate

RATE = Rate(10, 60)


def later(reading: Reading, seconds: float) -> Reading:
    """What the same counters are after a while in which nothing is counted."""
    until_end = reading.current_left - RATE.seconds if reading.current_left else 0.0
    if seconds < until_end or not reading.current:
        left = max(0.0, reading.previous_left - seconds)
        return Reading(reading.previous, left, reading.current, reading.current_left - seconds)
    left = max(0.0, RATE.seconds - (seconds - until_end))
    return Reading(reading.current, left, 0, 0.0)


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    left = draw(st.floats(0.01, 60))
    return Reading(draw(st.integers(0, 30)), left, draw(st.integers(0, 30)), left + 60)


def test_what_lies_in_the_last_minute_counts() -> None:
    assert Reading(10, 15.0, 4, 75.0).used(RATE) == 6.5
    assert Reading().used(RATE) == 0


@given(readings(), st.integers(1, 10))
def test_after_the_wait_there_is_room_and_not_before(reading: Reading, amount: int) -> None:
    wait = reading.wait(RATE, amount)
    assert later(reading, wait + 1e-6).used(RATE) <= RATE.amount - amount + 1e-6
    if wait > 0:
        assert later(reading, wait * 0.99).used(RATE) > RATE.amount - amount


@given(readings())
def test_in_the_end_all_of_it_may_be_used_again(reading: Reading) -> None:
    assert later(reading, reading.until_unused + 1e-6).used(RATE) < 1e-5
    if reading.current:
        assert later(reading, reading.until_unused * 0.9).used(RATE) > 0
