"""What comes with a reply, good or bad: request ids, limits, and whether to try again.

Here: the headers that SDKs and their users read, for all pairs. Not here: their values one by one
(tests/upstream/test_limits.py), headers of requests (test_passthrough.py).
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import anthropic
import openai
import pytest
from support.asks import Ask, user
from support.dialects import Clients
from support.pairs import PAIRS, PLAIN_AND_STREAM, error_body, model_of, reply_to
from support.streams import Answer, Api
from support.upstream import Reply, Request, Upstream, json_reply, sse_reply

ASK = Ask((user("Hello"),))


def with_headers(reply: Reply, **headers: str) -> Reply:
    return replace(reply, headers={**reply.headers, **headers})


def failing(api: Api, how: str) -> Reply:
    error = error_body(api, "No room", "api_error", "server_error")
    if how == "first event of a stream":
        return sse_reply(b"event: error\ndata: " + json.dumps(error).encode() + b"\n\n")
    return json_reply(error, 200 if how == "error with status 200" else int(how))


@PAIRS
@PLAIN_AND_STREAM
@pytest.mark.parametrize(
    "how", ["400", "401", "429", "500", "error with status 200", "first event of a stream"]
)
def test_request_ids_come_with_every_error(
    upstream: Upstream,
    clients: Clients,
    client_api: Api,
    upstream_api: Api,
    how: str,
    stream: bool,
) -> None:
    name = "request-id" if upstream_api == "messages" else "x-request-id"
    upstream.script(with_headers(failing(upstream_api, how), **{name: "req_upstream"}))

    sdk = anthropic if client_api == "messages" else openai
    with pytest.raises(sdk.APIStatusError) as failure:
        clients.ask(client_api, model_of(upstream_api), ASK, stream=stream)

    headers = failure.value.response.headers
    assert (
        failure.value.request_id
        == headers["x-request-id"]
        == headers["request-id"]
        == "req_upstream"
    )
    assert headers["x-gateway-request-id"] not in {"", "req_upstream"}


@PAIRS
@PLAIN_AND_STREAM
def test_request_ids_come_with_every_success(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api, stream: bool
) -> None:
    name = "request-id" if upstream_api == "messages" else "x-request-id"

    def reply(request: Request) -> Reply:
        answer = reply_to(request, upstream_api, Answer("Hello"))
        return with_headers(answer, **{name: "req_upstream"})

    upstream.script(reply)
    headers = clients.raw(client_api, model_of(upstream_api), ASK, stream=stream).headers

    assert headers["x-request-id"] == headers["request-id"] == "req_upstream"
    assert headers["x-gateway-request-id"] not in {"", "req_upstream"}


@PAIRS
@PLAIN_AND_STREAM
@pytest.mark.parametrize("status", [200, 429])
def test_limits_come_under_the_names_of_the_clients_api(
    upstream: Upstream,
    clients: Clients,
    client_api: Api,
    upstream_api: Api,
    status: int,
    stream: bool,
) -> None:
    names = {
        "messages": ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
        "openai": ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    }
    resets = {"messages": "2001-01-01T00:00:00Z", "openai": "0s"}
    theirs, ours = (api if api == "messages" else "openai" for api in (upstream_api, client_api))
    sent = {names[theirs][0]: "17", names[theirs][1]: resets[theirs], "retry-after": "7"}

    def reply(request: Request) -> Reply:
        answer = reply_to(request, upstream_api, Answer("Hello"))
        if status != 200:
            answer = failing(upstream_api, "429")
        return with_headers(answer, **sent)

    upstream.script(reply)
    answer = clients.raw(client_api, model_of(upstream_api), ASK, stream=stream)

    assert answer.status_code == status
    assert sent.items() <= dict(answer.headers).items(), "the upstream's own names are kept"
    remaining, reset = names[ours]
    assert answer.headers[remaining] == "17"
    if ours != theirs == "messages":
        assert answer.headers[reset] == "0s"
    elif ours != theirs:
        assert datetime.fromisoformat(answer.headers[reset]) <= datetime.now(UTC)
    assert "x-should-retry" not in answer.headers


@PAIRS
@pytest.mark.parametrize(
    ("code", "headers", "should_retry"),
    [
        ("rate_limit_exceeded", {"retry-after": "59"}, None),
        ("rate_limit_exceeded", {"retry-after": "59", "x-should-retry": "true"}, "true"),
        ("rate_limit_exceeded", {"retry-after": "3600"}, "false"),
        ("rate_limit_exceeded", {"retry-after": "3600", "x-should-retry": "true"}, "false"),
        ("rate_limit_exceeded", {"retry-after-ms": "90000"}, "false"),
        ("insufficient_quota", {}, "false"),
    ],
)
def test_clients_are_told_where_it_is_no_use_to_try_again(
    upstream: Upstream,
    clients: Clients,
    client_api: Api,
    upstream_api: Api,
    code: str,
    headers: dict[str, str],
    should_retry: str | None,
) -> None:
    """anthropic-py would sleep for the hour, and all SDKs would ask twice more of an account without money."""
    quota = code == "insufficient_quota"
    kind = "billing_error" if quota else "rate_limit_error"
    status = 402 if quota and upstream_api == "messages" else 429
    body = error_body(upstream_api, "Not now", kind if upstream_api == "messages" else code, code)
    upstream.script(json_reply(body, status, headers))

    answer = clients.raw(client_api, model_of(upstream_api), ASK)

    assert answer.headers.get("x-should-retry") == should_retry
    assert {name: answer.headers.get(name) for name in headers} == {
        **headers,
        **({"x-should-retry": should_retry} if "x-should-retry" in headers else {}),
    }
