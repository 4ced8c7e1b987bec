"""The steady middle of a stream: events that repeat the one before but for their text.

Theory of operation. Nearly all events of a stream are deltas of one part. They are the same bytes, but for the text, a
running number and random padding. So a reader that has read such an event says how it would be repeated, and from then
on bytes are compared: the texts of all repetitions that arrived together are decoded in one go. Whatever differs
elsewhere, or is written in another form, is an event like any other, and ends the repetition.

That nothing is read wrongly rests on JSON: another string in a string's place changes that value only. It is the text's
if the field's name comes but once in the event, and nothing else in it is written with escapes.
"""

import re
from collections.abc import Callable
from functools import lru_cache

import msgspec
from msgspec import Struct

from wsgi_gateway.protocols import sse

_LITERAL = rb'"([^"\\]*(?:\\.[^"\\]*)*)"'
_UNREAD = re.compile(rb'"sequence_number":\s*(\d+)|"obfuscation":\s*"([A-Za-z0-9]*)"')
_texts = msgspec.json.Decoder(list[str]).decode
_are_numbers = re.compile(rb"[1-9]\d*+(?:,[1-9]\d*+)*+").fullmatch
_LONGEST_REST = 64 * 1024
_PATIENCE = 3


class Repeated(Struct):
    """How an event that tells nothing but a text may be repeated: with another string in ``field``.

    ``tell`` takes the further texts.
    """

    field: str
    tell: Callable[[list[str]], None]


class Pattern:
    """An event as fixed bytes and holes: one for the text, the others for what nobody reads."""

    __slots__ = (
        "_between",
        "_end",
        "_head",
        "_inner",
        "_lines",
        "_number_at",
        "_opening",
        "_tail",
        "_text_at",
        "tell",
    )

    def __init__(
        self,
        fixed: list[bytes],
        text_at: int,
        number_at: int | None,
        tell: Callable[[list[str]], None],
    ) -> None:
        self._head, *self._inner, tail = fixed
        self._end = tail + b"\n\n"
        self._between = self._end + self._head
        self._lines = self._between.count(b"\n")
        self._opening = self._head.rpartition(b"\n")[2]
        self._tail = tail
        self._text_at = text_at
        self._number_at = number_at
        self.tell = tell

    def take(self, data: bytes, at: int) -> tuple[list[bytes], int]:
        """The texts, as they are in JSON, of the events at ``at`` that repeat without a gap, and where these end."""
        if not data.startswith(self._head, at):
            return [], at
        begin = at + len(self._head)
        if data.find(b"\n\n", begin) == len(data) - 2:
            alone = data.endswith(self._end, begin)
            pieces = [data[begin : -len(self._end)]] if alone else []
            behind = len(data)
        else:
            pieces, behind = self._pieces(data, at)
        literals = self._literals(pieces) if self._inner else pieces
        return literals, behind if literals else at

    def _pieces(self, data: bytes, at: int) -> tuple[list[bytes], int]:
        """What is between head and tail of the events at ``at`` that have both, and where these end."""
        behind = data.rfind(b"\n\n", at) + 2
        # All events are first taken for repetitions; which of them are shows when the bytes are put together again.
        lines = data[at : behind - 1].split(b"\n")[self._lines - 2 :: self._lines]
        while lines and not (
            lines[-1].startswith(self._opening) and lines[-1].endswith(self._tail)
        ):
            lines.pop()
        begin, end = len(self._opening), -len(self._tail)
        pieces = [line[begin:end] for line in lines]
        written = self._written(pieces)
        if not data.startswith(written, at):
            pieces = pieces[: self._count(pieces, data, at)]
            written = self._written(pieces)
        return pieces, at + len(written)

    def _written(self, pieces: list[bytes]) -> bytes:
        return b"%b%b%b" % (self._head, self._between.join(pieces), self._end)

    def _count(self, pieces: list[bytes], data: bytes, at: int) -> int:
        """How many of ``pieces`` are, without a gap, those of the events at ``at``."""
        known, most = 0, len(pieces)
        while known < most:
            tried = (known + most + 1) // 2
            if data.startswith(self._written(pieces[:tried]), at):
                known = tried
            else:
                most = tried - 1
        return known

    def _literals(self, pieces: list[bytes]) -> list[bytes]:
        """The texts in ``pieces``, none if one of these is of an odd form."""
        holes = []
        rests = pieces
        for fixed in self._inner:
            parts = [rest.partition(fixed) for rest in rests]
            holes.append([part[0] for part in parts])
            rests = [part[2] for part in parts]
            if not all(part[1] for part in parts):
                return []
        holes.append(rests)
        if self._number_at is not None and not _are_numbers(b",".join(holes[self._number_at])):
            return []
        literals = holes.pop(self._text_at)
        unread = b"".join([b"".join(hole) for hole in holes])
        return literals if not unread or unread.isalnum() else []


def pattern_of(event: sse.ServerSentEvent, repeated: Repeated) -> Pattern | None:
    """The pattern of ``event`` in the usual form of its lines; None if there is no such."""
    data = event.data
    field = _field(repeated.field)
    text = field.search(data)
    if text is None or field.search(data, text.end()) is not None:
        return None
    holes, numbers = [text.span(1)], []
    if b'"sequence_number"' in data or b'"obfuscation"' in data:
        unread = [*_UNREAD.finditer(data)]
        numbers = [match.span(1) for match in unread if match.lastindex == 1]
        holes += [match.span(match.lastindex or 0) for match in unread]
        holes.sort()
    head = b"event: %b\ndata: " % event.event.encode() if event.event else b"data: "
    fixed = []
    at = 0
    for start, end in holes:
        fixed.append(data[at:start])
        at = end
    fixed[0] = head + fixed[0]
    fixed.append(data[at:])
    if b"\\" in b"".join(fixed) or len(numbers) > 1:
        return None
    number_at = holes.index(numbers[0]) if numbers else None
    return Pattern(fixed, holes.index(text.span(1)), number_at, repeated.tell)


@lru_cache(maxsize=32)
def _field(name: str) -> re.Pattern[bytes]:
    return re.compile(rb'"' + name.encode() + rb'":\s*' + _LITERAL)


Read = Callable[[sse.ServerSentEvent], Repeated | None]
"""Takes an event, and says how it may be repeated, if it may."""


class SteadyStream:
    """A stream's bytes to events.

    Who reads them is told with each call and not kept: that is who keeps this, and a cycle of the two would hold a
    whole history until the garbage collector comes.
    """

    def __init__(self) -> None:
        self._decoder = sse.Decoder()
        self._pattern: Pattern | None = None
        self._patience = _PATIENCE
        self._rest = b""

    @property
    def learns(self) -> bool:
        """Whether it is worth while to say how an event may be repeated: not if so far none was."""
        return self._patience > 0

    def feed(self, chunk: bytes, read: Read) -> None:
        """Read the events that ``chunk`` completed."""
        data = self._rest + chunk if self._rest else chunk
        self._rest = b""
        if b"\r" in data or not self._decoder.is_between_events:
            self._read_events(self._decoder.feed(data), read)
            return
        at = 0
        while True:
            if self._pattern is not None:
                at = self._read_repetitions(self._pattern, data, at, read)
            end = data.find(b"\n\n", at)
            if end < 0:
                break
            event = self._decoder.read(data[at:end])
            if event is not None:
                self._read_event(event, read)
            at = end + 2
        rest = data[at:]
        if len(rest) > _LONGEST_REST:
            self._read_events(self._decoder.feed(rest), read)
        else:
            self._rest = rest

    def flush(self, read: Read) -> None:
        """At the end of the stream: read the event whose blank line never came, if its data did."""
        rest, self._rest = self._rest, b""
        self._read_events(self._decoder.feed(rest), read)
        self._read_events(self._decoder.flush(), read)
        self._pattern = None

    def _read_repetitions(self, pattern: Pattern, data: bytes, at: int, read: Read) -> int:
        """Where the events end that were read."""
        literals, end = pattern.take(data, at)
        if not literals:
            return at
        try:
            texts = _texts(b'["%b"]' % b'",\n"'.join(literals))
        except ValueError:
            texts = []
        if len(texts) == len(literals):
            self._patience = _PATIENCE
            pattern.tell(texts)
        else:
            for frame in data[at : end - 2].split(b"\n\n"):
                event = self._decoder.read(frame)
                if event is not None:
                    read(event)
        return end

    def _read_events(self, events: list[sse.ServerSentEvent], read: Read) -> None:
        for event in events:
            self._read_event(event, read)

    def _read_event(self, event: sse.ServerSentEvent, read: Read) -> None:
        self._pattern = None
        repeated = read(event)
        if repeated is not None and self._patience:
            self._patience -= 1
            self._pattern = pattern_of(event, repeated)
