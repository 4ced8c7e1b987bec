"""A client of the Open Responses API over a WebSocket, on models that do not have it.

Here: what the public compliance suite of Open Responses asks over a WebSocket, in our own words, on an upstream that
speaks only Chat Completions and on one that speaks only Messages: each event and response is held against the published
schema (support/open_responses.py). Not here: HTTP (test_open_responses.py), what only OpenAI's API has, compaction.
"""

from __future__ import annotations

from typing import Any

import pytest
from support.gateway import GatewayProcess
from support.open_responses import check_event, check_response
from support.pairs import model_of, reply_to
from support.sockets import create, error_of, events_of, opened
from support.streams import Answer, Api, Json
from support.upstream import Upstream
from websockets.sync.client import ClientConnection

UPSTREAMS = pytest.mark.parametrize("upstream_api", ["chat_completions", "messages"])


@pytest.fixture(autouse=True)
def _answers(upstream: Upstream, upstream_api: Api) -> None:
    upstream.script(lambda request: reply_to(request, upstream_api, Answer("Slate.")))


def turn(socket: ClientConnection, api: Api, **fields: Any) -> Json:
    """The last event of a turn, after all of its events were judged."""
    socket.send(create(model_of(api), **{"text": "Which word?", "store": False, **fields}))
    events = list(events_of(socket))
    for number, event in enumerate(events):
        if event["type"] != "error":
            event.pop("gateway", None)
            assert event["sequence_number"] == number
            check_event(event)
    return events[-1]


def completed(event: Json) -> Json:
    assert event["type"] == "response.completed", event
    response: Json = event["response"]
    check_response(response)
    assert response["status"] == "completed" and response["output"]
    return response


def not_found(event: Json) -> bool:
    """Whether it is the documented error."""
    error = error_of(event)
    return (event["status"], error["code"], error["param"]) == (
        400,
        "previous_response_not_found",
        "previous_response_id",
    )


@UPSTREAMS
def test_sequential_responses(gateway: GatewayProcess, upstream_api: Api) -> None:
    with opened(gateway.base_url) as socket:
        first = completed(turn(socket, upstream_api))
        second = completed(turn(socket, upstream_api))
    assert first["id"] != second["id"]
    assert first["previous_response_id"] is second["previous_response_id"] is None


@UPSTREAMS
def test_continuation(gateway: GatewayProcess, upstream: Upstream, upstream_api: Api) -> None:
    with opened(gateway.base_url) as socket:
        first = completed(turn(socket, upstream_api, text="The word is slate."))
        second = completed(turn(socket, upstream_api, previous_response_id=first["id"]))
    assert second["previous_response_id"] == first["id"]
    assert b"The word is slate." in upstream.last.body and b"Slate." in upstream.last.body


@UPSTREAMS
def test_a_new_connection_knows_nothing_and_can_begin_anew(
    gateway: GatewayProcess, upstream_api: Api
) -> None:
    with opened(gateway.base_url) as socket:
        lost = completed(turn(socket, upstream_api))
    with opened(gateway.base_url) as socket:
        assert not_found(turn(socket, upstream_api, previous_response_id=lost["id"]))
        completed(turn(socket, upstream_api, previous_response_id=None))


@UPSTREAMS
def test_an_id_that_never_was(gateway: GatewayProcess, upstream_api: Api) -> None:
    with opened(gateway.base_url) as socket:
        for store in (True, False):
            last = turn(socket, upstream_api, previous_response_id="resp_never", store=store)
            assert not_found(last)


@UPSTREAMS
def test_a_failed_continuation_evicts(
    gateway: GatewayProcess, upstream: Upstream, upstream_api: Api
) -> None:
    """It answers a call that nobody made; the gateway sees that by itself."""
    output = {"type": "function_call_output", "call_id": "call_never", "output": "Nothing."}
    with opened(gateway.base_url) as socket:
        first = completed(turn(socket, upstream_api))
        upstream.requests.clear()
        failed = turn(socket, upstream_api, input=[output], previous_response_id=first["id"])
        assert error_of(failed)["param"] == "input[2]"
        assert not upstream.requests
        assert not_found(turn(socket, upstream_api, previous_response_id=first["id"]))
