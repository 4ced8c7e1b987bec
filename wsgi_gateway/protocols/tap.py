"""Listens to a stream that passes through untouched: did it end, and what was used?

A tap does not parse what it need not: it looks for the marks of the few events that matter. It lets only whole
events through, so that after an upstream that broke off mid-event a well-formed error can follow. And it writes anew
what makes the official SDKs fail or lose something: events of an odd form (protocols digest 1.2), values that are
flawed (edge cases 26 and 55), errors in a form that they pass over.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

import msgspec

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.error_bodies import read_error
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import Usage

_check = msgspec.json.Decoder(msgspec.Raw).decode
_BOUNDARIES = (b"\n\n", b"\r\n\r\n", b"\r\r")
_LONGEST_BOUNDARY = 4
_LONG = 16 * 1024
"""Bytes of an event that has not ended. More are not looked through again with each chunk that follows."""

ODD_LINES = rb"id:|retry:|event:[^\r\n]*\r?\n(?:data:)?\r?\n"
"""The fields ``id`` and ``retry``, and events without data."""


class Tap(ABC):
    """Base of the three dialects' taps; they define the marks, ``look`` and ``failure``."""

    marks: ClassVar[re.Pattern[bytes]]
    ending: ClassVar[bytes]
    """One more mark, of the last event. A word alone is found several times faster than as one of a pattern."""
    odd_start: ClassVar[re.Pattern[bytes]] = re.compile(rb"\xef\xbb\xbf|" + ODD_LINES)
    odd_inner: ClassVar[re.Pattern[bytes]] = re.compile(rb"\n(?:" + ODD_LINES + rb")")
    """What is written anew, at the start of a chunk and behind a line end (whose byte makes the search fast)."""
    flaws: ClassVar[re.Pattern[bytes] | None] = None
    """The mark of values that ``mended`` looks at; rare, so that hardly any event is parsed for it."""
    flawed: ClassVar[bytes] = b""
    """A word that is wherever such values are: it is found faster than their mark."""

    def __init__(self) -> None:
        self.ended = False
        self.failed = False
        self.usage: Usage | None = None
        self.model: str | None = None
        """What the events that were looked at call it."""
        self.completed = b""
        """The event's data that holds a whole response, where the dialect has such."""
        self.foreign_error = b""
        """An event's data that is an error, but in no form that clients of the dialect know."""
        self._rest = b""
        self._before_rest = bytearray()

    @property
    def final(self) -> bool:
        """Whether the terminator itself was seen: nothing may follow, and nothing is waited for."""
        return self.ended

    def feed(self, chunk: bytes) -> bytes:
        """What may go on to the client now: all up to the end of the last complete event.

        Who feeds it bounds how long an event may be.
        """
        whole = self._rest + chunk if self._rest else chunk
        cut = _end_of_last_event(whole)
        self._rest = whole[cut:]
        if self._rest:
            whole = whole[:cut]
        if not whole:
            if len(self._rest) > _LONG:
                self._put_aside()
            return b""
        if self._before_rest:
            whole = self._taken_up(whole)
        return self._passed(whole)

    def finish(self) -> bytes:
        """At the end of the upstream's body: a last event that only lacks its blank line is completed."""
        rest, self._rest = self._taken_up(self._rest), b""
        decoder = sse.Decoder()
        events = decoder.feed(rest) + decoder.flush()
        if not events or not all(self.is_whole(event.data) for event in events):
            return b""
        return self._passed(rest.rstrip(b"\r\n") + b"\n\n")

    def is_whole(self, data: bytes) -> bool:
        """Whether ``data`` can be a complete event's: it is one JSON object."""
        try:
            _check(data)
        except (msgspec.DecodeError, RecursionError):
            return False
        return data.lstrip().startswith(b"{")

    def name_of(self, event: sse.ServerSentEvent) -> str:
        """The name that an event gets where it is written anew."""
        return event.event

    def anew(self, event: sse.ServerSentEvent) -> bytes:
        """What passes in an event's place where a chunk is written anew."""
        if event.data == self.foreign_error:
            return self.failure(read_error(500, event.data))
        return sse.encode(event.data.replace(b"\n", b" "), self.name_of(event))

    def mended(self, event: sse.ServerSentEvent) -> Iterable[tuple[bytes, bytes]]:  # noqa: ARG002
        """The JSON texts of values that may have flaws, in the event's order, and what passes instead."""
        return ()

    @abstractmethod
    def look(self, event: sse.ServerSentEvent) -> None:
        """Read one event of a chunk in which a mark was found."""

    @abstractmethod
    def failure(self, error: ApiError) -> bytes:
        """The dialect's in-stream error, to follow an upstream that broke off."""

    def _put_aside(self) -> None:
        """Leave of a long event only what may be the beginning of its end."""
        cut = len(self._rest) - _LONGEST_BOUNDARY + 1
        self._before_rest += self._rest[:cut]
        self._rest = self._rest[cut:]

    def _taken_up(self, rest: bytes) -> bytes:
        whole = bytes(self._before_rest) + rest
        self._before_rest = bytearray()
        return whole

    def _passed(self, whole: bytes) -> bytes:
        self._listen(whole)
        if self.flaws is not None and self.flawed in whole and self.flaws.search(whole):
            whole = self._without_flaws(whole)
        is_odd = self.odd_start.match(whole) or self.odd_inner.search(whole)
        if not is_odd and not self.foreign_error:
            return whole
        return b"".join(self.anew(event) for event in sse.Decoder().feed(whole))

    def _without_flaws(self, whole: bytes) -> bytes:
        """``whole`` with its flawed values replaced, each sought behind the one before. All other bytes stay."""
        pieces = []
        at = 0
        for event in sse.Decoder().feed(whole):
            for old, new in self.mended(event):
                found = whole.find(old, at)
                if found >= 0:
                    pieces += [whole[at:found], new]
                    at = found + len(old)
        return b"".join([*pieces, whole[at:]])

    def _listen(self, whole: bytes) -> None:
        """Look at the events with a mark, and only at these."""
        if b"\r" in whole:
            if self.ending in whole or self.marks.search(whole):
                for event in sse.Decoder().feed(whole):
                    self.look(event)
            return
        places = [match.start() for match in self.marks.finditer(whole)]
        at = whole.find(self.ending)
        while at >= 0:
            places.append(at)
            at = whole.find(self.ending, at + 1)
        end = 0
        for place in sorted(places):
            if place >= end:
                before = whole.rfind(b"\n\n", end, place)
                start = before + 2 if before >= 0 else end
                end = whole.find(b"\n\n", place) + 2
                for event in sse.Decoder().feed(whole[start:end]):
                    self.look(event)


def _end_of_last_event(chunk: bytes) -> int:
    if chunk.endswith(_BOUNDARIES):
        return len(chunk)
    ends = (chunk.rfind(mark) + len(mark) for mark in _BOUNDARIES if mark in chunk)
    return max(ends, default=0)
