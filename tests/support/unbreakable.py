"""What must hold for any bytes whatever: nothing is raised but ApiError.

Here: each entrance of bytes into the protocols, with all that follows it on the way through the gateway. The property
tests and the fuzz targets call the same functions. Not here: where the bytes come from.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from support.dice import Dice
from support.events import translation
from support.long_way import Read, read_request, read_the_long_way
from support.pairs import APIS
from support.streams import Api, Json

from wsgi_gateway.protocols import seal, sse
from wsgi_gateway.protocols.capabilities import capabilities_of
from wsgi_gateway.protocols.conversation import Conversation
from wsgi_gateway.protocols.decoding import encode, parse_arguments, read_body
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import Event
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.reply import Folder, ReplyPart, fold
from wsgi_gateway.protocols.table import PROTOCOLS
from wsgi_gateway.protocols.translation import Translation

_MODELS = (
    ("openai", "gpt-5.1"),
    ("openai", "gpt-4o"),
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-opus-4-8"),
    ("deepseek", "deepseek-chat"),
    ("ollama", "llama3.2"),
)


def take_request(api: Api, body: bytes, dice: Dice) -> None:
    """A client's body, on its way to upstreams of all APIs: the same whether it is read at once or as a long one."""
    try:
        given = read_body(body)
    except ApiError:
        return
    seal.without_sealed(given)
    for upstream_api in APIS:
        kind, model = dice.pick(_MODELS)
        short, long = (
            _asked_upstream(read, api, given, upstream_api, kind, model)
            for read in (read_request, read_the_long_way)
        )
        assert long == short


def _asked_upstream(
    read: Read, api: Api, given: Json, upstream_api: Api, kind: str, model: str
) -> tuple[object, ...]:
    """What an upstream is sent, or why nothing, and what the client is warned of."""
    loss = Loss(api)
    capabilities = capabilities_of(kind, model)
    asked = Translation(model=model, origin=kind, capabilities=capabilities, loss=loss)
    try:
        written = PROTOCOLS[upstream_api].write_request(read(api, given, loss), asked)
    except ApiError as error:
        return error.kind, error.message, error.param, loss.header()
    return read_body(encode(written)), loss.header()


def take_stream(api: Api, chunks: Iterable[bytes]) -> dict[Api, bytes]:
    """An upstream's stream, on its way to clients of all APIs; what those get whose stream must be legal."""
    reader = PROTOCOLS[api].stream_reader(translation())
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    events += reader.finish()
    streams = {
        client_api: PROTOCOLS[client_api].stream_writer(_asked(client_api), _loss()).write(events)
        for client_api in APIS
    }
    calls = _calls(events)
    if any(call.custom for call in calls):
        del streams["chat_completions"]  # has no streamed form of them
    if any(not call.custom and parse_arguments(call.text) is None for call in calls):
        del streams["messages"]  # wants objects, but a model may write anything
    return streams


def _calls(events: list[Event]) -> list[ReplyPart]:
    folder = Folder()
    with suppress(ApiError):
        for event in events:
            folder.add(event)
    return [part for part in folder.reply.parts if part.kind == "tool_call"]


def take_passing_stream(api: Api, chunks: Iterable[bytes]) -> None:
    """The same stream, as it passes to a client of the same API."""
    tap = PROTOCOLS[api].tap()
    for chunk in chunks:
        tap.feed(chunk)
    tap.finish()
    if not tap.ended:
        tap.failure(ApiError("server", "broke off"))


def take_reply(api: Api, body: bytes) -> None:
    """An upstream's full reply, on its way to clients of all APIs."""
    with suppress(ApiError):
        events = PROTOCOLS[api].read_reply(read_body(body), translation())
        reply = fold(events)
        for client_api in APIS:
            encode(PROTOCOLS[client_api].write_reply(reply, _asked(client_api), _loss()))


def take_error(status: int, body: bytes) -> None:
    """An upstream's error, of any API, for any client."""
    for api in APIS:
        error = PROTOCOLS[api].read_error(status, body)
        for client_api in APIS:
            encode(PROTOCOLS[client_api].error_body(error))


def take_bytes(data: bytes) -> None:
    """The decoders that stand alone."""
    decoder = sse.Decoder()
    decoder.feed(data)
    decoder.flush()
    text = data.decode("utf-8", "replace")
    seal.unseal(text)
    seal.unseal(seal.PREFIX + text)


def _asked(api: Api, body: Json | None = None) -> Conversation:
    return Conversation(api=api, model="asked", body=body or {})


def _loss() -> Loss:
    return Loss("chat_completions")
