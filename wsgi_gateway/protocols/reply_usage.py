"""What a full reply says of its usage, by its API; and the ear on a stream of which the usage must be known.

Sans-IO. What usage is charged to whom is the access package's matter.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.chat_completions import usage as chat_usage
from wsgi_gateway.protocols.chat_completions import wire as chat_wire
from wsgi_gateway.protocols.chat_completions.tap import StreamTap as ChatTap
from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.events import Usage
from wsgi_gateway.protocols.messages import reply_wire as messages_wire
from wsgi_gateway.protocols.messages import usage as messages_usage
from wsgi_gateway.protocols.messages.tap import StreamTap as MessagesTap
from wsgi_gateway.protocols.responses import usage as responses_usage
from wsgi_gateway.protocols.responses import wire as responses_wire
from wsgi_gateway.protocols.responses.tap import StreamTap as ResponsesTap
from wsgi_gateway.protocols.tap import Tap

_READERS: Mapping[str, tuple[type, Callable[[Any], Usage]]] = {
    "chat_completions": (chat_wire.Usage, chat_usage.read_usage),
    "messages": (messages_wire.Usage, messages_usage.read_usage),
    "responses": (responses_wire.Usage, responses_usage.read_usage),
}
_decode_body = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_chunk = msgspec.json.Decoder(chat_wire.Completion, strict=False).decode


def usage_of(api: str, full: Json) -> Usage | None:
    """The usage of a full reply of ``api``; None if it tells none."""
    kind, read = _READERS[api]
    given = full.get("usage")
    if not given:
        return None
    try:
        return read(msgspec.convert(given, kind, strict=False))
    except msgspec.ValidationError:
        return None


def lacks_usage(api: str, body: Json) -> bool:
    """Whether the stream that a request of ``api`` asks for tells no usage: Chat Completions tells it who asks."""
    if api != "chat_completions":
        return False
    options = body.get("stream_options")
    return not (isinstance(options, dict) and options.get("include_usage"))


def asking_for_usage(body: bytes, options: Any) -> bytes:
    """A Chat Completions request that asks for usage too; all else stays. ``options`` are its stream_options."""
    given = options if isinstance(options, dict) else {}
    wanted = msgspec.Raw(encode({**given, "include_usage": True}))
    return encode({**_decode_body(body), "stream_options": wanted})


class _Counted(Tap):
    """Beside what a tap hears it counts events, most of which tell one token."""

    events = 0

    def _passed(self, whole: bytes) -> bytes:
        self.events += whole.count(b"\n\n")
        return super()._passed(whole)


class CountedChat(_Counted, ChatTap):
    """The ear on a Chat Completions stream."""


class CountedMessages(_Counted, MessagesTap):
    """The ear on a Messages stream."""


class CountedResponses(_Counted, ResponsesTap):
    """The ear on a Responses stream."""


class UsageHidden(CountedChat):
    """Keeps the chunk with the usage from a client that did not ask for it: it has no choices, which surprises some."""

    def _passed(self, whole: bytes) -> bytes:
        passed = super()._passed(whole)
        if b'"usage"' not in passed:
            return passed
        events = sse.Decoder().feed(passed)
        kept = [event for event in events if not _tells_only_usage(event.data)]
        if len(kept) == len(events):
            return passed
        return b"".join(sse.encode(event.data.replace(b"\n", b" ")) for event in kept)


def _tells_only_usage(data: bytes) -> bool:
    try:
        chunk = _decode_chunk(data)
    except (ValueError, RecursionError):
        return False
    return chunk.usage is not None and not chunk.choices and not chunk.error


def counted_tap(api: str, *, hides_usage: bool) -> CountedChat | CountedMessages | CountedResponses:
    """The ear on a stream of ``api`` of which the usage must be known."""
    match api:
        case "chat_completions":
            return UsageHidden() if hides_usage else CountedChat()
        case "messages":
            return CountedMessages()
        case _:
            return CountedResponses()
