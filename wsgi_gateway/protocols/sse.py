"""Server-sent events: bytes to events, incrementally, and events to bytes.

Theory of operation. A stream may be cut anywhere: inside a UTF-8 character, between CR and LF, in the middle of a
field name. So everything is done on bytes, by whole lines, and only complete events leave. Line ends are LF, CRLF or
a lone CR, nothing else: U+2028 and U+0085 are data. A CR that ends a read may be half of a CRLF; it ends its line at
once, and an LF that follows it is skipped.

The form is that of the HTML standard, section "Server-sent events", 9.2.6, with two liberties that real
upstreams need: an event that the end of the stream cuts off before its blank line is handed over by ``flush``,
and an event without data is not handed over at all.
"""

from msgspec import Struct

_BOM = b"\xef\xbb\xbf"


class ServerSentEvent(Struct, frozen=True):
    """``event`` is "" where the stream named none; ``data`` has its lines joined by LF and is never empty."""

    event: str
    data: bytes


class Decoder:
    """Feed it what arrived, get the events that are complete. Who feeds it bounds how long an event may be."""

    def __init__(self) -> None:
        self._tail: list[bytes] = []
        self._skip_lf = False
        self._at_start = True
        self._event = b""
        self._data: list[bytes] = []

    @property
    def is_between_events(self) -> bool:
        """Whether nothing is kept of an event that is not complete."""
        return not (self._tail or self._data or self._event or self._skip_lf)

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """The events that ``chunk`` completed, in order."""
        if not chunk:
            return []
        if self._at_start:
            chunk = self._strip_bom(chunk)
        if self._skip_lf:
            self._skip_lf = False
            if chunk[:1] == b"\n":
                chunk = chunk[1:]
        if b"\r" in chunk:
            self._skip_lf = chunk[-1:] == b"\r"
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        end = chunk.rfind(b"\n")
        if end < 0:
            self._tail.append(chunk)
            return []
        lines = chunk[:end].split(b"\n")
        if self._tail:
            self._tail.append(lines[0])
            lines[0] = b"".join(self._tail)
        self._tail = [chunk[end + 1 :]] if end + 1 < len(chunk) else []
        return self._read(lines)

    def read(self, frame: bytes) -> ServerSentEvent | None:
        """The event of ``frame``, if it has one: whole lines without a CR, and without the blank line that ends them.

        As ``feed``, if it is between events.
        """
        name, line = "", frame
        if frame.startswith(b"event: "):
            first, _, line = frame.partition(b"\n")
            name = first[7:].decode("utf-8", "replace")
        if not line.startswith(b"data: ") or b"\n" in line or len(line) == 6:
            return next(iter(self.feed(frame + b"\n\n")), None)
        self._at_start = False
        return ServerSentEvent(name, line[6:])

    def flush(self) -> list[ServerSentEvent]:
        """At the end of the stream: the event whose blank line never came, if its data did."""
        last = b"".join(self._tail)
        self._tail = []
        return self._read([last, b""])

    def _strip_bom(self, chunk: bytes) -> bytes:
        chunk = b"".join([*self._tail, chunk])
        self._tail = []
        if len(chunk) < len(_BOM) and _BOM.startswith(chunk):
            self._tail = [chunk]
            return b""
        self._at_start = False
        return chunk.removeprefix(_BOM)

    def _read(self, lines: list[bytes]) -> list[ServerSentEvent]:
        events = []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[6:] if line[5:6] == b" " else line[5:])
            elif not line:
                data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                if data:
                    events.append(ServerSentEvent(self._event.decode("utf-8", "replace"), data))
                self._event, self._data = b"", []
            elif line.startswith(b"event:"):
                self._event = line[7:] if line[6:7] == b" " else line[6:]
        return events


def comment(text: str) -> bytes:
    """A comment as bytes, which clients pass over. ``text`` must be one line."""
    return b": %b\n\n" % text.encode()


def encode(data: bytes, event: str = "") -> bytes:
    """One event as bytes. ``data`` must be one line, as compact JSON is."""
    if event:
        return b"event: %b\ndata: %b\n\n" % (event.encode(), data)
    return b"data: %b\n\n" % data
