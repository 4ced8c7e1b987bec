"""Several deployments and fallbacks: whatever one of them does before its first event, the client gets one good answer.

Here: upstreams that fail in every way, official SDKs without retries of their own. Not here: who is chosen, and when a
deployment is ejected (tests/routing, by a clock of their own).
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from conftest import GatewayFactory
from support.answers import answering
from support.asks import READERS, WRITERS, Ask, user
from support.dialects import CLIENT_KEY, FAILURES, PATHS, Clients, expected
from support.gateway import config, provider
from support.pairs import APIS, CLIENTS, PAIRS, PLAIN_AND_STREAM, error_body
from support.planted import FLAKY_KEY, STEADY_KEY
from support.streams import STREAMED, Answer, Api, Json
from support.until import until
from support.upstream import Reply, Request, Upstream, json_reply, sse_reply
from support.validators import check

ASK = Ask((user("Hello"),))
ANSWER = Answer("All is well")
WELL = answering(ANSWER)
QUICK = {"max_retries": 2, "base_delay": "1ms", "max_delay": "50ms"}
NEVER_EJECTED = {"consecutive_failures": 1_000_000, "min_requests": 1_000_000}


@contextlib.contextmanager
def resetting() -> Iterator[str]:
    """Base URL of a server that resets each connection when it has got something."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65_536)
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()


@pytest.fixture(scope="module")
def session_flaky() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture
def flaky(session_flaky: Upstream) -> Iterator[Upstream]:
    """The upstream that is asked first."""
    session_flaky.script(json_reply({}))
    yield session_flaky
    assert not session_flaky.mistakes


@pytest.fixture(autouse=True)
def steady(upstream: Upstream) -> Upstream:
    """The one that is asked next, and answers well in every API."""
    upstream.script(WELL)
    return upstream


def in_order(*targets: str, **more: Any) -> Json:
    """An alias whose deployments are asked in this order."""
    deployments = [{"target": name, "priority": at} for at, name in enumerate(targets, 1)]
    return {"deployments": deployments, **more}


def entry(url: str, api: Api, name: str, key: str, **more: Any) -> Json:
    own = {"name": f"{name}-{api}", "model": f"{name}-{api}/{name}-{api}-model"}
    return provider(url, api, **own, access_key=key, **more)


@pytest.fixture(scope="module")
def gateway_config(session_flaky: Upstream, session_upstream: Upstream) -> Iterator[Json]:
    stall = {"timeouts": {"first_event": "300ms"}}
    with resetting() as reset_url, socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        refused_url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        aliases: Json = {}
        for first in APIS:
            for name in ("refused", "reset"):
                aliases[f"{name}-{first}"] = in_order(f"{name}-{first}", f"steady-{first}")
            for second in APIS:
                alias = in_order(f"flaky-{first}", f"steady-{second}")
                aliases[f"{first}-then-{second}"] = alias
                aliases[f"{first}-or-{second}"] = {
                    "target": f"flaky-{first}",
                    "fallbacks": [f"steady-{second}"],
                    "fallback_on": ["server_error", "context_window", "content_policy"],
                }
        yield config(
            *(entry(session_flaky.base_url, api, "flaky", FLAKY_KEY, **stall) for api in APIS),
            *(entry(session_upstream.base_url, api, "steady", STEADY_KEY) for api in APIS),
            *(entry(refused_url, api, "refused", FLAKY_KEY) for api in APIS),
            *(entry(reset_url, api, "reset", FLAKY_KEY) for api in APIS),
            model_aliases=aliases,
            retries=QUICK,
            health=NEVER_EJECTED,
        )


@pytest.fixture(scope="module")
def clients(gateway_factory: GatewayFactory, gateway_config: Json) -> Clients:
    return Clients(gateway_factory(gateway_config).base_url)


Failing = Callable[[Api, threading.Event], Reply | Callable[[Request], Reply]]


def status(status: int, **headers: str) -> Failing:
    def failing(api: Api, _: threading.Event) -> Reply:
        return json_reply(error_body(api, "Not now", "api_error", "server_error"), status, headers)

    return failing


def first_event(api: Api, _: threading.Event) -> Callable[[Request], Reply]:
    error = error_body(api, "Overloaded", "overloaded_error", "server_is_overloaded")
    event = b"event: error\ndata: " + json.dumps(error).encode() + b"\n\n"
    streamed = sse_reply([b": is being processed\n\n", event + b"data: [DONE]\n\n"])
    return lambda request: streamed if request.json.get("stream") else json_reply(error)


def silent_before_the_head(_: Api, release: threading.Event) -> Callable[[Request], Reply]:
    def reply(request: Request) -> Reply:
        if not request.json.get("stream"):  # a plain reply is silent until it is whole
            return json_reply({}, 503)
        release.wait(20)
        return Reply(broken=True)

    return reply


def silent_behind_the_head(_: Api, release: threading.Event) -> Callable[[Request], Reply]:
    streamed = sse_reply([b": is being processed\n\n", release], broken=True)
    return lambda request: streamed if request.json.get("stream") else json_reply({}, 503)


def breaks_before_the_first_event(_: Api, __: threading.Event) -> Callable[[Request], Reply]:
    streamed = sse_reply([b": is being processed\n\n", b"data: {"], broken=True)
    return lambda request: streamed if request.json.get("stream") else Reply([b"{"], broken=True)


WAYS: dict[str, Failing] = {
    "401": status(401),
    "408": status(408),
    "429": status(429),
    "500": status(500),
    "503": status(503),
    "529": status(529),
    "redirect": lambda *_: Reply([], 307, {"location": "http://127.0.0.1:9/elsewhere"}),
    "html": lambda *_: Reply([b"<html>Oops</html>"], headers={"content-type": "text/html"}),
    "nothing": lambda *_: Reply([], headers={"content-type": "application/json"}),
    "first event is an error": first_event,
    "silent before the head": silent_before_the_head,
    "silent behind the head": silent_behind_the_head,
    "breaks before the first event": breaks_before_the_first_event,
}


@pytest.fixture
def release() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@CLIENTS
@PLAIN_AND_STREAM
@pytest.mark.parametrize("way", WAYS)
def test_one_good_answer(
    flaky: Upstream,
    steady: Upstream,
    clients: Clients,
    release: threading.Event,
    client_api: Api,
    way: str,
    stream: bool,
) -> None:
    flaky.script(WAYS[way](client_api, release))

    got = clients.ask(client_api, f"{client_api}-then-{client_api}", ASK, stream=stream)

    assert got.text == ANSWER.text
    assert [len(flaky.requests), len(steady.requests)] == [1, 1]
    headers = clients.recorder.headers
    assert headers["x-gateway-provider"] == f"steady-{client_api}"
    assert headers["x-gateway-model"] == f"steady-{client_api}-model"
    assert headers["x-gateway-attempts"] == "2"


@CLIENTS
@PLAIN_AND_STREAM
@pytest.mark.parametrize("name", ["refused", "reset"])
def test_one_good_answer_where_nobody_listens(
    clients: Clients, client_api: Api, name: str, stream: bool
) -> None:
    got = clients.ask(client_api, f"{name}-{client_api}", ASK, stream=stream)

    assert got.text == ANSWER.text
    assert clients.recorder.headers["x-gateway-attempts"] == "2"


@PAIRS
@PLAIN_AND_STREAM
def test_a_request_is_translated_anew_for_a_deployment_with_another_api(
    flaky: Upstream,
    steady: Upstream,
    clients: Clients,
    client_api: Api,
    upstream_api: Api,
    stream: bool,
) -> None:
    """`upstream_api` is the second one's; the first one speaks the next of the three."""
    first = APIS[(APIS.index(upstream_api) + 1) % 3]
    flaky.script(status(503)(first, threading.Event()))
    model = f"{first}-then-{upstream_api}"

    got = clients.ask(client_api, model, ASK, stream=stream)

    told = None if client_api == upstream_api != "messages" else model
    assert got == expected(replace(ANSWER, model=told or got.model), told)
    assert flaky.last.json["model"] == f"flaky-{first}-model"
    assert steady.last.json["model"] == f"steady-{upstream_api}-model"
    assert FLAKY_KEY not in str(steady.last.headers)
    assert STEADY_KEY in str(steady.last.headers)
    for request in (flaky.last, steady.last):
        assert CLIENT_KEY not in str(request.headers)


@PAIRS
def test_the_second_is_told_all_of_a_long_history(
    flaky: Upstream, steady: Upstream, clients: Clients, client_api: Api, upstream_api: Api
) -> None:
    """Whoever was asked first has read nothing away."""
    first = APIS[(APIS.index(upstream_api) + 1) % 3]
    flaky.script(status(503)(first, threading.Event()))
    ask = Ask((user("as it was — " * 3000, "And now?"),))

    body = {"model": f"{first}-then-{upstream_api}", **WRITERS[client_api](ask)}
    sent = json.dumps(body, ensure_ascii=False).encode()
    assert clients.post(PATHS[client_api], sent).status_code == 200

    assert READERS[first](flaky.last.json).turns == ask.turns
    assert READERS[upstream_api](steady.last.json).turns == ask.turns


@PLAIN_AND_STREAM
def test_warnings_are_those_of_the_attempt_that_answered(
    flaky: Upstream, clients: Clients, stream: bool
) -> None:
    flaky.script(status(503)("messages", threading.Event()))
    asked = {"temperature": 1.7, "seed": 7, "stream": stream}

    to_its_own = clients.raw("chat_completions", "messages-then-chat_completions", ASK, **asked)
    to_responses = clients.raw("chat_completions", "messages-then-responses", ASK, **asked)
    lone = clients.raw("chat_completions", "steady-responses", ASK, **asked)

    assert "x-gateway-warning" not in to_its_own.headers
    assert "seed" in lone.headers["x-gateway-warning"]
    assert to_responses.headers["x-gateway-warning"] == lone.headers["x-gateway-warning"]


def test_headers_are_those_of_the_attempt_that_answered(flaky: Upstream, clients: Clients) -> None:
    more = {"retry-after": "3600", "x-request-id": "req_flaky", "x-should-retry": "true"}
    flaky.script(status(503, **more)("chat_completions", threading.Event()))

    headers = clients.raw("chat_completions", "chat_completions-then-responses", ASK).headers

    assert not {"retry-after", "x-should-retry"} & set(headers)
    assert headers["x-request-id"] == headers["x-gateway-request-id"]


@PAIRS
def test_a_stream_that_breaks_after_its_first_event_is_not_begun_again(
    flaky: Upstream, steady: Upstream, clients: Clients, client_api: Api, upstream_api: Api
) -> None:
    stream = STREAMED[upstream_api](Answer("Half an answer")).encode()
    flaky.script(sse_reply(stream[: stream.index(b"answer")], broken=True))
    model = f"{upstream_api}-then-{upstream_api}"

    with pytest.raises(FAILURES):
        clients.ask(client_api, model, ASK, stream=True)

    assert clients.recorder.headers["x-gateway-attempts"] == "1"
    assert check(client_api, bytes(clients.recorder.body)) == "failed"
    assert [len(flaky.requests), len(steady.requests)] == [1, 0]


@CLIENTS
@pytest.mark.parametrize("code", [400, 404, 413, 422])
def test_what_the_client_did_wrong_is_told_at_once(
    flaky: Upstream, steady: Upstream, clients: Clients, client_api: Api, code: int
) -> None:
    flaky.script(
        json_reply(error_body(client_api, "Wrong", "invalid_request_error", "invalid"), code)
    )

    answer = clients.raw(client_api, f"{client_api}-then-{client_api}", ASK)

    assert answer.status_code == code
    assert answer.headers["x-gateway-attempts"] == "1"
    assert [len(flaky.requests), len(steady.requests)] == [1, 0]


@CLIENTS
@PLAIN_AND_STREAM
@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("prompt is too long: 9 tokens > 8 maximum", "context_length_exceeded"),
        ("Blocked by the content filtering policy", "content_filter"),
    ],
)
def test_another_model_answers_what_this_one_cannot(
    flaky: Upstream,
    clients: Clients,
    client_api: Api,
    message: str,
    code: str,
    stream: bool,
) -> None:
    body = error_body(client_api, message, "invalid_request_error", code)
    flaky.script(json_reply(body, 400))

    for second in APIS:
        got = clients.ask(client_api, f"{client_api}-or-{second}", ASK, stream=stream)
        assert got.text == ANSWER.text
        assert clients.recorder.headers["x-gateway-provider"] == f"steady-{second}"
        assert clients.recorder.headers["x-gateway-attempts"] == "2"


def test_a_failure_that_is_not_listed_is_no_reason_for_another_model(
    flaky: Upstream, steady: Upstream, clients: Clients
) -> None:
    flaky.script(status(429)("chat_completions", threading.Event()))

    answer = clients.raw("chat_completions", "chat_completions-or-messages", ASK)

    assert answer.status_code == 429
    assert steady.requests == []


@CLIENTS
@PLAIN_AND_STREAM
def test_an_only_deployment_is_asked_again(
    flaky: Upstream, clients: Clients, client_api: Api, stream: bool
) -> None:
    def reply(request: Request) -> Reply:
        if len(flaky.requests) < 3:
            return json_reply(error_body(client_api, "Not now", "api_error"), 503)
        return WELL(request)

    flaky.script(reply)

    got = clients.ask(client_api, f"flaky-{client_api}", ASK, stream=stream)

    assert got.text == ANSWER.text
    assert clients.recorder.headers["x-gateway-attempts"] == "3"
    assert len({request.body for request in flaky.requests}) == 1


def test_when_all_fail_the_last_error_is_told(
    flaky: Upstream, steady: Upstream, clients: Clients
) -> None:
    flaky.script(status(401)("chat_completions", threading.Event()))
    error = error_body("messages", "We are overloaded", "overloaded_error")
    steady.script(json_reply(error, 529, {"request-id": "req_steady"}))

    answer = clients.raw("responses", "chat_completions-then-messages", ASK)

    assert answer.status_code == 503
    assert answer.json()["error"]["message"] == "We are overloaded"
    assert answer.headers["x-request-id"] == "req_steady"
    assert answer.headers["x-gateway-attempts"] == "3"


def test_the_clients_own_deadline_bounds_the_retries(
    flaky: Upstream, clients: Clients, release: threading.Event
) -> None:
    flaky.script(silent_before_the_head("chat_completions", release))
    body = json.dumps({"model": "flaky-chat_completions", "messages": [], "stream": True})

    answer = clients.post("/v1/chat/completions", body, **{"x-stainless-read-timeout": "0.35"})

    assert answer.status_code == 504
    assert len(flaky.requests) <= 2, "a third would have been too late"


def test_a_count_of_tokens_is_tried_elsewhere_too(
    flaky: Upstream, steady: Upstream, clients: Clients
) -> None:
    flaky.script(status(503)("messages", threading.Event()))
    steady.script(json_reply({"input_tokens": 7}))
    body = json.dumps({"model": "messages-then-messages", "messages": []})

    answer = clients.post("/v1/messages/count_tokens", body)

    assert answer.json() == {"input_tokens": 7}
    assert answer.headers["x-gateway-attempts"] == "2"


def test_an_ejected_deployment_gets_no_requests_until_it_is_well(
    flaky: Upstream, gateway_factory: GatewayFactory, gateway_config: Json
) -> None:
    health = {"consecutive_failures": 3, "ejection_time": "500ms", "max_ejection_time": "500ms"}
    clients = Clients(gateway_factory({**gateway_config, "health": health}).base_url)

    def asked() -> tuple[str, str]:
        answer = clients.raw("messages", "messages-then-messages", ASK)
        assert answer.status_code == 200
        return answer.headers["x-gateway-provider"], answer.headers["x-gateway-attempts"]

    flaky.script(status(500)("messages", threading.Event()))
    assert [asked() for _ in range(3)] == [("steady-messages", "2")] * 3
    assert asked() == ("steady-messages", "1")
    assert len(flaky.requests) == 3
    until(lambda: asked() == ("steady-messages", "2"))
    assert len(flaky.requests) == 4, "one probe"
    assert asked() == ("steady-messages", "1"), "which ejected it again"
    flaky.script(WELL)
    until(lambda: asked() == ("flaky-messages", "1"))
    assert asked() == ("flaky-messages", "1")


def test_a_rate_limit_is_kept_to(
    flaky: Upstream, steady: Upstream, gateway_factory: GatewayFactory, gateway_config: Json
) -> None:
    aliases = {"m": in_order("flaky-messages", "steady-messages")}
    clients = Clients(gateway_factory({**gateway_config, "model_aliases": aliases}).base_url)
    flaky.script(status(429, **{"retry-after": "3600"})("messages", threading.Event()))

    answers = [clients.raw("messages", "m", ASK) for _ in range(3)]

    assert [answer.headers["x-gateway-attempts"] for answer in answers] == ["2", "1", "1"]
    assert [len(flaky.requests), len(steady.requests)] == [1, 3]


def test_an_only_deployments_rate_limit_is_the_clients_to_wait_for(
    flaky: Upstream, clients: Clients
) -> None:
    flaky.script(status(429, **{"retry-after": "30"})("messages", threading.Event()))

    answer = clients.raw("messages", "flaky-messages", ASK)

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")
    assert len(flaky.requests) == 1


def test_all_ejected_is_none_ejected(
    flaky: Upstream, gateway_factory: GatewayFactory, gateway_config: Json
) -> None:
    health = {"consecutive_failures": 1, "ejection_time": "5m"}
    alias = {"deployments": [{"target": "flaky-messages"}, {"target": "refused-messages"}]}
    given = {**gateway_config, "health": health, "model_aliases": {"both": alias}}
    clients = Clients(gateway_factory(given).base_url)
    flaky.script(status(500)("messages", threading.Event()))
    for _ in range(3):
        assert clients.raw("messages", "both", ASK).status_code in (500, 502)
    flaky.script(WELL)
    statuses = [clients.raw("messages", "both", ASK).status_code for _ in range(4)]
    assert statuses[-1] == 200


def test_streams_under_way_are_shared_by_weight(
    flaky: Upstream,
    steady: Upstream,
    release: threading.Event,
    gateway_factory: GatewayFactory,
    gateway_config: Json,
) -> None:
    deployments = [{"target": "flaky-messages", "weight": 3}, {"target": "steady-messages"}]
    aliases = {"shared": {"deployments": deployments}}
    clients = Clients(gateway_factory({**gateway_config, "model_aliases": aliases}).base_url)
    stream = STREAMED["messages"](ANSWER).encode()
    begun, rest = stream[: stream.index(b"\n\n") + 2], stream[stream.index(b"\n\n") + 2 :]
    for upstream in (flaky, steady):
        upstream.script(lambda _: sse_reply([begun, release, rest]))

    with contextlib.ExitStack() as opened:
        answers = [opened.enter_context(clients.open("messages", "shared", ASK)) for _ in range(12)]
        release.set()
        assert all(check("messages", answer.read()) == "finished" for answer in answers)

    assert [len(flaky.requests), len(steady.requests)] == [9, 3]


def test_retries_do_not_multiply_an_outage(
    flaky: Upstream, gateway_factory: GatewayFactory, gateway_config: Json
) -> None:
    retries = {**QUICK, "budget": 0.1}
    clients = Clients(gateway_factory({**gateway_config, "retries": retries}).base_url)
    flaky.script(status(500)("messages", threading.Event()))
    for _ in range(60):
        assert clients.raw("messages", "flaky-messages", ASK).status_code == 500
    assert 60 + 10 <= len(flaky.requests) <= 60 + 10 + 0.1 * 60 + 1 + 11, "without a budget: 180"
