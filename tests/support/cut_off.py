"""A storage that dies on demand, once it has done what it was told and before it says so: nobody knows then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from wsgi_gateway.state.memory import MemoryBackend


class CutOff(MemoryBackend):
    """Counts down what it appends, and does not answer the last; ``dies_before`` leaves that undone, too."""

    failures: ClassVar[tuple[type[Exception], ...]] = (ConnectionError,)

    def __init__(self) -> None:
        super().__init__(ttl=60, max_items=1000)
        self.dies_after = 0
        self.dies_before = 0

    def append(self, id_: bytes, values: Sequence[bytes]) -> int:
        self.dies_before -= 1
        if self.dies_before == 0:
            raise ConnectionError
        first = super().append(id_, values)
        self.dies_after -= 1
        if self.dies_after == 0:
            raise ConnectionError
        return first
