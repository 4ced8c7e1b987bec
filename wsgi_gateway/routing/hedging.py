"""When a request that is not answered yet is sent to another deployment too. Pure: who is asked is in plan.py.

Theory of operation. A few requests take far longer than the others, mostly by no fault of their own; the same
request, sent elsewhere once it is late, is then often answered first. Where late is the 95th percentile, five of a
hundred are sent twice, whatever the model's pace. Plain replies and streams are told apart, as the one is whole when
the other begins. An attempt that was beaten, or left, would have taken longer still, and counts as what it took: if
only the winners counted, the percentile would fall below what a deployment alone can do, and most requests would be
late.

Source: Dean and Barroso, "The Tail at Scale" (2013), "Hedged requests".
"""

from collections import deque

from wsgi_gateway.config.model import Hedge

_REMEMBERED = 256
_AT_LEAST = 20
"""With fewer requests nothing is known of what is late."""
_RENEWED_AFTER = 8
"""New samples after which the percentile is taken again: sorting all costs more than it changes."""


class Hedging:
    """Of one pool. ``most`` is how many more attempts one request may begin beside its first."""

    def __init__(self, rules: Hedge) -> None:
        self.most = rules.max
        self._after = rules.after
        self._plain = _Percentile(rules.percentile)
        self._streams = _Percentile(rules.percentile)

    def delay(self, *, streams: bool) -> float | None:
        """Seconds after which a request without an answer is late; None as long as that is not known."""
        return self._after if self._after is not None else self._of(streams).seconds()

    def answered(self, seconds: float, *, streams: bool) -> None:
        """A first good event, or a whole plain reply, came after so long."""
        if self._after is None:
            self._of(streams).add(seconds)

    def unanswered(self, seconds: float, *, streams: bool) -> None:
        """Nothing came for so long, and nobody waits for it any more."""
        if self._after is None:
            known = self._of(streams)
            late = known.seconds()
            if late is not None and seconds > late:
                known.add(seconds)

    def _of(self, streams: bool) -> "_Percentile":
        return self._streams if streams else self._plain


class _Percentile:
    """Of the samples that came last."""

    def __init__(self, percentile: int) -> None:
        self._share = percentile / 100
        self._samples: deque[float] = deque(maxlen=_REMEMBERED)
        self._new = 0
        self._known: float | None = None

    def add(self, seconds: float) -> None:
        self._samples.append(seconds)
        self._new += 1

    def seconds(self) -> float | None:
        count = len(self._samples)
        if count < _AT_LEAST:
            return None
        if self._known is None or self._new >= _RENEWED_AFTER:
            self._known = sorted(self._samples)[int(count * self._share)]
            self._new = 0
        return self._known
