"""The one place that lists the protocols, and the shape that each of them has.

To add an API: a folder with the same rooms as its neighbours, and one line at the end of this file.
"""

from collections.abc import Callable, Iterable
from typing import Protocol as Interface

from msgspec import Struct

from wsgi_gateway.protocols import chat_completions, messages, responses
from wsgi_gateway.protocols.conversation import Conversation, Json
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import Event
from wsgi_gateway.protocols.loss import FIELD_NAMES, Loss
from wsgi_gateway.protocols.reply import Reply
from wsgi_gateway.protocols.reply_builder import ReplyBuilder
from wsgi_gateway.protocols.tap import Tap
from wsgi_gateway.protocols.translation import Translation


class StreamReader(Interface):
    """An upstream's stream, read as it arrives."""

    builder: ReplyBuilder
    """Through which it speaks, and which knows what was said of the whole."""

    @property
    def ended(self) -> bool:
        """Whether the reply is over; what still arrives is of no interest."""

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that ``chunk`` completed."""

    def finish(self) -> list[Event]:
        """At the end of the upstream's body: Finished if the reply was whole, else Failed. Idempotent."""


class StreamWriter(Interface):
    """A client's stream, written as events come."""

    @property
    def response(self) -> Json | None:
        """The finished object that a store keeps; None until then, and for APIs without state."""

    def write(self, events: Iterable[Event]) -> bytes:
        """The bytes for these events; b"" if none are due yet."""


class Protocol(Struct, frozen=True, kw_only=True):
    """One wire API.

    ``read_request`` and ``write_request`` raise ApiError for what cannot be carried; ``read_reply`` takes
    a full reply's body; ``stream_full`` tells one as a stream of the same API, by what the request's body asked for;
    ``error_body`` gives the HTTP status and body of an error. Writers of replies note in the Loss what their API has no
    place for.
    """

    name: str
    history: str
    """The name of the field that has what was said so far."""
    read_request: Callable[[Json, Loss], Conversation]
    write_request: Callable[[Conversation, Translation], Json]
    read_reply: Callable[[Json, Translation], list[Event]]
    stream_reader: Callable[[Translation], StreamReader]
    stream_full: Callable[[Json, Json], bytes]
    write_reply: Callable[[Reply, Conversation, Loss], Json]
    stream_writer: Callable[[Conversation, Loss], StreamWriter]
    read_error: Callable[[int, bytes], ApiError]
    error_body: Callable[[ApiError], tuple[int, Json]]
    tap: Callable[[], Tap]


PROTOCOLS: dict[str, Protocol] = {
    module.__name__.rpartition(".")[2]: Protocol(
        name=module.__name__.rpartition(".")[2],
        history=FIELD_NAMES[module.__name__.rpartition(".")[2]]["items"],
        read_request=module.read_request,
        write_request=module.write_request,
        read_reply=module.read_reply,
        stream_reader=module.StreamReader,
        stream_full=module.stream_full,
        write_reply=module.write_reply,
        stream_writer=module.StreamWriter,
        read_error=module.read_error,
        error_body=module.error_body,
        tap=module.StreamTap,
    )
    for module in (chat_completions, messages, responses)
}
