"""Waiting for what will be true soon, without a guess of when."""

from __future__ import annotations

import time
from collections.abc import Callable

_PATIENCE = 60.0
_FIRST_PAUSE = 0.0005
_LONGEST_PAUSE = 0.02


def until(is_so: Callable[[], bool]) -> None:
    """Ask again and again; an AssertionError if it takes a minute.

    Between two questions it rests a little longer each time: who asks without a pause takes the processor from those
    who are to make it true.
    """
    deadline = time.monotonic() + _PATIENCE
    pause = _FIRST_PAUSE
    while not is_so():
        assert time.monotonic() < deadline, "it has not come true"
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
