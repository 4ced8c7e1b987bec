"""Clients that ask without a pause, each the same again and again, until the test has seen enough.

Here: their threads, and how often each was answered and refused. Not here: what they ask.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

_PATIENCE = 60.0


class Refused(Exception):
    """What a client was told instead of an answer, and may be told."""


class Load:
    """``asks``: by a name of each client, what it does; a client that fails otherwise than by Refused ends the test."""

    def __init__(self, asks: Mapping[str, Callable[[], None]]) -> None:
        self.answered: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.failures: list[str] = []
        self._enough = threading.Event()
        self._news = threading.Condition()
        self._threads = [
            threading.Thread(target=self._ask, args=(name, ask)) for name, ask in asks.items()
        ]

    def _ask(self, name: str, ask: Callable[[], None]) -> None:
        while not self._enough.is_set():
            try:
                ask()
            except Refused:
                self._count(self.refused, name)
            except Exception as error:  # noqa: BLE001 (whatever it is, the test is to tell it)
                self.failures.append(f"{name}: {error!r}")
                return
            else:
                self._count(self.answered, name)

    def _count(self, counts: Counter[str], name: str) -> None:
        with self._news:
            counts[name] += 1
            self._news.notify_all()

    def until_answered(self, times: int, *names: str) -> None:
        """Until each of these clients was answered so often since now, or one has failed."""
        self._until(self.answered, times, names)

    def until_refused(self, times: int, *names: str) -> None:
        """The same for refusals."""
        self._until(self.refused, times, names)

    def _until(self, counts: Counter[str], times: int, names: tuple[str, ...]) -> None:
        with self._news:
            begin = counts.copy()
            is_enough = self._news.wait_for(
                lambda: self.failures or all(counts[n] - begin[n] >= times for n in names),
                _PATIENCE,
            )
        assert self.failures == [], self.failures
        assert is_enough, counts - begin

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()
