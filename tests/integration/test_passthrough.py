"""What goes along with a body, what must not, and that nothing waits.

Here: headers, credentials, redirects, the timing of events and of farewells, for all pairs. Not here: the bytes of
bodies that pass through (test_byte_for_byte.py), meaning (test_matrix.py).
"""

from __future__ import annotations

import gzip
import json
import threading
from dataclasses import replace
from http.client import HTTPConnection
from itertools import chain, repeat

import pytest
from conftest import GatewayFactory
from support.asks import WRITERS, Ask, user
from support.dialects import CLIENT_KEY, PATHS, Clients
from support.gateway import PROVIDER_KEY, GatewayProcess, config, provider
from support.pairs import (
    PAIRS,
    PLAIN_AND_STREAM,
    UPSTREAMS,
    model_of,
    reply_to,
)
from support.streams import PLAIN, STREAMED, Answer, Api, frames_of
from support.upstream import Piece, Reply, Request, Upstream, cut, json_reply, sse_reply
from support.validators import check

ASK = Ask((user("Hello"),))
ANSWER = Answer("one two three")


# --- bodies and headers


@PAIRS
@PLAIN_AND_STREAM
def test_usage_is_asked_for_where_needed_and_told_to_nobody_else(
    upstream: Upstream,
    clients: Clients,
    client_api: Api,
    upstream_api: Api,
    stream: bool,
) -> None:
    upstream.script(lambda request: reply_to(request, upstream_api, ANSWER))

    answer = clients.raw(client_api, model_of(upstream_api), ASK, stream=stream)

    asked = (upstream.last.json.get("stream_options") or {}).get("include_usage", False)
    assert asked == (stream and upstream_api == "chat_completions" != client_api)
    if stream:
        assert check(client_api, answer.content, usage_asked=False) == "finished"


def test_beta_headers_and_query_reach_a_native_upstream(
    upstream: Upstream, clients: Clients
) -> None:
    upstream.script(json_reply(PLAIN["messages"](ANSWER)))
    betas = "context-management-2025-06-27,something-of-2031-01-01"

    body = json.dumps({"model": "messages-model", **WRITERS["messages"](ASK)})
    answer = clients.post(
        "/v1/messages?beta=true",
        body,
        **{"anthropic-beta": betas, "anthropic-version": "2023-06-01"},
    )

    assert answer.status_code == 200
    assert upstream.last.headers["anthropic-beta"] == betas
    assert upstream.last.headers["anthropic-version"] == "2023-06-01"
    assert upstream.last.target == "/v1/messages?beta=true"


@PAIRS
def test_messages_upstream_is_always_told_a_version(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api
) -> None:
    upstream.script(json_reply(PLAIN[upstream_api](ANSWER)))

    clients.raw(client_api, model_of(upstream_api), ASK)

    assert ("anthropic-version" in upstream.last.headers) == (upstream_api == "messages")


# --- credentials


@PAIRS
@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
def test_client_key_never_goes_upstream(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api, header: str
) -> None:
    upstream.script(json_reply(PLAIN[upstream_api](ANSWER)))
    body = json.dumps({"model": model_of(upstream_api), **WRITERS[client_api](ASK)})
    key = f"Bearer {CLIENT_KEY}" if header == "authorization" else CLIENT_KEY

    answer = clients.post(PATHS[client_api], body, **{header: key, "cookie": "session=secret"})

    assert answer.status_code == 200
    sent = upstream.last.headers
    assert CLIENT_KEY not in str(sent)
    assert "session=secret" not in str(sent)
    keys = [sent.get("authorization"), sent.get("x-api-key")]
    assert [key for key in keys if key] in [[f"Bearer {PROVIDER_KEY}"], [PROVIDER_KEY]]
    assert not [name for name in sent if name.startswith("x-stainless")]


@UPSTREAMS
@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
def test_passthrough_auth_hands_on_the_clients_key(
    gateway_factory: GatewayFactory, upstream: Upstream, upstream_api: Api, header: str
) -> None:
    entry = provider(upstream.base_url, upstream_api, passthrough_auth=True)
    del entry["access_key"]
    clients = Clients(gateway_factory(config(entry)).base_url)
    upstream.script(json_reply(PLAIN[upstream_api](ANSWER)))
    body = json.dumps({"model": model_of(upstream_api), **WRITERS["chat_completions"](ASK)})
    key = f"Bearer {CLIENT_KEY}" if header == "authorization" else CLIENT_KEY

    answer = clients.http.post(
        clients.base_url + PATHS["chat_completions"], content=body, headers={header: key}
    )

    assert answer.status_code == 200, answer.text
    sent = upstream.last.headers
    keys = [sent.get("authorization"), sent.get("x-api-key")]
    assert [key for key in keys if key] in [[f"Bearer {CLIENT_KEY}"], [CLIENT_KEY]]


def test_configured_headers_go_upstream(
    gateway_factory: GatewayFactory, upstream: Upstream
) -> None:
    entry = provider(
        upstream.base_url,
        "chat_completions",
        headers={"X-Team": "blue"},
        http_host="models.example",
    )
    clients = Clients(gateway_factory(config(entry)).base_url)
    upstream.script(json_reply(PLAIN["chat_completions"](ANSWER)))

    clients.ask("messages", "chat_completions-model", ASK, stream=False)

    assert upstream.last.headers["x-team"] == "blue"
    assert upstream.last.headers["host"] == "models.example"


@PAIRS
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api, status: int
) -> None:
    elsewhere = {"location": f"{upstream.base_url}/elsewhere"}
    upstream.script(Reply([b"moved"], status, elsewhere))

    answer = clients.raw(client_api, model_of(upstream_api), ASK)

    assert answer.status_code >= 500
    assert "location" not in answer.headers
    assert [request.path for request in upstream.requests] == [PATHS[upstream_api]]


def test_streams_ask_for_no_compression(upstream: Upstream, clients: Clients) -> None:
    upstream.script(lambda request: reply_to(request, "messages", ANSWER))

    clients.ask("chat_completions", "messages-model", ASK, stream=True)

    assert upstream.last.headers.get("accept-encoding", "identity") == "identity"


@PAIRS
@PLAIN_AND_STREAM
def test_compressed_reply_is_understood(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api, stream: bool
) -> None:
    """Nobody asked for it, but some servers compress all the same."""

    def compressed(request: Request) -> Reply:
        reply = reply_to(request, upstream_api, ANSWER)
        data = gzip.compress(b"".join(p for p in reply.pieces if isinstance(p, bytes)))
        return replace(
            reply, pieces=cut(data, 9), headers={**reply.headers, "content-encoding": "gzip"}
        )

    upstream.script(compressed)

    got = clients.ask(client_api, model_of(upstream_api), ASK, stream=stream)

    assert got.text == ANSWER.text


@PAIRS
def test_stream_headers(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api
) -> None:
    upstream.script(lambda request: reply_to(request, upstream_api, ANSWER))

    headers = clients.raw(client_api, model_of(upstream_api), ASK, stream=True).headers

    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["x-accel-buffering"] == "no"
    assert "no-cache" in headers["cache-control"]
    assert "content-encoding" not in headers
    assert headers["x-gateway-request-id"]
    assert headers["x-request-id"] == headers["request-id"]


# --- time


def gated(stream: str) -> tuple[list[Piece], list[threading.Event]]:
    """A stream that waits for an event after every frame that brings a word of the answer."""
    pieces: list[Piece] = []
    gates: list[threading.Event] = []
    spoken = (b'"one "', b'"two "')
    for frame in frames_of(stream):
        pieces.append(frame)
        if any(word in frame for word in spoken):
            gates.append(threading.Event())
            pieces.append(gates[-1])
    assert len(gates) == len(spoken)
    return pieces, gates


@PAIRS
def test_no_event_waits_for_the_next(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api
) -> None:
    pieces, gates = gated(STREAMED[upstream_api](ANSWER))
    upstream.script(sse_reply(pieces))
    received = b""

    with clients.open(client_api, model_of(upstream_api), ASK) as answer:
        reading = answer.iter_raw()
        for word, gate in zip((b'"one "', b'"two "'), gates, strict=True):
            while word not in received:
                received += next(reading)
            gate.set()
        received += b"".join(reading)

    assert b"three" in received


@PAIRS
def test_status_and_headers_do_not_wait_for_the_second_event(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api
) -> None:
    first, *rest = frames_of(STREAMED[upstream_api](ANSWER))
    gate = threading.Event()
    upstream.script(sse_reply([first, gate, *rest]))

    with clients.open(client_api, model_of(upstream_api), ASK) as answer:
        assert answer.status_code == 200
        gate.set()
        assert b"three" in answer.read()


@PAIRS
def test_talking_upstream_is_left_when_the_client_leaves(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api
) -> None:
    frames = frames_of(STREAMED[upstream_api](ANSWER))
    word = next(frame for frame in frames if b'"one "' in frame)
    begun = frames[: frames.index(word)]
    upstream.script(sse_reply(chain(begun, repeat(word, 1_000_000))))

    with clients.open(client_api, model_of(upstream_api), ASK) as answer:
        next(answer.iter_raw())

    assert upstream.last.abandoned.wait(5), "the gateway keeps reading for nobody"


@PAIRS
def test_silent_upstream_is_left_when_the_client_leaves(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api
) -> None:
    frames = frames_of(STREAMED[upstream_api](ANSWER))[:4]
    upstream.script(Reply(frames, framing="chunked", wait_for_peer_to_leave=True))

    with clients.open(client_api, model_of(upstream_api), ASK) as answer:
        next(answer.iter_raw())

    assert upstream.last.abandoned.wait(5), "the gateway keeps waiting for nobody"


@UPSTREAMS
def test_plain_request_is_left_when_the_client_leaves(
    upstream: Upstream, gateway: GatewayProcess, upstream_api: Api
) -> None:
    arrived = threading.Event()

    def think_for_ever(_: Request) -> Reply:
        arrived.set()
        return Reply(framing="chunked", wait_for_peer_to_leave=True)

    upstream.script(think_for_ever)
    body = {"model": model_of(upstream_api), **WRITERS["chat_completions"](ASK)}
    connection = HTTPConnection("127.0.0.1", gateway.port)
    connection.request("POST", PATHS["chat_completions"], json.dumps(body))
    assert arrived.wait(10)

    connection.close()

    assert upstream.last.abandoned.wait(5), "the gateway keeps waiting for nobody"


def test_connection_closed_in_between_is_replaced_invisibly(
    upstream: Upstream, clients: Clients
) -> None:
    reply = json_reply(PLAIN["chat_completions"](ANSWER))
    upstream.script(replace(reply, hang_up=True))

    for _ in range(5):
        got = clients.ask("messages", "chat_completions-model", ASK, stream=False)
        assert got.text == ANSWER.text

    assert len(upstream.requests) == 5


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
def test_messages_client_is_told_the_name_that_it_asked_for(
    upstream: Upstream, clients: Clients, stream: bool
) -> None:
    """Claude Code drops the thinking of replies that seem to come from another model."""
    upstream.script(lambda request: reply_to(request, "messages", ANSWER))

    got = clients.ask("messages", "only-messages", ASK, stream=stream)

    assert upstream.last.json["model"] == "messages-model"
    assert got.model == "only-messages"
