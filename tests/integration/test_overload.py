"""More requests than a worker takes at a time: some wait, the others are told to come back; all places come back too.

Not here: the queue alone (tests/access/test_gate.py), what one key may have at a time (test_limits.py).
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx2
import pytest
from conftest import GatewayFactory
from support.answers import answering
from support.asks import WRITERS, Ask, user
from support.dialects import PATHS
from support.gateway import GatewayProcess, config, provider
from support.keyed import ANSWER, Client, refused
from support.pairs import APIS, CLIENTS, check_error_body, model_of
from support.raw_http import answer_on, begun_on, chunked, connected, head, plain
from support.sockets import ask, create, error_of, opened, text_of
from support.streams import STREAMED, Answer, Api, frames_of
from support.until import until
from support.upstream import Reply, Upstream, json_reply, sse_reply

MOST = 2


@pytest.fixture
def full_gateway(upstream: Upstream, gateway_factory: GatewayFactory) -> GatewayProcess:
    """With two places and no queue."""
    upstream.script(answering(ANSWER))
    return gateway_factory(_config(upstream, max_in_flight=MOST, max_queued=0))


def _config(upstream: Upstream, **overload: Any) -> dict[str, Any]:
    providers = [provider(upstream.base_url, api) for api in APIS]
    return config(*providers, overload=overload)


def body_of(api: Api, **more: Any) -> bytes:
    said = WRITERS[api](Ask((user("Hi"),)))
    return json.dumps({"model": model_of(api), **said, **more}).encode()


@contextmanager
def all_places_taken(gateway: GatewayProcess, upstream: Upstream, most: int) -> Iterator[None]:
    """Meanwhile so many streams have begun, and none ends."""
    gate = threading.Event()
    frames = frames_of(STREAMED["chat_completions"](Answer("one two")))
    upstream.script(sse_reply([*frames[:2], gate, *frames[2:]]))
    answers: list[http.client.HTTPResponse] = []
    with ExitStack() as stack:

        def take_one() -> bool:
            """A place may come back a moment after the last byte of the reply that had it."""
            connection = stack.enter_context(connected(gateway.port))
            framed = plain if len(answers) % 2 else chunked
            body = body_of("chat_completions", stream=True)
            connection.sendall(framed(PATHS["chat_completions"], body))
            answer = begun_on(connection)
            if answer.status == 200:
                answers.append(answer)
            return answer.status == 200

        for _ in range(most):
            until(take_one)
        upstream.script(answering(ANSWER))
        try:
            yield
        finally:
            gate.set()
        for answer in answers:
            assert b"two" in answer.read()


def test_who_is_one_too_many_is_told_so_in_their_api(
    full_gateway: GatewayProcess, upstream: Upstream
) -> None:
    client = Client(full_gateway, "sk-any")
    with all_places_taken(full_gateway, upstream, MOST):
        for api in APIS:
            with pytest.raises(refused(api, "InternalServerError")) as told:
                client.ask(api)
            error: Any = told.value
            assert error.status_code == (529 if api == "messages" else 503)
            assert int(error.response.headers["retry-after"]) >= 1
            assert error.response.headers["x-gateway-request-id"]
            if api == "messages":
                assert error.body["error"]["type"] == "overloaded_error"
            else:
                assert error.code == "server_is_overloaded"
        assert upstream.requests == []
    until(lambda: _answers(full_gateway))


@CLIENTS
def test_the_connection_of_who_was_refused_goes_on(
    full_gateway: GatewayProcess, upstream: Upstream, client_api: Api
) -> None:
    path, body = PATHS[client_api], body_of(client_api)
    with connected(full_gateway.port) as connection:
        with all_places_taken(full_gateway, upstream, MOST):
            for framed in (plain, chunked, plain):
                connection.sendall(framed(path, body))
                told = answer_on(connection)
                assert told.status == (529 if client_api == "messages" else 503)
                check_error_body(client_api, told.body)

        def is_served() -> bool:
            connection.sendall(plain(path, body))
            return answer_on(connection).status == 200

        until(is_served)


def test_a_large_body_of_who_is_refused_is_not_waited_for(
    full_gateway: GatewayProcess, upstream: Upstream
) -> None:
    with (
        all_places_taken(full_gateway, upstream, MOST),
        connected(full_gateway.port) as connection,
    ):
        connection.sendall(head("/v1/messages", "content-length: 9000000") + b'{"model":')
        told = answer_on(connection)
        assert told.status == 529
        check_error_body("messages", told.body)
        assert connection.recv(1) == b""


def test_whoever_asks_after_the_gateway_is_never_refused(
    full_gateway: GatewayProcess, upstream: Upstream
) -> None:
    with all_places_taken(full_gateway, upstream, MOST):
        for path in ("/healthz", "/readyz", "/metrics", "/", "/v1/models"):
            assert httpx2.get(full_gateway.base_url + path).status_code == 200, path
        refusal = httpx2.post(f"{full_gateway.base_url}/v1/messages/count_tokens", content=b"{}")
        assert refusal.status_code == 529
        assert httpx2.get(f"{full_gateway.base_url}/v1/responses/resp_1").status_code == 503


def test_a_turn_on_a_websocket_has_its_place_too(
    full_gateway: GatewayProcess, upstream: Upstream
) -> None:
    with opened(full_gateway.base_url) as socket:
        with all_places_taken(full_gateway, upstream, MOST):
            event = ask(socket, create(model_of("responses")))
            assert event["status"] == 503
            assert error_of(event)["code"] == "server_is_overloaded"
        for _ in range(MOST + 1):
            until(lambda: ask(socket, create(model_of("responses")))["type"] != "error")
        # The socket itself takes none.
        with all_places_taken(full_gateway, upstream, MOST):
            pass
        assert text_of(ask(socket, create(model_of("responses"))))


def _answers(gateway: GatewayProcess) -> bool:
    url = gateway.base_url + PATHS["chat_completions"]
    return httpx2.post(url, content=body_of("chat_completions")).status_code == 200


def _broken(upstream: Upstream, stream: bool) -> None:
    frames = frames_of(STREAMED["chat_completions"](Answer("one two")))
    if stream:
        upstream.script(sse_reply(frames[:2], broken=True))
    else:
        upstream.script(Reply([b"{"], 200, {"content-type": "application/json"}, broken=True))


def _exchange(gateway: GatewayProcess, request: bytes, read: int | None = None) -> None:
    with connected(gateway.port) as connection:
        connection.sendall(request)
        begun_on(connection).read(read)


CHAT = PATHS["chat_completions"]
STREAM = body_of("chat_completions", stream=True)
ENDINGS: dict[str, Callable[[GatewayProcess, Upstream, Any], None]] = {
    "plain": lambda gateway, _, framed: _exchange(gateway, framed(CHAT, body_of("messages"))),
    "stream": lambda gateway, _, framed: _exchange(gateway, framed(CHAT, STREAM)),
    "bad JSON": lambda gateway, _, framed: _exchange(gateway, framed(CHAT, b"{")),
    "too large": lambda gateway, _, __: _exchange(gateway, head(CHAT, "content-length: 99999999")),
    "upstream fails": lambda gateway, upstream, framed: (
        upstream.script(json_reply({"error": {"message": "x"}}, 500)),
        _exchange(gateway, framed(CHAT, STREAM)),
    )[-1],
    "upstream breaks": lambda gateway, upstream, framed: (
        _broken(upstream, True),
        _exchange(gateway, framed(CHAT, STREAM)),
    )[-1],
    "client leaves": lambda gateway, upstream, framed: (
        upstream.script(_silent()),
        _exchange(gateway, framed(CHAT, STREAM), 10),
    )[-1],
    "client leaves within its body": lambda gateway, _, __: _leave_within(gateway),
}


def _silent() -> Reply:
    frames = frames_of(STREAMED["chat_completions"](Answer("one two")))
    reply = sse_reply(frames[:2])
    return Reply(reply.pieces, 200, reply.headers, "chunked", wait_for_peer_to_leave=True)


def _leave_within(gateway: GatewayProcess) -> None:
    with connected(gateway.port) as connection:
        connection.sendall(plain(CHAT, STREAM)[:-1])


@pytest.mark.parametrize("framed", [plain, chunked])
@pytest.mark.parametrize("ending", ENDINGS)
def test_whatever_way_a_request_ends_its_place_comes_back(
    full_gateway: GatewayProcess, upstream: Upstream, ending: str, framed: Callable[..., bytes]
) -> None:
    for _ in range(MOST + 1):
        ENDINGS[ending](full_gateway, upstream, framed)
    upstream.script(answering(ANSWER))
    until(lambda: _answers(full_gateway))
    with all_places_taken(full_gateway, upstream, MOST):
        pass


def test_who_waits_is_answered_when_a_reply_has_ended(
    upstream: Upstream, gateway_factory: GatewayFactory
) -> None:
    rules = {"max_in_flight": 1, "max_queued": MOST, "queue_timeout": "1m"}
    gateway = gateway_factory(_config(upstream, **rules))
    with ExitStack() as stack:
        waiting = [stack.enter_context(connected(gateway.port)) for _ in range(MOST)]
        with all_places_taken(gateway, upstream, 1):
            for connection, framed in zip(waiting, (plain, chunked), strict=True):
                connection.sendall(framed(CHAT, body_of("chat_completions")))
            # Who comes later is answered later, so both are in the queue.
            assert httpx2.get(f"{gateway.base_url}/healthz").status_code == 200
            with pytest.raises(refused("messages", "InternalServerError")):
                Client(gateway, "sk-any").ask("messages")
            assert upstream.requests == []
        assert [answer_on(connection).status for connection in waiting] == [200, 200]


def test_who_waited_too_long_is_refused(
    upstream: Upstream, gateway_factory: GatewayFactory
) -> None:
    gateway = gateway_factory(_config(upstream, max_in_flight=1, queue_timeout="50ms"))
    with (
        all_places_taken(gateway, upstream, 1),
        pytest.raises(refused("messages", "InternalServerError")),
    ):
        Client(gateway, "sk-any").ask("messages")


def test_who_keeps_connections_for_nothing_gives_way(upstream: Upstream) -> None:
    """All that the server takes are open, and without a request, or with a part of one."""
    environ = {"GUNICORN_CMD_ARGS": "--worker-connections 4"}
    source = config(provider(upstream.base_url, "messages"))
    with GatewayProcess(source, environ=environ) as gateway, ExitStack() as stack:
        idle = [stack.enter_context(connected(gateway.port)) for _ in range(4)]
        idle[1].sendall(b"POST /v1/messages HTTP/1.1\r\n")
        for _ in range(6):
            last = stack.enter_context(connected(gateway.port))
            last.sendall(head("/healthz", method="GET"))
            assert answer_on(last).status == 200
