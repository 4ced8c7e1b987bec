"""A turn without output, without a server: nobody is asked, and what was said is kept."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

import pytest

from wsgi_gateway.config import load_config
from wsgi_gateway.exchange.call import Request
from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.side_endpoints.preparing import Preparer
from wsgi_gateway.state import ConnectionState, Responses

Json = dict[str, Any]


@pytest.fixture
def gateway() -> Gateway:
    """Its upstream cannot be asked."""
    provider = {"model": "nobody/m", "base_url": "http://127.0.0.1:1", "access_key": "k"}
    return Gateway(load_config({"model_providers": [provider]}, {}))


def prepare(gateway: Gateway, body: Json, state: ConnectionState | None = None) -> list[Json]:
    """The events of the answer, or the error."""
    request = Request(body=json.dumps(body).encode(), headers={}, connection=state)
    answer = Preparer(gateway).answer(request)
    if isinstance(answer.body, bytes):
        return [json.loads(answer.body)]
    with closing(answer.body) as stream:  # type: ignore[type-var]  # as a server does
        lines = b"".join(stream).splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith(b"data: ")]


def test_a_response_without_output(gateway: Gateway) -> None:
    body = {"model": "m", "input": "Later.", "instructions": "Be kind.", "stream": True}
    created, in_progress, completed = prepare(gateway, body)
    assert [created["type"], in_progress["type"]] == ["response.created", "response.in_progress"]
    response = completed["response"]
    assert (response["status"], response["output"]) == ("completed", [])
    assert response["instructions"] == "Be kind."
    assert response["usage"]["total_tokens"] == 0
    turn = Responses(gateway.state_of({})).turn(response["id"])
    assert turn is not None
    assert turn.input == [{"role": "user", "content": "Later."}]


def test_it_is_kept_where_it_is_to_be_kept(gateway: Gateway) -> None:
    state = ConnectionState()
    body = {"model": "m", "input": "Later.", "store": False, "stream": True}
    id_ = prepare(gateway, body, state)[-1]["response"]["id"]
    assert Responses(gateway.state_of({})).turn(id_) is None
    assert Responses(state.over(gateway.state_of({}))).turn(id_) is not None


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"previous_response_id": "resp_unknown"}, "previous_response_id"),
        ({"input": 7}, "input"),
        ({"model": "unknown"}, "model"),
    ],
)
def test_it_is_read_as_any_other(gateway: Gateway, fields: Json, param: str) -> None:
    (told,) = prepare(gateway, {"model": "m", "input": "Later.", "stream": True, **fields})
    assert told["error"]["param"] == param
