"""Waiting for what will be true soon, without a guess of when."""

from __future__ import annotations

import time
from collections.abc import Callable

_PATIENCE = 60.0


def until(is_so: Callable[[], bool]) -> None:
    """Ask again and again; an AssertionError if it takes half a minute."""
    deadline = time.monotonic() + _PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, "it has not come true"
