"""Messages on a WebSocket, without a socket: any bytes in, and one end for each turn out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.responses.socket_messages import (
    NO_LANE,
    Create,
    EventMessages,
    Lane,
    error_message,
    lane_of,
    message_of,
    previous_of,
    read_create,
    read_message,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
NAMES = st.sampled_from(
    ["type", "stream", "stream_id", "background", "generate", "previous_response_id", "input"]
)


def read(data: bytes) -> Create | ApiError:
    """As the session reads it."""
    try:
        fields = read_message(data)
        previous = previous_of(fields)
        assert previous is None or isinstance(previous, str)
        lane_of(fields)
        return read_create(fields)
    except ApiError as error:
        return error


@given(st.binary() | st.text().map(str.encode) | JSON.map(json.dumps).map(str.encode))
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b'{"type":"response.create","input":"\\ud800"}')
@example(b'{"type":"response.create","type":1}')
@example(b'{"type":NaN}')
def test_garbage_is_an_error_of_the_clients(data: bytes) -> None:
    match read(data):
        case ApiError() as error:
            told = json.loads(message_of(error))
            assert told["type"] == "error"
            assert told["status"] == 400
            assert told["error"]["code"]
            assert told["error"]["message"]
        case Create(body=body):
            assert b"response.create" in data
            assert json.loads(body)["stream"] is True


@given(st.dictionaries(NAMES, JSON, max_size=5))
def test_fields_of_any_kind(fields: dict[str, Any]) -> None:
    message = json.dumps({**fields, "type": "response.create"})
    match read(message.encode()):
        case ApiError() as error:
            assert error.param is None or error.param in fields or "NaN" in message
        case Create(body=body, generate=generate):
            assert generate is (fields.get("generate") is not False)
            expected = {"input", "previous_response_id"} & fields.keys() | {"stream"}
            assert json.loads(body).keys() == expected


def test_the_body_is_the_messages_own() -> None:
    """Numbers and texts stay as the client wrote them."""
    given_text = '{"type":"response.create","input":"\\u00e4","temperature":1.0e0,"stream":true}'
    created = read(given_text.encode())
    assert isinstance(created, Create)
    assert created.body == b'{"input":"\\u00e4","temperature":1.0e0,"stream":true}'


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"stream": False}, "stream"),
        ({"stream": "yes"}, "stream"),
        ({"background": True}, "background"),
        ({"stream_id": 1}, "stream_id"),
        ({"generate": 0}, "generate"),
        ({"type": "response.steer"}, "type"),
        ({"type": None}, "type"),
    ],
)
def test_what_a_socket_does_not_have(fields: dict[str, Any], param: str) -> None:
    error = read(json.dumps({"type": "response.create", **fields}).encode())
    assert isinstance(error, ApiError)
    assert error.param == param


def stream(*events: tuple[str, dict[str, Any]]) -> bytes:
    return b"".join(
        sse.encode(json.dumps({"type": kind, **fields}).encode(), kind) for kind, fields in events
    )


CREATED = ("response.created", {"response": {"id": "resp_1"}, "sequence_number": 0})
DELTA = ("response.output_text.delta", {"delta": "a", "sequence_number": 1})
COMPLETED = ("response.completed", {"response": {"id": "resp_1"}, "sequence_number": 2})
FAILED = ("response.failed", {"response": {"error": {"code": "server_error"}}})
ERROR = ("error", {"code": "rate_limit_exceeded", "message": "Slow down.", "param": None})


def messages_of(
    data: bytes, lane: Lane = NO_LANE, size: int = 1_000_000, **headers: str
) -> tuple[list[dict[str, Any]], bool]:
    """What the client gets of a stream that comes in pieces, and whether the turn failed."""
    events = EventMessages(lane, headers)
    told = [
        message for at in range(0, len(data), size) for message in events.feed(data[at : at + size])
    ]
    return [json.loads(message) for message in told + events.finish()], events.failed


@pytest.mark.parametrize("size", [1, 7, 1_000_000])
def test_events_become_messages(size: int) -> None:
    data = stream(CREATED, DELTA) + b": keepalive\n\n" + stream(COMPLETED) + b"data: [DONE]\n\n"
    told, failed = messages_of(data, size=size)
    assert told == [{"type": kind, **fields} for kind, fields in (CREATED, DELTA, COMPLETED)]
    assert not failed


@pytest.mark.parametrize(
    ("events", "kinds", "code"),
    [
        ((CREATED, COMPLETED, DELTA, FAILED), ["response.created", "response.completed"], None),
        ((CREATED, ERROR, FAILED), ["response.created", "response.failed"], None),
        ((CREATED, FAILED, ERROR), ["response.created", "response.failed"], None),
        ((CREATED, ERROR), ["response.created", "error"], "rate_limit_exceeded"),
        ((ERROR, DELTA), ["response.output_text.delta", "error"], "rate_limit_exceeded"),
        ((CREATED, DELTA), ["response.created", DELTA[0], "error"], "server_error"),
        ((), ["error"], "server_error"),
    ],
)
def test_a_turn_ends_once(
    events: tuple[tuple[str, dict[str, Any]], ...], kinds: list[str], code: str | None
) -> None:
    told, failed = messages_of(stream(*events), Lane("main"))
    assert [event["type"] for event in told] == kinds
    assert failed is ("response.completed" not in kinds)
    assert all(event["stream_id"] == "main" for event in told)
    if code:
        assert told[-1]["error"]["code"] == code
        assert told[-1]["status"] >= 400


def test_events_without_a_name_and_of_many_lines() -> None:
    data = b'data: {"type":"error",\ndata: "error":{"message":"No."}}\n\n'
    (event,), failed = messages_of(data)
    assert failed
    assert event["error"]["message"] == "No."
    (event,), failed = messages_of(b'data: {"type":"response.completed"} \n\n', Lane("a"))
    assert (event, failed) == ({"type": "response.completed", "stream_id": "a"}, False)


def test_headers_and_late_warnings_have_a_place() -> None:
    headers = {"x-gateway-provider": "p", "content-type": "text/event-stream", "set-cookie": "a"}
    events = EventMessages(NO_LANE, headers)
    late = sse.comment("x-gateway-warning: a; b") + stream(COMPLETED)
    told = [json.loads(told) for told in events.feed(stream(CREATED, DELTA)) + events.feed(late)]
    assert [event.get("gateway") for event in told] == [
        {"x-gateway-provider": "p"},
        None,
        {"x-gateway-warning": "a; b"},
    ]


@given(st.integers(400, 599), st.binary() | JSON.map(json.dumps).map(str.encode))
@example(400, b'{"error":"text"}')
@example(400, b'{"error":{"code":7,"message":null,"param":3}}')
def test_errors_of_any_form(status: int, body: bytes) -> None:
    told = json.loads(error_message(status, body, {"retry-after": "1", "server": "s"}, Lane("x")))
    assert (told["type"], told["status"], told["stream_id"]) == ("error", status, "x")
    assert told["error"]["headers"] == {"retry-after": "1"}
    for name in ("code", "message", "type"):
        assert isinstance(told["error"][name], str)
        assert told["error"][name]
