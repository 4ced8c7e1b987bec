"""Where a request stands in a trace, as W3C Trace Context says it in two headers. Knows nothing of OpenTelemetry.

Source: W3C Recommendation "Trace Context" (level 1), 3.2 and 3.3.
"""

import re
from random import Random, SystemRandom

from msgspec import Struct

_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
_LONGEST_STATE = 512
"""Characters of a ``tracestate``: what is longer need not be passed on."""

# Ids that are to be unlike each other; nobody gains by guessing one.
_dice = Random(SystemRandom().getrandbits(128))  # nosec B311


class Parent(Struct, frozen=True):
    """The span that called: its ids in lower-case hex, and whether its trace is recorded."""

    trace_id: str
    span_id: str
    is_sampled: bool


class Trace(Struct, frozen=True, kw_only=True):
    """A request's own span."""

    trace_id: str
    span_id: str
    parent: Parent | None = None
    is_sampled: bool = True
    state: str | None = None
    """Other vendors' words, which are passed on as they came."""

    def headers(self, span_id: str) -> dict[str, str]:
        """For an upstream that is asked in a span of this trace."""
        told = {"traceparent": f"00-{self.trace_id}-{span_id}-{'01' if self.is_sampled else '00'}"}
        if self.state is not None:
            told["tracestate"] = self.state
        return told


def read_parent(traceparent: str | None) -> Parent | None:
    """None if there is none, or none that makes sense: then a trace begins."""
    match = _PARENT.fullmatch(traceparent) if traceparent else None
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if version == "ff" or (version == "00" and more):
        return None
    if trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return Parent(trace_id, span_id, bool(int(flags, 16) & 1))


def read_state(tracestate: str | None) -> str | None:
    """None for one that need not be passed on."""
    if not tracestate or len(tracestate) > _LONGEST_STATE or not tracestate.isascii():
        return None
    return tracestate if tracestate.isprintable() else None


def new_trace_id() -> str:
    return f"{_dice.getrandbits(128) or 1:032x}"


def new_span_id() -> str:
    return f"{_dice.getrandbits(64) or 1:016x}"
