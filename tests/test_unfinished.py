"""`wsgi_gateway.unfinished`."""

from __future__ import annotations

from contextlib import suppress

from wsgi_gateway.unfinished import Unfinished


def test_is_true_until_all_work_is_over() -> None:
    unfinished = Unfinished()
    assert not unfinished
    with unfinished:
        with suppress(ValueError), unfinished:
            raise ValueError
        assert unfinished
    assert not unfinished
