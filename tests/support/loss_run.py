"""What the gateway makes of the cases of the loss matrix, by its own readers and writers.

Here: running a cell, without any I/O. Not here: the cases (loss_cases.py), how a reply becomes a stream
(reply_streams.py).
"""

from __future__ import annotations

import json
from functools import cache

from support.long_way import Read, read_request, read_the_long_way
from support.loss_cases import BASE, Cell, Direction, Outcome
from support.pairs import APIS
from support.places import changed, differences, without_nulls
from support.reply_streams import full_reply, told_stream
from support.streams import Api, Json

from wsgi_gateway.protocols.capabilities import Capabilities, capabilities_of
from wsgi_gateway.protocols.conversation import Conversation
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import Event, Failed
from wsgi_gateway.protocols.loss import Entry, Loss
from wsgi_gateway.protocols.reply import fold
from wsgi_gateway.protocols.table import PROTOCOLS
from wsgi_gateway.protocols.translation import Translation

ALL = Capabilities(
    openai_fields=True,
    thinking="adaptive",
    system_messages=True,
    strict_tools=True,
    structured_output=True,
    custom_tools=True,
    web_search=APIS,
    cache_breakpoints=True,
)
"""The model of cells that name none: it takes whatever its API has."""


@cache
def actual(cell: Cell) -> Outcome:
    """What the gateway makes of it."""
    return _of_request(cell) if cell.direction == "requests" else _of_reply(cell)


def expected(cell: Cell) -> Outcome:
    """What should have come of it, in the form of ``actual``."""
    want = cell.expected
    if want.verdict == "refused":
        return want
    return Outcome(
        want.verdict, want.paths, _beyond_plain(cell, changed(_plain(cell), want.gets, cell.other))
    )


# --- requests


def _of_request(cell: Cell) -> Outcome:
    """The same whether the request is read at once or as a long one."""
    short, long = (_of_read(cell, read) for read in (read_request, read_the_long_way))
    assert long == short
    return short


def _of_read(cell: Cell, read: Read) -> Outcome:
    loss = Loss(cell.api)
    try:
        body = _asked(cell, loss, read)
    except ApiError as error:
        assert error.kind == "invalid_request", error.message
        return Outcome("refused", (error.param or "",), {}, (error.message,))
    return _with(loss.entries, _beyond_plain(cell, body))


def _asked(cell: Cell, loss: Loss, read: Read) -> Json:
    given = changed(BASE["requests"][cell.api], cell.given.get("request") or {}, cell.api)
    conversation = read(cell.api, given, loss)
    return _json(PROTOCOLS[cell.other].write_request(conversation, _translation(cell, loss)))


def _translation(cell: Cell, loss: Loss) -> Translation:
    kind, _, model = (cell.model or "").partition("/")
    return Translation(
        model="upstream-model",
        origin="upstream",
        capabilities=capabilities_of(kind, model) if cell.model else ALL,
        loss=loss,
    )


def _with(entries: list[Entry], gets: Json) -> Outcome:
    """The worst verdict, and all paths that it befell."""
    worst = next(
        (
            verdict
            for verdict in ("approximated", "dropped")
            if any(entry.verdict == verdict for entry in entries)
        ),
        "exact",
    )
    told = [entry for entry in entries if entry.verdict == worst]
    return Outcome(
        worst,
        tuple(dict.fromkeys(entry.path for entry in told)),
        gets,
        tuple(dict.fromkeys(entry.note for entry in told)),
    )


# --- replies


def _of_reply(cell: Cell) -> Outcome:
    """Plain and streamed, which must tell the same."""
    outcomes = []
    for streamed in (False, True):
        if cell.given.get("form", "both") == ("plain" if streamed else "streamed"):
            continue
        loss = Loss(cell.other)
        body = _told(cell, loss, streamed=streamed)
        outcomes.append(_with(loss.entries, _beyond_plain(cell, body)))
    first, *rest = outcomes
    for other in rest:
        assert other == first, f"plain: {first}\nstreamed: {other}"
    return first


def _told(cell: Cell, loss: Loss, *, streamed: bool) -> Json:
    """The reply that the client gets; ``failed`` is an error, with its status."""
    client = PROTOCOLS[cell.other]
    asked = client.read_request(
        {**BASE["requests"][cell.other], **(cell.given.get("asked") or {}).get(cell.other, {})},
        Loss(cell.other),
    )
    translation = _translation(cell, loss)
    try:
        events = _events(cell, translation, streamed=streamed)
        failed = [event.error for event in events if isinstance(event, Failed)]
        if failed:
            raise failed[0]
    except ApiError as error:
        status, body = client.error_body(error)
        return {"failed": {"status": status, **body["error"]}}
    if streamed:
        writer = client.stream_writer(_streaming(asked), loss)
        return full_reply(cell.other, b"".join(writer.write([event]) for event in events))
    return full_reply(cell.other, encode(client.write_reply(fold(events), asked, loss)))


def _events(cell: Cell, translation: Translation, *, streamed: bool) -> list[Event]:
    upstream = PROTOCOLS[cell.api]
    if "error" in cell.given:
        error = cell.given["error"]
        if not streamed:
            body = {"type": "error", "error": error["body"]}
            raise upstream.read_error(error["status"], encode(body))
        stream = told_stream(cell.api, {"error": error["body"]}, [])
    else:
        reply = changed(BASE["replies"][cell.api], cell.given.get("reply") or {}, cell.api)
        if not streamed:
            return upstream.read_reply(reply, translation)
        stream = told_stream(cell.api, reply, cell.given.get("events") or [])
    reader = upstream.stream_reader(translation)
    return [*reader.feed(stream), *reader.finish()]


def _streaming(asked: Conversation) -> Conversation:
    asked.stream = True
    asked.include_usage = True
    return asked


@cache
def _plain_body(direction: Direction, api: Api, other: Api, model: str | None, asked: str) -> Json:
    given = {"asked": json.loads(asked)}
    cell = Cell(direction, api, other, "", "", given, Outcome("exact"), model)
    if direction == "requests":
        return _asked(cell, Loss(api), read_request)
    return _told(cell, Loss(other), streamed=False)


def _plain(cell: Cell) -> Json:
    """What the other side gets of the plain request or reply, which every case differs from."""
    asked = json.dumps(cell.given.get("asked") or {})
    return _plain_body(cell.direction, cell.api, cell.other, cell.model, asked)


def _beyond_plain(cell: Cell, body: Json) -> Json:
    """Of a failure everything, of all else the difference."""
    if "failed" in body:
        return {f"failed.{name}": value for name, value in without_nulls(body["failed"]).items()}
    return differences(_plain(cell), body)


def _json(body: Json) -> Json:
    """As it is on the wire: raw pieces decoded."""
    decoded: Json = json.loads(encode(body))
    return without_nulls(decoded)
