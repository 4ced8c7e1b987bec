"""How large a client's request may be and how long it may take to come, and what is said of one that breaks this.

Whoever reads a request, the fast lane or a view, keeps to it. Not here: the bounds themselves (config).
"""

from time import monotonic

from wsgi_gateway.config import Overload
from wsgi_gateway.protocols.errors import ApiError


class BodyClock:
    """Of one body: it has ``body_timeout``, and a second more for each ``min_body_rate`` bytes that came."""

    def __init__(self, rules: Overload) -> None:
        self._rate = rules.min_body_rate
        self._end = None if rules.body_timeout is None else monotonic() + rules.body_timeout

    def left(self, received: int) -> float | None:
        """Seconds for what is missing, where so many bytes came; None for any number. Raises ApiError (408)."""
        if self._end is None:
            return None
        left = self._end + received / self._rate - monotonic()
        if left <= 0:
            raise too_slow("body")
        return left


def too_large(most: int) -> ApiError:
    return ApiError("too_large", f"the request body is larger than {most} bytes")


def too_slow(what: str) -> ApiError:
    """``what``: the part of the request that did not come."""
    return ApiError(
        "invalid_request",
        f"the request's {what} did not come in time",
        status=408,
        code="request_timeout",
    )
