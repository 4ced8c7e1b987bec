"""How many retries there may be, so that an outage is not multiplied by them."""

_WINDOW = 10.0
_ALWAYS = 10
"""Retries in a window that are allowed however few requests there are."""


class RetryBudget:
    """A share of a model's requests in one worker. Whoever begins a request adds to ``requests``: it costs nothing.

    Going on to a deployment that is well needs no budget; asking again where it failed does, as does asking the ill.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._since = 0.0
        self._retries = 0
        self.requests = 0

    def spend(self, now: float) -> bool:
        """Whether there may be another retry; it is counted then."""
        if now - self._since >= _WINDOW:
            self._since = now
            self._retries = 0
            self.requests = 0
        if self._retries >= _ALWAYS + self._share * self.requests:
            return False
        self._retries += 1
        return True
