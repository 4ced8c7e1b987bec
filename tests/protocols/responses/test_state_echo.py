"""What is put into the responses of a passing stream, and that nothing else of it is touched."""

import json

import pytest

from wsgi_gateway.protocols.responses.state_echo import echoed

FIELDS = {"previous_response_id": "resp_1"}
CREATED = (
    b'event: response.created\ndata: {"type": "response.created", "response": {"id": "r"}}\n\n'
)
DELTA = b'data: {"type":"x", "delta": "\\"response\\""}\n\n'


def test_every_response_has_the_fields() -> None:
    name, data = echoed(CREATED, FIELDS).strip().split(b"\n")
    assert name == b"event: response.created"
    assert json.loads(data.removeprefix(b"data: "))["response"] == {"id": "r", **FIELDS}
    told = echoed(CREATED + DELTA + CREATED, FIELDS)
    assert told.count(b"resp_1") == 2
    assert told.split(b"\n\n")[1] + b"\n\n" == DELTA


@pytest.mark.parametrize(
    "data",
    [
        b"",
        DELTA,
        b": keepalive\n\n",
        b'data: {"response": 1}\n\n',
        b'data: {"response"\n\n',
        b'data: "response"\n\n',
        b'event: "response"\n\n',
    ],
)
def test_all_else_stays_byte_for_byte(data: bytes) -> None:
    assert echoed(data, FIELDS) == data
