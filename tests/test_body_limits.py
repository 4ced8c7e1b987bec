"""How long a body may take."""

from __future__ import annotations

import pytest

from wsgi_gateway import body_limits
from wsgi_gateway.body_limits import BodyClock
from wsgi_gateway.config import Overload
from wsgi_gateway.protocols.errors import ApiError


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in its last place."""
    times = [100.0]
    monkeypatch.setattr(body_limits, "monotonic", lambda: times[-1])
    return times


def test_what_comes_buys_time(now: list[float]) -> None:
    clock = BodyClock(Overload(body_timeout=10, min_body_rate=1000))
    assert clock.left(0) == 10
    now.append(109)
    assert clock.left(0) == 1
    assert clock.left(5000) == 6
    now.append(115)
    with pytest.raises(ApiError) as told:
        clock.left(5000)
    assert told.value.status == 408


def test_without_a_limit_there_is_all_the_time(now: list[float]) -> None:
    clock = BodyClock(Overload(body_timeout=None))
    now.append(1e9)
    assert clock.left(0) is None
