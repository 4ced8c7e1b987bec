"""An exchange whose usage somebody has to know: it is asked for where nobody asked, and heard wherever it is told.

Here: what a metered exchange does beyond another; each function does nothing for one that is not. Not here: what
follows from usage (access/permit.py), and how it is written on the wire (protocols/reply_usage.py).
"""

from collections.abc import Iterable, Iterator

from wsgi_gateway.access import Permit
from wsgi_gateway.exchange.call import Answer, Call
from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.events import Event
from wsgi_gateway.protocols.reply_usage import (
    asking_for_usage,
    counted_tap,
    lacks_usage,
    usage_of,
)
from wsgi_gateway.protocols.table import StreamReader
from wsgi_gateway.protocols.tap import Tap
from wsgi_gateway.telemetry.in_flight import CountedBody

_FAILED = 500


def _meter(call: Call) -> Permit | None:
    return call.permit if call.permit is not None and call.permit.counts_usage else None


def _hides_usage(call: Call) -> bool:
    return call.streams and lacks_usage(call.client.name, call.fields)


def request_body(call: Call, body: bytes) -> bytes:
    """The ``body`` of a request that passes through, so that its reply tells usage."""
    if _meter(call) is None or not _hides_usage(call):
        return body
    return asking_for_usage(body, call.fields.get("stream_options"))


def begin(call: Call, request_size: int) -> None:
    """The upstream has accepted a request of so many bytes."""
    if meter := _meter(call):
        meter.begin(call.provider.kind, call.model, request_size)
    if call.recording is not None:
        call.recording.begins_reply()


def end_one(call: Call) -> None:
    """The reply is whole, and was not the last of its request."""
    if meter := _meter(call):
        meter.end_one()
    if call.recording is not None:
        call.recording.ends_one()


def tap_of(call: Call) -> Tap:
    """The ear on a stream that passes through."""
    meter = _meter(call)
    if meter is None:
        tap = call.client.tap()
    else:
        tap = counted = counted_tap(call.client.name, hides_usage=_hides_usage(call))
        meter.told_by(counted)
    if call.recording is not None:
        call.recording.told_by(tap)
    return tap


def hear_full(call: Call, full: Json, size: int) -> None:
    """A full reply of the upstream's that passes through."""
    meter, recording = _meter(call), call.recording
    if meter is None and recording is None:
        return
    usage = usage_of(call.upstream.name, full)
    if meter is not None:
        meter.take_full(usage, size)
    if recording is not None:
        recording.told(usage, full.get("model"))


def hear_events(call: Call, events: list[Event]) -> None:
    """A full reply that is translated."""
    if meter := _meter(call):
        meter.take(events)
    if call.recording is not None:
        call.recording.told_in(events)


def hear_stream(
    call: Call, reader: StreamReader, pieces: Iterator[list[Event]]
) -> Iterator[list[Event]]:
    """A translated stream, untouched, which comes from ``reader``."""
    if call.recording is not None:
        call.recording.told_by(reader.builder)
    meter = _meter(call)
    return pieces if meter is None else meter.take_all(pieces)


def accompanied(answer: Answer, permit: Permit) -> Answer:
    """What a client gets that was let in: its limits are told, and with its end the request is over."""
    answer.headers |= permit.headers
    if permit.is_handed_over:
        return answer
    if answer.status >= _FAILED:
        permit.forgive()
    if isinstance(answer.body, bytes):
        permit.close()
    else:
        answer.body = _Accompanied(answer.body, permit)
    return answer


class _Accompanied(CountedBody):
    """A stream whose client may send its next request once the last bytes leave, though the upstream goes on."""

    def __init__(self, body: Iterable[bytes], permit: Permit) -> None:
        super().__init__(body, permit.close)
        self._permit = permit

    def __iter__(self) -> Iterator[bytes]:
        is_over = self.is_over
        for data in self._body:
            if is_over():
                self._permit.leave()
            yield data
