"""Edge cases of the protocols digest that only a running gateway shows: 12, 13, 15, 16, 18 and 62 to 64.

Here: what of them no other file here shows: streams that begin with a failure, end without
closing or stay silent, the log, keys, retried requests, compression. Not here: cases 1 to 61 without a gateway
(tests/protocols/edge_cases), cases 14 and 17 on the wire (test_failures.py, test_matrix.py).
"""

from __future__ import annotations

import json
import threading
import zlib
from contextlib import ExitStack
from dataclasses import replace

import pytest
from conftest import GatewayFactory
from support.asks import READERS, WRITERS, Ask, Text, user
from support.dialects import CLIENT_KEY, PATHS, Clients
from support.gateway import GatewayProcess, config, provider
from support.pairs import APIS, CLIENTS, PAIRS, check_error_body, error_body, model_of, reply_to
from support.streams import PLAIN, STREAMED, Answer, Api, Json, frames_of
from support.upstream import Piece, Reply, Request, Upstream, json_reply, sse_reply
from support.validators import check

ASK = Ask((user("Hello"),))
ANSWER = Answer("one two three")


@PAIRS
def test_case_12_an_error_in_json_instead_of_a_stream_is_an_http_error(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api
) -> None:
    upstream.script(json_reply(error_body(upstream_api, "No room", "server_error")))

    answer = clients.raw(client_api, model_of(upstream_api), ASK, stream=True)

    assert answer.status_code >= 500
    assert check_error_body(client_api, answer.content)["message"] == "No room"


SILENT_ENDS = {
    "cut behind the headers": sse_reply([], broken=True),
    "ended without an event": sse_reply([]),
    "cut inside the first event": sse_reply([b'data: {"id'], broken=True),
}


@PAIRS
@pytest.mark.parametrize("reply", SILENT_ENDS.values(), ids=list(SILENT_ENDS))
def test_case_13_an_upstream_that_dies_before_the_first_event_is_an_http_error(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api, reply: Reply
) -> None:
    upstream.script(reply)

    answer = clients.raw(client_api, model_of(upstream_api), ASK, stream=True)

    assert answer.status_code == 502
    assert answer.headers["content-type"] == "application/json"
    check_error_body(client_api, answer.content)


@PAIRS
def test_case_15_a_client_that_leaves_is_not_worth_a_line_in_the_log(
    upstream: Upstream,
    clients: Clients,
    gateway: GatewayProcess,
    client_api: Api,
    upstream_api: Api,
) -> None:
    frames = frames_of(STREAMED[upstream_api](ANSWER))[:4]
    upstream.script(replace(sse_reply(frames), wait_for_peer_to_leave=True))
    before = gateway.output

    with clients.open(client_api, model_of(upstream_api), ASK) as answer:
        next(answer.iter_raw())

    assert upstream.last.abandoned.wait(5), "the gateway keeps waiting for nobody"
    clients.http.get(f"{clients.base_url}/healthz")
    assert gateway.output == before


def test_case_16_a_silence_is_bridged_by_comments_or_pings(upstream: Upstream) -> None:
    """All pairs at once, behind a gateway whose interval was shortened from its 15 seconds."""
    silence = threading.Event()

    def thinking(request: Request) -> Reply:
        api = next(api for api in APIS if request.path == PATHS[api])
        (whole,) = reply_to(request, api, ANSWER).pieces
        assert isinstance(whole, bytes)
        first, *rest = frames_of(whole.decode())
        return sse_reply([first, silence, *rest])

    upstream.script(thinking)
    providers = [provider(upstream.base_url, api) for api in APIS]
    quick = {"WSGI_GATEWAY_KEEPALIVE": "0.2"}
    with GatewayProcess(config(*providers), environ=quick) as gateway, ExitStack() as stack:
        clients = Clients(gateway.base_url)
        opened = {
            (ours, theirs): stack.enter_context(clients.open(ours, model_of(theirs), ASK))
            for ours in APIS
            for theirs in APIS
        }
        threading.Timer(1.0, silence.set).start()
        bodies = {pair: answer.read() for pair, answer in opened.items()}

    for (client_api, upstream_api), body in bodies.items():
        assert check(client_api, body) == "finished"
        sign = b"\n\nevent: ping\n" if client_api == "messages" else b"\n\n: keepalive\n"
        assert sign in body, f"{client_api} to {upstream_api}"


@PAIRS
def test_case_18_an_upstream_that_leaves_its_body_open_is_not_waited_for(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api
) -> None:
    stream = STREAMED[upstream_api](ANSWER).encode()
    upstream.script(replace(sse_reply(stream), wait_for_peer_to_leave=True))

    with clients.open(client_api, model_of(upstream_api), ASK) as answer:
        assert b"three" in answer.read()

    assert upstream.last.abandoned.wait(5)


# --- keys, retries, compression


@CLIENTS
@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
def test_case_62_a_key_is_taken_in_either_header(
    upstream: Upstream, clients: Clients, client_api: Api, header: str
) -> None:
    upstream.script(json_reply(PLAIN[client_api](ANSWER)))

    answer = _post(clients, client_api, model_of(client_api), header)

    assert answer == 200


@pytest.mark.parametrize("upstream_api", ["chat_completions", "responses"])
def test_case_62_a_key_that_is_handed_on_goes_where_the_upstream_reads_it(
    gateway_factory: GatewayFactory, upstream: Upstream, upstream_api: Api
) -> None:
    entry = provider(upstream.base_url, upstream_api, passthrough_auth=True)
    del entry["access_key"]
    clients = Clients(gateway_factory(config(entry)).base_url)
    upstream.script(json_reply(PLAIN[upstream_api](ANSWER)))

    assert _post(clients, "messages", model_of(upstream_api), "x-api-key") == 200

    assert upstream.last.headers.get("authorization") == f"Bearer {CLIENT_KEY}"


def _post(clients: Clients, api: Api, model: str, header: str) -> int:
    """The status of a request with the client's key in this header only."""
    key = {header: f"Bearer {CLIENT_KEY}" if header == "authorization" else CLIENT_KEY}
    body = json.dumps({"model": model, **WRITERS[api](ASK)})
    return clients.http.post(clients.base_url + PATHS[api], content=body, headers=key).status_code


@pytest.mark.parametrize("upstream_api", ["chat_completions", "messages"])
def test_case_63_a_retried_turn_is_remembered_once(
    upstream: Upstream, clients: Clients, upstream_api: Api
) -> None:
    """The first try got no answer in time, but the gateway finished it; the client goes on from the second."""
    upstream.script(lambda request: reply_to(request, upstream_api, ANSWER))

    def turn(text: str, previous: str | None, tries: int = 0) -> str:
        body = {"model": model_of(upstream_api), "input": text, "previous_response_id": previous}
        retried = {"x-stainless-retry-count": str(tries)}
        answer: Json = clients.post(PATHS["responses"], json.dumps(body), **retried).json()
        return str(answer["id"])

    first = turn("1", None)
    lost = turn("2", first)
    second = turn("2", first, tries=1)
    turn("3", second)

    assert lost != second
    said = READERS[upstream_api](upstream.last.json).turns
    texts = [
        (told.role, [part.text for part in told.parts if isinstance(part, Text)]) for told in said
    ]
    assert texts == [
        ("user", ["1"]),
        ("assistant", [ANSWER.text]),
        ("user", ["2"]),
        ("assistant", [ANSWER.text]),
        ("user", ["3"]),
    ]


@PAIRS
def test_case_64_a_compressed_stream_is_unpacked_as_it_comes(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api
) -> None:
    """Nobody asked for compression, but some servers compress all the same."""
    gzip = zlib.compressobj(wbits=31)
    packed = [
        gzip.compress(frame) + gzip.flush(zlib.Z_SYNC_FLUSH)
        for frame in frames_of(STREAMED[upstream_api](ANSWER))
    ]
    spoken = next(
        n for n, f in enumerate(frames_of(STREAMED[upstream_api](ANSWER))) if b'"one "' in f
    )
    gate = threading.Event()
    pieces: list[Piece] = [*packed[: spoken + 1], gate, *packed[spoken + 1 :], gzip.flush()]
    reply = sse_reply(pieces)
    upstream.script(replace(reply, headers={**reply.headers, "content-encoding": "gzip"}))
    received = b""

    with clients.open(client_api, model_of(upstream_api), ASK) as answer:
        reading = answer.iter_raw()
        while b'"one "' not in received:
            received += next(reading)
        gate.set()
        received += b"".join(reading)

    assert b"three" in received
    assert "content-encoding" not in answer.headers
    assert upstream.last.headers["accept-encoding"] == "identity"
