"""A Responses reply on its way to the client, kept before its end is told; and what the client hears if it cannot be.

What is kept, and how, is ``state``'s job. Replies that pass through are changed where the gateway knows more than
the upstream, and nowhere else.
"""

from collections.abc import Callable
from contextlib import suppress

import msgspec
from msgspec import Raw, Struct

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import decode_object, encode
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.responses.state_echo import echoed
from wsgi_gateway.protocols.table import Protocol
from wsgi_gateway.protocols.tap import Tap
from wsgi_gateway.state import Told, Turn, passed, told


class _Event(Struct):
    response: Raw


_decode_event = msgspec.json.Decoder(_Event).decode


class Keeping:
    """Of one reply. ``turn`` is None for clients without state; ``tells`` is whether the client is told of losses."""

    def __init__(self, turn: Turn | None, client: Protocol, loss: Loss, *, tells: bool) -> None:
        self._turn = turn
        self._client = client
        self.loss = loss
        self._tells = tells

    def keep(self, response: Json) -> bool:
        """Whether the response is kept as far as the client wants. Raises ApiError if the client insists on that."""
        turn = self._turn
        return turn is None or not turn.is_kept or self._keep(turn, told(response))

    def _keep(self, turn: Turn, response: Told) -> bool:
        """Most clients never come back to what they did not ask to be stored: an answer is worth more."""
        try:
            turn.keep(response)
        except ApiError:
            if turn.insists:
                raise
            self.loss.dropped("store", "the response was not stored: state storage is unavailable")
            return False
        return True

    def keep_stream(self, response: Json, data: bytes) -> bytes:
        """``data``, the bytes that announce a finished response; or what is told instead if it cannot be kept."""
        turn = self._turn
        if turn is None or not turn.is_kept:
            return data
        return self._keep_before(data, turn, told(response), {"store": False})

    def _keep_before(self, data: bytes, turn: Turn, response: Told, unkept: Json) -> bytes:
        """As ``keep_stream``. A response that is not kept, and need not be, is told with the fields ``unkept``."""
        try:
            kept = self._keep(turn, response)
        except ApiError as error:
            tap = self._client.tap()
            tap.feed(data)
            return tap.failure(error)
        if kept:
            return data
        data = echoed(data, unkept) if unkept else data
        if not self._tells:
            return data
        return sse.comment(f"x-gateway-warning: {self.loss.news()}") + data

    def passed(self, content: bytes) -> bytes:
        """A full reply that passes, a JSON object."""
        turn = self._turn
        if turn is None:
            return content
        if turn.echo:
            content = encode({**decode_object(content), **turn.echo})
        response = passed(Raw(content)) if turn.is_kept else None
        if response is not None:
            self._keep(turn, response)
        return content

    def passed_stream(self, tap: Tap) -> Callable[[bytes], bytes] | None:
        """What a stream's pieces become on their way to the client, ``tap`` having heard each; None if they stay."""
        turn = self._turn
        if turn is None or not (turn.is_kept or turn.echo):
            return None
        begins = turn.is_background

        def change(data: bytes) -> bytes:
            nonlocal begins
            if turn.echo:
                data = echoed(data, turn.echo)
            if begins:
                begins = False
                _begin(turn, data)
            if not tap.completed:
                return data
            response = _response_in(tap.completed, turn.echo)
            tap.completed = b""
            return data if response is None else self._keep_before(data, turn, response, {})

        return change


def _begin(turn: Turn, data: bytes) -> None:
    """Keep who makes the response of which ``data`` tell the beginning: its client may leave, and ask later."""
    for event in sse.Decoder().feed(data)[:1]:
        response = _response_in(event.data, turn.echo)
        if response is not None:
            with suppress(ApiError):
                turn.begin(response)


def _response_in(event: bytes, echo: Json) -> Told | None:
    """The response in an event's data, with what the upstream cannot repeat."""
    try:
        json = _decode_event(event).response
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return passed(Raw(encode({**decode_object(json), **echo})) if echo else json)
