"""The streaming half of an exchange: from the upstream's socket to the client's, piece by piece.

Both ways of relaying read ahead to the first good piece before they return (the commit): until then an upstream's
failure still becomes an HTTP status. After it, only the dialect's in-stream error is left. Whatever way a stream
ends, the upstream's connection is released.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, NamedTuple

from wsgi_gateway.client_watch import ClientGone
from wsgi_gateway.config import Provider
from wsgi_gateway.exchange.keepalive import Keepalive
from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import Event, Failed
from wsgi_gateway.protocols.table import Protocol, StreamReader, StreamWriter
from wsgi_gateway.protocols.tap import Tap
from wsgi_gateway.telemetry.record import Ending
from wsgi_gateway.upstream import UpstreamReply, redacted, without_key

_LONGEST_SILENCE = 64 * 1024
_STREAMED_TO_PLAIN = 4
"""How much larger a translated stream may be than a plain reply: what it says is kept until its end, and it takes some
hundred bytes to say a few."""


class Stream:
    """A client's stream and the upstream it hangs on. ``close`` works at any time, also before the first byte.

    ``pieces`` are whole events or b"". Where these tell the client nothing for long, ``keepalive`` does.
    ``is_over`` tells whether what came last is the end of the stream, before the stream itself ends.
    """

    def __init__(
        self,
        pieces: Generator[bytes],
        is_over: Callable[[], bool],
        reply: UpstreamReply,
        keepalive: Keepalive,
    ) -> None:
        self._pieces = pieces
        self.is_over = is_over
        self._reply = reply
        self._keepalive = keepalive
        self._ending: Ending = "client_gone"
        self.on_close: Callable[[bool], None] | None = None
        """Called once, in the end, with whether the upstream broke off."""

    def __iter__(self) -> Iterator[bytes]:
        reply, keepalive = self._reply, self._keepalive.seconds
        due = 0.0
        try:
            for data in self._pieces:
                if data:
                    yield data
                elif reply.patience is None:
                    continue
                elif (left := due - monotonic()) > 0:
                    reply.patience = left
                    continue
                else:
                    yield self._keepalive.sign
                reply.patience = keepalive
                if keepalive is not None:
                    due = monotonic() + keepalive
        except ClientGone:
            return
        except Exception:
            self._ending = "broke"
            raise
        self._ending = "finished"

    @property
    def ending(self) -> Ending:
        """How it ended, once it has; whoever closes it before its end is a client that left."""
        return self._ending if self._reply.broke is None else "broke"

    @property
    def error(self) -> str | None:
        """The kind of error that the client was told at its end."""
        return "server" if self._ending == "broke" else self._reply.broke

    def close(self) -> None:
        self._pieces.close()
        self._reply.close()
        self._reply.client.close()
        told, self.on_close = self.on_close, None
        if told is not None:
            told(self._reply.broke is not None)


@contextmanager
def closing_on_error(reply: UpstreamReply) -> Iterator[None]:
    """Release the upstream if what follows fails; a stream that was handed out closes it itself."""
    try:
        yield
    except BaseException:
        reply.close()
        raise


def read_events(
    reply: UpstreamReply, reader: StreamReader, provider: Provider
) -> Iterator[list[Event]]:
    """The upstream's stream as events, each list as soon as its bytes are there."""
    total, most = 0, reply.largest * _STREAMED_TO_PLAIN
    unread = 0
    try:
        for chunk in reply.chunks():
            total += len(chunk)
            if total > most:
                raise ApiError(
                    "upstream_invalid", f"the upstream's stream is larger than {most} bytes"
                )
            events = reader.feed(chunk)
            unread = 0 if events else reply.bounded(unread + len(chunk))
            if reader.ended and isinstance(events[-1], Failed):
                redacted(events[-1].error, provider)
            if not events:
                reply.give_way()
            yield events
            if reader.ended:
                reply.drain()
                return
    except ApiError as error:
        # A reply that was whole before the connection broke stays whole; any other failed of this error.
        yield [Failed(error) if isinstance(event, Failed) else event for event in reader.finish()]
        return
    yield reader.finish()


class Source(NamedTuple):
    """Lists of events, and whether the one that came last is the last."""

    pieces: Iterator[list[Event]]
    is_over: Callable[[], bool]


def written(
    reply: UpstreamReply,
    source: Source,
    writer: StreamWriter,
    on_complete: Callable[[dict[str, Any], bytes], bytes],
    keepalive: Keepalive,
) -> Stream:
    """Events as the client's stream. Raises ApiError if the upstream failed before anything good came.

    ``on_complete`` gets a finished Responses object and the bytes that announce it, before they leave; what it
    returns leaves.
    """
    pieces = source.pieces
    first: list[Event] = next((events for events in pieces if events), [])
    if first and isinstance(first[0], Failed):
        raise first[0].error
    reply.begin()

    def stream() -> Generator[bytes]:
        last: list[Event] = first
        events: list[Event] | None = first
        while events is not None:
            last = events
            data = writer.write(events)
            response = writer.response
            yield data if response is None else on_complete(response, data)
            events = next(pieces, None)
        if last and isinstance(last[-1], Failed):
            reply.broke = last[-1].error.kind
        reply.close()

    return Stream(stream(), source.is_over, reply, keepalive)


def passed(
    reply: UpstreamReply,
    tap: Tap,
    client: Protocol,
    provider: Provider,
    change: Callable[[bytes], bytes] | None,
    keepalive: Keepalive,
) -> Stream:
    """The upstream's bytes as they are, but for what ``change`` makes of each piece, once the tap has heard it.

    Raises ApiError if the upstream failed before anything good came.
    """
    chunks = reply.chunks()
    first, event = _first_event(chunks, tap, reply)
    if event is None:
        raise ApiError("upstream_invalid", "the upstream's stream ended before it began")
    if not tap.is_whole(event.data):
        raise ApiError("upstream_invalid", "the upstream's stream begins with no event of its API")
    if tap.failed and _is_failure(event, client):
        raise redacted(client.read_error(500, event.data), provider)
    reply.begin()

    def told(data: bytes) -> bytes:
        if change is not None:
            data = change(data)
        return without_key(data, provider) if tap.failed else data

    def stream() -> Generator[bytes]:
        error = ApiError("upstream_invalid", "the upstream's reply broke off before its end")
        held = 0
        yield told(first)
        try:
            while not tap.final and (chunk := next(chunks, None)) is not None:
                data = tap.feed(chunk) if chunk else b""
                held = 0 if data else reply.bounded(held + len(chunk))
                yield told(data)
        except ApiError as broken:
            error = broken
        if tap.final:
            reply.drain()
        elif rest := tap.finish():
            yield told(rest)
        if tap.failed:
            reply.broke = "server"
        if not tap.ended:
            reply.broke = error.kind
            yield tap.failure(error)
        reply.close()

    return Stream(stream(), lambda: tap.final, reply, keepalive)


def _is_failure(event: sse.ServerSentEvent, client: Protocol) -> bool:
    """Of the event alone: a tap may have heard more."""
    probe = client.tap()
    probe.look(event)
    return probe.failed


def _first_event(
    chunks: Iterator[bytes], tap: Tap, reply: UpstreamReply
) -> tuple[bytes, sse.ServerSentEvent | None]:
    """All up to the first event, comments before it included, and that event; None if none came.

    Some hosts send comments while they work, before they may yet fail. Of many of them nobody misses any.
    """
    held, unfinished = b"", 0
    for chunk in chunks:
        data = tap.feed(chunk)
        unfinished = 0 if data else reply.bounded(unfinished + len(chunk))
        held += data
        if data and (event := _first_in(data)) is not None:
            return held, event
        if len(held) > _LONGEST_SILENCE:
            held = b""
        reply.give_way()
    rest = tap.finish()
    return held + rest, _first_in(rest) if rest else None


def _first_in(events: bytes) -> sse.ServerSentEvent | None:
    """The first of whole events; None if there are comments only."""
    end = events.find(b"\n\n") + 2
    found = sse.Decoder().feed(events[:end]) or sse.Decoder().feed(events)
    return found[0] if found else None
