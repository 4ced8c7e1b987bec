"""What clients may use: requests, tokens, money and places, in memory and in Redis, and what they are told of it.

Here: gateways as processes, before a scripted upstream and a real Redis that is killed. Not here: the parts alone
(tests/access).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import anthropic
import httpx2
import openai
import pytest
import redis
from support.answers import answering
from support.databases import PASSWORD, PLAIN_PASSWORD, RedisServer
from support.gateway import GatewayProcess, config, provider
from support.keyed import (
    ANSWER,
    APIS,
    KEY,
    USED,
    Client,
    client_key,
    gateway_config,
    key_of,
    refused,
)
from support.streams import STREAMED, Answer, Api, Json, Usage, chat_stream
from support.until import until
from support.upstream import Reply, Request, Upstream, json_reply, sse_reply


@pytest.fixture
def upstream(upstream: Upstream) -> Upstream:
    """It answers everything."""
    upstream.script(answering(ANSWER))
    return upstream


@pytest.mark.parametrize("api", APIS)
def test_requests_are_limited_and_the_limit_is_told(
    keyed: GatewayProcess, upstream: Upstream, api: Api
) -> None:
    key = key_of(f"requests-{api}")
    client = Client(keyed, key)
    first, second = client.ask(api).headers, client.ask(api).headers
    with pytest.raises(refused(api, "RateLimitError")) as told:
        client.ask(api)
    assert told.value.status_code == 429
    last = told.value.response.headers
    assert int(last["retry-after"]) > 60
    assert last["x-should-retry"] == "false"
    if api == "messages":
        names = [f"anthropic-ratelimit-requests-{w}" for w in ("limit", "remaining", "reset")]
        assert first[names[2]].endswith("Z")
        assert told.value.body["error"]["type"] == "rate_limit_error"  # type: ignore[index]
    else:
        names = [f"x-ratelimit-{w}-requests" for w in ("limit", "remaining", "reset")]
        assert first[names[2]].endswith("s")
        assert told.value.code == "rate_limit_exceeded"  # type: ignore[attr-defined]
    assert [h[names[0]] for h in (first, second, last)] == ["2", "2", "2"]
    assert [h[names[1]] for h in (first, second, last)] == ["1", "0", "0"]
    assert len(upstream.requests) == 2


@pytest.mark.parametrize("model", [f"{api}-model" for api in APIS])
@pytest.mark.parametrize("api", APIS)
def test_tokens_of_streams_and_replies_count_for_the_next_request(
    keyed: GatewayProcess, upstream: Upstream, api: Api, model: str
) -> None:
    for way in ("plain", "streamed"):
        client = Client(keyed, key_of(f"{way}-{api}-{model.removesuffix('-model')}"))
        for _ in range(2):
            client.ask(api, model) if way == "plain" else client.stream(api, model)
        until(lambda: nothing_is_under_way(keyed))
        with pytest.raises(refused(api, "RateLimitError")) as told:
            client.ask(api, model)
        assert "100 tokens" in str(told.value)
    assert len(upstream.requests) == 4


def test_tokens_left_are_told(keyed: GatewayProcess) -> None:
    key = key_of("told")
    client = Client(keyed, key)
    client.ask("responses")
    told = client.ask("responses").headers
    assert told["x-ratelimit-limit-tokens"] == "100"
    assert told["x-ratelimit-remaining-tokens"] == str(100 - USED)
    assert "x-ratelimit-limit-requests" not in told


def test_money_is_limited_by_what_tokens_cost(upstream: Upstream) -> None:
    upstream.script(answering(Answer("Hello", usage=Usage(1000, 0, 0, 1000, 0))))
    entry = provider(upstream.base_url, "chat_completions", model="openai/gpt-4o", name="gpt")
    # 1000 tokens in and 1000 out cost 1.25 cents.
    source = config(entry, access={"keys": [{"id": "a", "key": KEY, "budget": "0.02/d"}]})
    with GatewayProcess(source) as gateway:
        client = Client(gateway)
        client.ask("chat_completions", "gpt-4o")
        client.ask("messages", "gpt-4o")
        with pytest.raises(openai.RateLimitError) as told:
            client.ask("chat_completions", "gpt-4o")
        assert told.value.code == "insufficient_quota"
        with pytest.raises(anthropic.APIStatusError) as refused_too:
            client.ask("messages", "gpt-4o")
        assert refused_too.value.status_code == 402


def test_usage_that_cannot_be_keeps_nobody_from_the_reply(upstream: Upstream) -> None:
    """As where an upstream writes -1 for what it does not know."""
    answer = replace(ANSWER, usage=Usage(-1, 0, 0, -1, 0))
    upstream.script(answering(answer))
    with GatewayProcess(
        gateway_config(upstream, client_key("impossible", budget="1/d"))
    ) as gateway:
        client = Client(gateway, key_of("impossible"))
        for api in APIS:
            for other in APIS:
                assert client.ask(api, f"{other}-model").status_code == 200
                client.stream(api, f"{other}-model")


@pytest.mark.parametrize("api", APIS)
def test_streams_count_until_they_are_closed(
    keyed: GatewayProcess, upstream: Upstream, api: Api
) -> None:
    key = key_of(f"concurrent-{api}")
    go_on = threading.Event()
    data = STREAMED["chat_completions"](ANSWER).encode()
    half = data.index(b"\n\n") + 2
    upstream.script(lambda _: sse_reply([data[:half], go_on, data[half:]]))
    body = {"model": "chat_completions-model", "stream": True, "max_tokens": 9}
    body |= (
        {"input": "x"} if api == "responses" else {"messages": [{"role": "user", "content": "x"}]}
    )
    path = {"chat_completions": "/v1/chat/completions", "messages": "/v1/messages"}
    url = keyed.base_url + path.get(api, "/v1/responses")
    headers = {"authorization": f"Bearer {key}"}
    with httpx2.stream("POST", url, json=body, headers=headers) as stream:
        pieces = stream.iter_bytes()
        next(pieces)
        with pytest.raises(refused(api, "RateLimitError")) as told:
            Client(keyed, key).ask(api)
        assert told.value.response.headers["retry-after"] == "1"
    # The client has left in the middle of the stream: its place is free.
    upstream.script(answering(ANSWER))
    until(lambda: is_admitted(keyed, key, api))
    Client(keyed, key).stream(api, "chat_completions-model")
    assert Client(keyed, key).ask(api).status_code == 200
    go_on.set()


def nothing_is_under_way(gateway: GatewayProcess) -> bool:
    """A stream is charged for when it is closed, a moment after its client has all of it."""
    told = httpx2.get(f"{gateway.base_url}/metrics").text.splitlines()
    counts = [line for line in told if line.startswith("wsgi_gateway_streams_in_flight{")]
    assert counts
    return all(float(line.rpartition(" ")[2]) == 0 for line in counts)


def is_admitted(gateway: GatewayProcess, key: str, api: Api) -> bool:
    with contextlib.suppress(openai.RateLimitError, anthropic.RateLimitError):
        return Client(gateway, key).ask(api).status_code == 200
    return False


def test_a_stream_that_is_told_whole_is_under_way_no_more(
    keyed: GatewayProcess, upstream: Upstream
) -> None:
    """Though its upstream leaves the body open."""
    go_on = threading.Event()
    data = chat_stream(ANSWER, usage=False).encode()
    upstream.script(lambda _: sse_reply([data, go_on]))
    client = Client(keyed, key_of("serial"))
    for _ in range(5):
        client.stream("chat_completions", "chat_completions-model")
    go_on.set()


def test_a_client_that_leaves_has_used_tokens_too(
    keyed: GatewayProcess, upstream: Upstream
) -> None:
    key = key_of("leaving")
    go_on = threading.Event()
    chunk = STREAMED["chat_completions"](ANSWER).encode().partition(b"\n\n")[0] + b"\n\n"
    upstream.script(lambda _: sse_reply([chunk * 60, go_on]))
    body = {"model": "chat_completions-model", "stream": True, "messages": []}
    url = f"{keyed.base_url}/v1/chat/completions"
    with httpx2.stream("POST", url, json=body, headers={"x-api-key": key}) as stream:
        next(stream.iter_bytes())
    upstream.script(answering(ANSWER))
    until(lambda: not is_admitted(keyed, key, "chat_completions"))
    assert len(upstream.requests) < 2
    go_on.set()


def test_what_failed_costs_nothing(keyed: GatewayProcess, upstream: Upstream) -> None:
    key = key_of("failing")
    for reply in (sse_reply(b""), json_reply({"error": {"message": "no"}}, 400)):
        upstream.script(reply)
        for _ in range(3):
            body = {"model": "chat_completions-model", "stream": True, "messages": ["x" * 900]}
            url = f"{keyed.base_url}/v1/chat/completions"
            told = httpx2.post(url, json=body, headers={"x-api-key": key})
            assert told.status_code in (400, 502)
    upstream.script(answering(ANSWER))
    told = Client(keyed, key).ask("chat_completions")
    assert told.headers["x-ratelimit-remaining-tokens"] == "50"


def test_only_the_attempt_that_answered_costs(upstream: Upstream) -> None:
    """The first says 200 and breaks off before its first event; a stream begins with keepalives meanwhile."""
    entries = [
        provider(upstream.base_url, "chat_completions", fallbacks=["only-messages"]),
        provider(upstream.base_url, "messages"),
    ]
    answers = answering(ANSWER)

    def script(request: Request) -> Reply:
        return sse_reply(b"") if request.path == "/v1/chat/completions" else answers(request)

    upstream.script(script)
    source = config(
        *entries,
        access={"keys": [client_key("falling-back", tokens="1000/h", concurrency=1)]},
        keepalive={"interval": "20ms", "before_first_event": True},
    )
    with GatewayProcess(source) as gateway:
        client = Client(gateway, key_of("falling-back"))
        for _ in range(3):
            client.stream("chat_completions", "chat_completions-model")
        until(lambda: nothing_is_under_way(gateway))
        told = client.ask("messages").headers
        assert told["anthropic-ratelimit-tokens-remaining"] == str(1000 - 3 * USED)


def test_usage_that_nobody_asked_for_is_not_shown(
    keyed: GatewayProcess, upstream: Upstream
) -> None:
    key = key_of("not-asking")
    body = {"model": "chat_completions-model", "stream": True, "messages": []}
    url = f"{keyed.base_url}/v1/chat/completions"
    told = httpx2.post(url, json=body, headers={"x-api-key": key})
    assert upstream.last.json["stream_options"] == {"include_usage": True}
    assert '"choices":[]' not in told.text.replace(" ", "")
    assert told.text.endswith("data: [DONE]\n\n")
    asked = {**body, "stream_options": {"include_usage": True}}
    told = httpx2.post(url, json=asked, headers={"x-api-key": key})
    assert '"choices":[]' in told.text.replace(" ", "")
    upstream_saw = httpx2.post(url, json=body, headers={"x-api-key": key}).headers
    assert upstream_saw["x-ratelimit-remaining-tokens"] == str(1000 - 2 * USED)


def test_a_response_in_the_background_is_under_way_until_it_is_made(
    keyed: GatewayProcess, upstream: Upstream
) -> None:
    go_on = threading.Event()
    data = STREAMED["chat_completions"](ANSWER).encode()
    upstream.script(lambda _: sse_reply([go_on, data]))
    key = key_of("working")
    client = Client(keyed, key)
    made = client.openai.responses.create(
        model="chat_completions-model", input="x", background=True
    )
    with pytest.raises(openai.RateLimitError, match="1 request under way"):
        client.ask("responses")
    go_on.set()
    until(lambda: client.openai.responses.retrieve(made.id).status == "completed")
    upstream.script(answering(ANSWER))
    until(lambda: "1 request under way" not in refusal_of(client))
    assert "50 tokens" in refusal_of(client)


def refusal_of(client: Client) -> str:
    with pytest.raises(openai.RateLimitError) as told:
        client.ask("responses")
    return str(told.value)


def test_a_question_for_a_token_count_uses_none(keyed: GatewayProcess) -> None:
    key = key_of("counting")
    counter = Client(keyed, key).anthropic.messages
    for _ in range(3):
        counter.count_tokens(model="responses-model", messages=[{"role": "user", "content": "x"}])
    with pytest.raises(anthropic.RateLimitError):
        counter.count_tokens(model="responses-model", messages=[{"role": "user", "content": "x"}])


# --- Redis


@pytest.fixture
def server(redis_server: RedisServer) -> Iterator[RedisServer]:
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    yield redis_server
    redis_server.start()


def shared(upstream: Upstream, server: RedisServer, **more: Any) -> Json:
    key = {"id": "a", "key": KEY, "requests": "4/h", "tokens": "1000/h"}
    return gateway_config(upstream, key, storage={"url": server.url}, **more)


def test_two_gateways_enforce_one_limit(upstream: Upstream, server: RedisServer) -> None:
    source = shared(upstream, server)
    with GatewayProcess(source) as one, GatewayProcess(source) as other:
        told = [Client(each).ask("responses").headers for each in (one, other, one, other)]
        left = [headers["x-ratelimit-remaining-requests"] for headers in told]
        assert left == ["3", "2", "1", "0"]
        assert told[3]["x-ratelimit-remaining-tokens"] == str(1000 - 3 * USED)
        for each in (one, other):
            with pytest.raises(openai.RateLimitError) as refusal:
                Client(each).ask("responses")
            assert int(refusal.value.response.headers["retry-after"]) > 60
        assert PASSWORD not in one.output
        assert PLAIN_PASSWORD not in one.output


@pytest.mark.parametrize("choice", ["open", "closed"])
def test_while_redis_is_away_the_configured_choice_holds(
    upstream: Upstream, server: RedisServer, choice: str
) -> None:
    source = shared(upstream, server, on_limiter_failure=choice)
    with GatewayProcess(source) as one, GatewayProcess(source) as other:
        clients = [Client(one), Client(other)]
        for client in clients:
            client.ask("responses")
        server.kill()
        for client in clients * 3:
            if choice == "open":
                told = client.ask("responses").headers
                assert "x-ratelimit-limit-requests" not in told
                continue
            with pytest.raises(openai.InternalServerError) as refusal:
                client.ask("responses")
            assert refusal.value.status_code == 503
            assert refusal.value.code == "limits_unavailable"
            assert refusal.value.response.headers["retry-after"] == "1"
        server.start()
        for client in clients:
            until(partial(counts_again, client))
        for client in clients:
            until(partial(is_refused, client))
        for gateway in (one, other):
            assert gateway.output.count("limits in Redis are unavailable") == 1
            assert gateway.output.count("limits in Redis are back") == 1
            assert PASSWORD not in gateway.output
            assert PLAIN_PASSWORD not in gateway.output


def counts_again(client: Client) -> bool:
    with contextlib.suppress(openai.InternalServerError):
        return "x-ratelimit-limit-requests" in client.ask("responses").headers
    return False


def is_refused(client: Client) -> bool:
    with contextlib.suppress(openai.RateLimitError):
        client.ask("responses")
        return False
    return True


# --- Plano's ratelimits


def test_plano_s_limits_hold_by_header_with_and_without_keys(upstream: Upstream) -> None:
    limits = [
        {
            "model": "chat_completions-model",
            "selector": {"key": "X-Team", "value": "small"},
            "limit": {"tokens": 1, "unit": "hour"},
        },
        {
            "model": "scripted-chat_completions/chat_completions-model",
            "selector": {"key": "x-user"},
            "limit": {"tokens": 100, "unit": "day"},
        },
    ]
    entry = provider(upstream.base_url, "chat_completions")
    with GatewayProcess(config(entry, ratelimits=limits)) as gateway:

        def ask(**headers: str) -> None:
            Client(gateway, "any", **headers).ask("chat_completions")

        attempts: list[tuple[int, Callable[[], None]]] = [
            (1, lambda: ask(**{"x-team": "small"})),
            (2, lambda: ask(**{"x-user": "one"})),
            (2, lambda: ask(**{"x-user": "two"})),
        ]
        for allowed, attempt in attempts:
            for _ in range(allowed):
                attempt()
            with pytest.raises(openai.RateLimitError):
                attempt()
        for _ in range(3):
            ask(**{"x-team": "large"})
            ask()
