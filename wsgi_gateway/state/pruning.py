"""When a database is to drop what expired and what is too much: not at each write, but often enough."""

_SELDOM = 1000
"""Items at most that are written from one time to the next."""


class Pruning:
    """Counts the items that were written. ``max_items`` is exceeded by at most a hundredth of it, and not by 1,000."""

    def __init__(self, max_items: int) -> None:
        self.max_items = max_items
        self._step = min(max(max_items // 100, 1), _SELDOM)
        self._written = self._step

    def is_due(self, items: int) -> bool:
        """Whether it is time, now that this many more items are written. It is at the first of a process."""
        self._written += items
        if items == 0 or self._written < self._step:
            return False
        self._written = 0
        return True
