"""``truncation: auto``: a history that is too long for the upstream is cut and sent once more."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import Any

import pytest
from support.dialects import PATHS, Clients
from support.gateway import GatewayProcess
from support.pairs import PLAIN_AND_STREAM, error_body, model_of, reply_to
from support.streams import Answer, Api, Json
from support.translated import data_of
from support.until import until
from support.upstream import Reply, Request, Upstream, json_reply

UPSTREAMS = pytest.mark.parametrize("upstream_api", ["chat_completions", "messages"])

OLD, NEW = "The first matter. " * 200, "And what of the last?"
HISTORY: list[Json] = [
    {"role": "user", "content": OLD},
    {"role": "assistant", "content": "Settled."},
    {"role": "user", "content": NEW},
]


def takes(limit: int, api: Api) -> Any:
    """An upstream that refuses bodies of more than ``limit`` bytes as too long."""

    def answer(request: Request) -> Reply:
        if len(request.body) <= limit:
            return reply_to(request, api, Answer("It is settled too."))
        message = "prompt is too long: 9000 tokens > 8000 maximum"
        return json_reply(error_body(api, message, "invalid_request_error"), 400)

    return answer


def body(api: Api, **more: Any) -> str:
    return json.dumps({"model": model_of(api), "input": HISTORY, **more})


@UPSTREAMS
@PLAIN_AND_STREAM
def test_the_oldest_turn_is_left_out(
    upstream: Upstream, clients: Clients, upstream_api: Api, stream: bool
) -> None:
    upstream.script(takes(1000, upstream_api))

    reply = clients.post(PATHS["responses"], body(upstream_api, truncation="auto", stream=stream))

    assert reply.status_code == 200
    response = data_of(reply.content)[-1]["response"] if stream else reply.json()
    assert (response["status"], response["truncation"]) == ("completed", "auto")
    whole, shorter = upstream.requests
    assert OLD in whole.body.decode() and NEW in whole.body.decode()
    assert OLD not in shorter.body.decode() and NEW in shorter.body.decode()
    warning = reply.headers["x-gateway-warning"]
    assert "truncation;approximated" in warning and "oldest 2 items" in warning


@UPSTREAMS
def test_it_is_cut_only_once(upstream: Upstream, clients: Clients, upstream_api: Api) -> None:
    upstream.script(takes(0, upstream_api))

    reply = clients.post(PATHS["responses"], body(upstream_api, truncation="auto"))

    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "context_length_exceeded"
    assert len(upstream.requests) == 2


@UPSTREAMS
@pytest.mark.parametrize("asked", [None, "disabled"])
def test_nothing_is_cut_unasked(
    upstream: Upstream, clients: Clients, upstream_api: Api, asked: str | None
) -> None:
    upstream.script(takes(1000, upstream_api))

    reply = clients.post(PATHS["responses"], body(upstream_api, truncation=asked))

    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "context_length_exceeded"
    assert len(upstream.requests) == 1


@UPSTREAMS
def test_other_refusals_are_told_as_they_are(
    upstream: Upstream, clients: Clients, upstream_api: Api
) -> None:
    refused = error_body(upstream_api, "no such voice", "invalid_request_error")
    upstream.script(json_reply(refused, 400))

    reply = clients.post(PATHS["responses"], body(upstream_api, truncation="auto"))

    assert reply.status_code == 400 and "no such voice" in reply.text
    assert len(upstream.requests) == 1


@UPSTREAMS
def test_the_stored_chain_stays_whole(
    upstream: Upstream, clients: Clients, upstream_api: Api
) -> None:
    upstream.script(takes(1000, upstream_api))
    first = clients.post(PATHS["responses"], body(upstream_api, truncation="auto")).json()
    upstream.script(takes(100_000, upstream_api))

    more = {"input": "And then?", "previous_response_id": first["id"]}
    reply = clients.post(PATHS["responses"], body(upstream_api, **more))

    assert reply.status_code == 200
    assert OLD in upstream.last.body.decode()


@UPSTREAMS
@PLAIN_AND_STREAM
def test_a_client_that_leaves_ends_the_second_one_too(
    upstream: Upstream, gateway: GatewayProcess, upstream_api: Api, stream: bool
) -> None:
    refuse = takes(1000, upstream_api)

    def answer(request: Request) -> Reply:
        reply: Reply = refuse(request)
        silent = Reply(framing="chunked", wait_for_peer_to_leave=True)
        return reply if reply.status == 400 else silent

    upstream.script(answer)
    asked = body(upstream_api, truncation="auto", stream=stream)
    connection = HTTPConnection("127.0.0.1", gateway.port)
    connection.request("POST", PATHS["responses"], asked)
    until(lambda: len(upstream.requests) == 2)

    connection.close()

    assert upstream.last.abandoned.wait(10)
