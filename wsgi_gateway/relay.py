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
from wsgi_gateway.keepalive import COMMENT
from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import Event, Failed
from wsgi_gateway.protocols.messages.model_echo import rename_stream
from wsgi_gateway.protocols.table import Protocol, StreamReader, StreamWriter
from wsgi_gateway.protocols.tap import Tap
from wsgi_gateway.upstream import UpstreamReply, redacted, without_key


class Stream:
    """A client's stream and the upstream it hangs on. ``close`` works at any time, also before the first byte.

    ``pieces`` are whole events or b"". Where these tell the client nothing for ``keepalive`` seconds, a comment does.
    ``is_over`` tells whether what came last is the end of the stream, before the stream itself ends.
    """

    def __init__(
        self,
        pieces: Generator[bytes],
        is_over: Callable[[], bool],
        reply: UpstreamReply,
        keepalive: float | None,
    ) -> None:
        self._pieces = pieces
        self.is_over = is_over
        self._reply = reply
        self._keepalive = keepalive

    def __iter__(self) -> Iterator[bytes]:
        reply, keepalive = self._reply, self._keepalive
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
                    yield COMMENT
                reply.patience = keepalive
                if keepalive is not None:
                    due = monotonic() + keepalive
        except ClientGone:
            return

    def close(self) -> None:
        self._pieces.close()
        self._reply.close()


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
    try:
        for chunk in reply.chunks():
            events = reader.feed(chunk)
            if reader.ended and isinstance(events[-1], Failed):
                redacted(events[-1].error, provider)
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
    keepalive: float | None,
) -> Stream:
    """Events as the client's stream. Raises ApiError if the upstream failed before anything good came.

    ``on_complete`` gets a finished Responses object and the bytes that announce it, before they leave; what it
    returns leaves.
    """
    pieces = source.pieces
    first: list[Event] = next((events for events in pieces if events), [])
    if first and isinstance(first[0], Failed):
        raise first[0].error

    def stream() -> Generator[bytes]:
        events: list[Event] | None = first
        while events is not None:
            data = writer.write(events)
            response = writer.response
            yield data if response is None else on_complete(response, data)
            events = next(pieces, None)
        reply.close()

    return Stream(stream(), source.is_over, reply, keepalive)


def passed(
    reply: UpstreamReply,
    tap: Tap,
    client: Protocol,
    provider: Provider,
    alias: str | None,
    keepalive: float | None,
) -> Stream:
    """The upstream's bytes as they are, but for an ``alias`` that a Messages client asked for.

    Raises ApiError if the upstream failed before anything good came.
    """
    chunks = reply.chunks()
    first = next((data for data in map(tap.feed, chunks) if data), b"") or tap.finish()
    if not first:
        raise ApiError("upstream_invalid", "the upstream's stream ended before it began")
    if tap.failed:
        events = sse.Decoder().feed(first)
        if len(events) == 1:
            raise redacted(client.read_error(500, events[0].data), provider)

    def told(data: bytes) -> bytes:
        return without_key(data, provider) if tap.failed else data

    def stream() -> Generator[bytes]:
        error = ApiError("upstream_invalid", "the upstream's reply broke off before its end")
        yield told(rename_stream(first, alias) if alias else first)
        try:
            while not tap.final and (chunk := next(chunks, None)) is not None:
                data = tap.feed(chunk) if chunk else b""
                yield told(data)
        except ApiError as broken:
            error = broken
        if tap.final:
            reply.drain()
        elif rest := tap.finish():
            yield told(rest)
        if not tap.ended:
            yield tap.failure(error)
        reply.close()

    return Stream(stream(), lambda: tap.final, reply, keepalive)
