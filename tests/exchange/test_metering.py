"""When a request that was let in is over, and what is charged then."""

from __future__ import annotations

import pytest

from wsgi_gateway.access import Permit
from wsgi_gateway.exchange import metering
from wsgi_gateway.exchange.call import Answer


class Watched:
    """A permit of a request whose upstream has answered."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.permit = Permit(
            {"x-limit": "1"},
            lambda *_: self.events.append("charged"),
            lambda: self.events.append("released"),
        )
        self.permit.begin("openai", "gpt-4o", 8)


class Body(list[bytes]):
    ended = is_closed = False

    def is_over(self) -> bool:
        return self.ended

    def close(self) -> None:
        self.is_closed = True
        raise OSError


def test_a_full_answer_is_over_at_once() -> None:
    watched = Watched()
    answer = metering.accompanied(Answer(200, {"a": "b"}, b"x"), watched.permit)
    assert answer == Answer(200, {"a": "b", "x-limit": "1"}, b"x")
    assert watched.events == ["released", "charged"]


def test_the_next_request_may_come_before_the_last_bytes_leave() -> None:
    watched, body = Watched(), Body([b"x", b"y"])
    answer = metering.accompanied(Answer(200, {}, body), watched.permit)
    told = iter(answer.body)
    assert next(told) == b"x"  # type: ignore[comparison-overlap]
    assert watched.events == []
    body.ended = True
    assert list(told) == [b"y"]
    assert watched.events == ["released"]
    with pytest.raises(OSError):
        answer.body.close()  # type: ignore[union-attr]
    assert body.is_closed
    assert watched.events == ["released", "charged"]


@pytest.mark.parametrize(
    ("status", "costs"), [(400, True), (499, True), (502, False), (504, False)]
)
def test_what_failed_costs_nothing(status: int, costs: bool) -> None:
    watched = Watched()
    metering.accompanied(Answer(status, {}, b"x"), watched.permit)
    assert watched.events == (["released", "charged"] if costs else ["released"])


def test_work_that_goes_on_is_not_over() -> None:
    watched = Watched()
    watched.permit.is_handed_over = True
    for body in (b"x", [b"x"]):
        answer = metering.accompanied(Answer(200, {}, body), watched.permit)
        assert answer == Answer(200, {"x-limit": "1"}, body)
    assert watched.events == []
    watched.permit.close()
    assert watched.events == ["released", "charged"]
