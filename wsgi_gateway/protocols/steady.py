"""The steady middle of a stream: events that repeat the one before but for their text.

Theory of operation. Nearly all events of a stream are deltas of one part. They are the same bytes, but for the text, a
running number and random padding. So a reader that has read such an event says how it would be repeated, and from then
on bytes are compared: the texts of all repetitions that arrived together are decoded in one go. Whatever differs
elsewhere, or is written in another form, is an event like any other, and ends the repetition.

That nothing is read wrongly rests on JSON: another string in a string's place changes that value only. Which value it
is, a pattern proves before its use, by decoding the event once with a text of its own.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

from wsgi_gateway.protocols import sse

PROBE = "\u2402 probe"
"""The text in the event that a reader expects its pattern to make."""

_PROBE = PROBE.encode()
_LITERAL = rb'"([^"\\]*(?:\\.[^"\\]*)*)"'
_UNREAD = re.compile(rb'"sequence_number":\s*(\d+)|"obfuscation":\s*"([A-Za-z0-9]*)"')
_texts = msgspec.json.Decoder(list[str]).decode
_LONGEST_REST = 64 * 1024
_PATIENCE = 3


class Repeated(Struct):
    """How an event may be repeated: with another string in ``field``, whose texts ``tell`` takes.

    ``expected`` is what ``decode`` must make of the event with the text ``PROBE``.
    """

    field: str
    tell: Callable[[list[str]], None]
    expected: Any
    decode: Callable[[bytes], Any]


class Pattern:
    """An event as fixed bytes and holes: one for the text, the others for what nobody reads."""

    __slots__ = ("_head", "_inner", "_tail", "_text_at", "tell")

    def __init__(self, fixed: list[bytes], text_at: int, tell: Callable[[list[str]], None]) -> None:
        self._head, *self._inner, self._tail = fixed
        self._text_at = text_at
        self.tell = tell

    def literals(self, frames: list[bytes], begin: int) -> list[bytes]:
        """The texts, as they are in JSON, of those frames from ``begin`` on that repeat without a gap."""
        found: list[bytes] = []
        head, tail, inner, text_at = self._head, self._tail, self._inner, self._text_at
        start, behind = len(head), len(tail)
        for frame in frames[begin:] if begin else frames:
            end = len(frame) - behind
            if end < start or not (frame.startswith(head) and frame.endswith(tail)):
                break
            rest = frame[start:end]
            if inner:
                holes = []
                for fixed in inner:
                    hole, is_there, rest = rest.partition(fixed)
                    if not is_there:
                        return found
                    holes.append(hole)
                holes.append(rest)
                rest = holes.pop(text_at)
                unread = b"".join(holes)
                if unread and not unread.isalnum():
                    break
            found.append(rest)
        return found


def pattern_of(event: sse.ServerSentEvent, repeated: Repeated) -> Pattern | None:
    """The pattern of ``event`` in the usual form of its lines; None if there is no such."""
    data = event.data
    text = _field(repeated.field).search(data)
    if text is None:
        return None
    probe = b"%b%b%b" % (data[: text.start(1)], _PROBE, data[text.end(1) :])
    try:
        if repeated.decode(probe) != repeated.expected:
            return None
    except (ValueError, RecursionError):
        return None
    holes = [text.span(1)]
    if b'"sequence_number"' in data or b'"obfuscation"' in data:
        holes += [match.span(match.lastindex or 0) for match in _UNREAD.finditer(data)]
        holes.sort()
    head = b"event: %b\ndata: " % event.event.encode() if event.event else b"data: "
    fixed = []
    at = 0
    for start, end in holes:
        fixed.append(data[at:start])
        at = end
    fixed[0] = head + fixed[0]
    return Pattern([*fixed, data[at:]], holes.index(text.span(1)), repeated.tell)


@lru_cache(maxsize=32)
def _field(name: str) -> re.Pattern[bytes]:
    return re.compile(rb'"' + name.encode() + rb'":\s*' + _LITERAL)


class SteadyStream:
    """A stream's bytes to events. ``read`` takes each, and says how it may be repeated, if it may."""

    def __init__(self, read: Callable[[sse.ServerSentEvent], Repeated | None]) -> None:
        self._read = read
        self._decoder = sse.Decoder()
        self._pattern: Pattern | None = None
        self._patience = _PATIENCE
        self._rest = b""

    @property
    def learns(self) -> bool:
        """Whether it is worth while to say how an event may be repeated: not if so far none was."""
        return self._patience > 0

    def feed(self, chunk: bytes) -> None:
        """Read the events that ``chunk`` completed."""
        if self._rest:
            chunk = self._rest + chunk
            self._rest = b""
        if b"\r" in chunk or not self._decoder.is_between_events:
            self._read_events(self._decoder.feed(chunk))
            return
        *frames, self._rest = chunk.split(b"\n\n")
        if len(self._rest) > _LONGEST_REST:
            self._read_frames(frames)
            rest, self._rest = self._rest, b""
            self._read_events(self._decoder.feed(rest))
        else:
            self._read_frames(frames)

    def flush(self) -> None:
        """At the end of the stream: read the event whose blank line never came, if its data did."""
        rest, self._rest = self._rest, b""
        self._read_events(self._decoder.feed(rest))
        self._read_events(self._decoder.flush())

    def _read_frames(self, frames: list[bytes]) -> None:
        at = 0
        while at < len(frames):
            pattern = self._pattern
            literals = pattern.literals(frames, at) if pattern is not None else []
            if pattern is None or not literals:
                self._read_events(self._decoder.read(frames[at]))
                at += 1
                continue
            self._patience = _PATIENCE
            behind = at + len(literals)
            try:
                texts = _texts(b'["%b"]' % b'",\n"'.join(literals))
            except ValueError:
                texts = []
            if len(texts) == len(literals):
                pattern.tell(texts)
            else:
                for frame in frames[at:behind]:
                    self._read_events(self._decoder.read(frame))
            at = behind

    def _read_events(self, events: list[sse.ServerSentEvent]) -> None:
        for event in events:
            self._pattern = None
            repeated = self._read(event)
            if repeated is not None and self._patience:
                self._patience -= 1
                self._pattern = pattern_of(event, repeated)
