"""Errors before the stream: HTTP statuses, in the client's dialect, with the right SDK exception.

Here: what upstreams refuse or garble, what clients send wrongly, what nobody may learn. Not here:
errors after the first event (test_failures.py), their headers (test_reply_headers.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from conftest import GatewayFactory
from support.asks import WRITERS, Ask, Image, user
from support.dialects import PATHS, Clients
from support.gateway import PROVIDER_KEY, config, provider
from support.pairs import (
    APIS,
    CLIENTS,
    PAIRS,
    PLAIN_AND_STREAM,
    TRANSLATED,
    check_error_body,
    error_body,
    model_of,
)
from support.streams import PLAIN, Answer, Api
from support.upstream import Reply, Upstream, closed_port, json_reply

ASK = Ask((user("Hello"),))

SDKS: dict[Api, Any] = {"chat_completions": openai, "messages": anthropic, "responses": openai}

TOLD: dict[int, tuple[str, str]] = {
    400: ("invalid_request_error", "invalid_value"),
    401: ("authentication_error", "invalid_api_key"),
    403: ("permission_error", "request_forbidden"),
    404: ("not_found_error", "model_not_found"),
    413: ("request_too_large", "request_too_large"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
    500: ("api_error", "server_error"),
    503: ("api_error", "server_is_overloaded"),
    529: ("overloaded_error", "server_is_overloaded"),
}
"""Statuses of upstreams, with the error's type at Anthropic and its code at OpenAI."""

PASSED_ON: dict[int, tuple[str, str]] = {
    400: ("BadRequestError", "BadRequestError"),
    404: ("NotFoundError", "NotFoundError"),
    413: ("APIStatusError", "ContentTooLargeError"),
    429: ("RateLimitError", "RateLimitError"),
    500: ("InternalServerError", "InternalServerError"),
}
"""Statuses that clients see as they are: the exception of openai's and of anthropic's SDK."""


def upstream_error(api: Api, status: int, message: str, **headers: str) -> Reply:
    kind, code = TOLD[status]
    return json_reply(error_body(api, message, kind, code), status, headers)


def failure_of(
    clients: Clients, client_api: Api, model: str, *, stream: bool = False
) -> openai.APIStatusError | anthropic.APIStatusError:
    with pytest.raises(SDKS[client_api].APIStatusError) as failure:
        clients.ask(client_api, model, ASK, stream=stream)
    check_error_body(client_api, bytes(clients.recorder.body))
    error: openai.APIStatusError | anthropic.APIStatusError = failure.value
    return error


@PAIRS
@PLAIN_AND_STREAM
@pytest.mark.parametrize("status", PASSED_ON)
def test_status_is_passed_on(
    upstream: Upstream,
    clients: Clients,
    client_api: Api,
    upstream_api: Api,
    status: int,
    stream: bool,
) -> None:
    upstream.script(upstream_error(upstream_api, status, "It is the upstream that says so"))

    failure = failure_of(clients, client_api, model_of(upstream_api), stream=stream)

    name = PASSED_ON[status][client_api == "messages"]
    assert type(failure) is getattr(SDKS[client_api], name)
    assert failure.status_code == status
    assert "It is the upstream that says so" in str(failure)


@PAIRS
@pytest.mark.parametrize("status", [401, 403])
def test_refused_gateway_key_is_not_the_clients_fault(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api, status: int
) -> None:
    upstream.script(upstream_error(upstream_api, status, "Your key is not welcome"))

    failure = failure_of(clients, client_api, model_of(upstream_api))

    assert failure.status_code in {500, 502}


@PAIRS
@pytest.mark.parametrize("status", [503, 529])
def test_overload_is_told_in_the_clients_status(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api, status: int
) -> None:
    if status == 529 and upstream_api != "messages":
        status = 503  # OpenAI knows no 529
    upstream.script(upstream_error(upstream_api, status, "Overloaded"))

    failure = failure_of(clients, client_api, model_of(upstream_api))

    if client_api == "messages":
        native = upstream_api == "messages"
        assert failure.status_code == (status if native else 529)
    else:
        assert failure.status_code == 503


@CLIENTS
def test_native_error_body_is_passed_on_whole(
    upstream: Upstream, clients: Clients, client_api: Api
) -> None:
    """SDKs read more of an error than any other API could tell."""
    body = error_body(client_api, "Too many", "invalid_request_error", "invalid_value")
    body["error"] |= {"param": "tools[3]", "details": {"error_code": "tool_name_conflict"}}
    body["field_of_2031"] = True
    upstream.script(json_reply(body, 400))

    answer = clients.raw(client_api, model_of(client_api), ASK)

    assert answer.json() == body


@PAIRS
def test_an_error_without_end_is_told_in_short(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api
) -> None:
    body = error_body(upstream_api, "Odd", "invalid_request_error")
    upstream.script(json_reply({**body, "more": [[]] * 500_000}, 400))

    answer = clients.raw(client_api, model_of(upstream_api), ASK)

    assert answer.status_code == 400
    assert "Odd" in check_error_body(client_api, answer.content)["message"]
    assert len(answer.content) < 10_000


@PAIRS
@pytest.mark.parametrize("status", [400, 401, 500])
def test_key_quoted_by_the_upstream_stays_secret(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api, status: int
) -> None:
    message = f"Incorrect API key provided: {PROVIDER_KEY}."
    upstream.script(upstream_error(upstream_api, status, message, **{"x-echo": PROVIDER_KEY}))

    answer = clients.raw(client_api, model_of(upstream_api), ASK)

    assert answer.status_code >= 400
    assert PROVIDER_KEY not in answer.text
    assert PROVIDER_KEY not in str(answer.headers)


GARBLED = {
    "html": Reply([b"<html>Bad gateway</html>"], headers={"content-type": "text/html"}),
    "empty": Reply([], headers={"content-type": "application/json"}),
    "no content": Reply([], 204),
    "error with status 200": json_reply({"error": {"message": "quota", "type": "server_error"}}),
    "list": json_reply([1, 2]),
    "other object": json_reply({"hello": "world"}),
    "redirect": Reply([], 307, {"location": "http://127.0.0.1:9/elsewhere"}),
}


@TRANSLATED
@PLAIN_AND_STREAM
@pytest.mark.parametrize("reply", GARBLED.values(), ids=list(GARBLED))
def test_reply_that_is_none_becomes_an_error(
    upstream: Upstream,
    clients: Clients,
    client_api: Api,
    upstream_api: Api,
    reply: Reply,
    stream: bool,
) -> None:
    upstream.script(reply)

    failure = failure_of(clients, client_api, model_of(upstream_api), stream=stream)

    assert failure.status_code >= 500
    assert len(upstream.requests) == 1


@CLIENTS
@PLAIN_AND_STREAM
@pytest.mark.parametrize("name", ["html", "empty", "no content", "redirect"])
def test_native_reply_that_is_none_becomes_an_error(
    upstream: Upstream, clients: Clients, client_api: Api, name: str, stream: bool
) -> None:
    upstream.script(GARBLED[name])

    failure = failure_of(clients, client_api, model_of(client_api), stream=stream)

    assert failure.status_code >= 500


@pytest.mark.parametrize("client_api", ["chat_completions", "messages"])
def test_failed_response_with_status_200_becomes_an_error(
    upstream: Upstream, clients: Clients, client_api: Api
) -> None:
    error = {"code": "rate_limit_exceeded", "message": "Slow down"}
    failed = {**PLAIN["responses"](Answer()), "status": "failed", "error": error, "output": []}
    upstream.script(json_reply(failed))

    failure = failure_of(clients, client_api, "responses-model")

    assert failure.status_code == 429
    assert "Slow down" in str(failure)


@pytest.mark.parametrize("client_api", ["chat_completions", "messages"])
@PLAIN_AND_STREAM
@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_response_that_is_still_running_is_no_reply(
    upstream: Upstream, clients: Clients, client_api: Api, status: str, stream: bool
) -> None:
    upstream.script(json_reply({**PLAIN["responses"](Answer()), "status": status, "output": []}))

    failure = failure_of(clients, client_api, "responses-model", stream=stream)

    assert failure.status_code == 502
    assert status in str(failure)


@pytest.fixture(scope="module")
def cut_off_clients(gateway_factory: GatewayFactory) -> Iterator[Clients]:
    """Clients of a gateway whose providers are not there."""
    with closed_port() as port:
        dead = config(*(provider(f"http://127.0.0.1:{port}", api) for api in APIS))
        yield Clients(gateway_factory(dead).base_url)


@PAIRS
def test_unreachable_upstream(cut_off_clients: Clients, client_api: Api, upstream_api: Api) -> None:
    failure = failure_of(cut_off_clients, client_api, model_of(upstream_api), stream=True)

    assert failure.status_code == 502
    assert "127.0.0.1" not in str(failure), "clients need not know where upstreams live"


BAD_JSON = {
    "nothing": b"",
    "no JSON": b"{model: gpt}",
    "list": b"[]",
    "string": b'"hello"',
    "null": b"null",
    "not UTF-8": b'{"model": "\xff\xfe"}',
    "infinite": b'{"model": "chat_completions-model", "temperature": Infinity}',
    "too large": b'{"model": "chat_completions-model", "temperature": 1e999}',
    "model of wrong type": b'{"model": 5, "messages": [], "input": []}',
}


@CLIENTS
@pytest.mark.parametrize("body", BAD_JSON.values(), ids=list(BAD_JSON))
def test_body_that_is_no_request(
    upstream: Upstream, clients: Clients, client_api: Api, body: bytes
) -> None:
    answer = clients.post(PATHS[client_api], body)

    assert answer.status_code == 400, answer.text
    assert check_error_body(client_api, answer.content)["type"] == "invalid_request_error"
    assert upstream.requests == []


BAD_FIELDS: dict[Api, list[dict[str, Any]]] = {
    "chat_completions": [
        {},
        {"messages": "Hello"},
        {"messages": [1]},
        {"messages": [{"content": "no role"}]},
        {"messages": [{"role": "user", "content": 5}]},
        {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
        {"messages": [{"role": "user", "content": "Hi"}], "tools": "none"},
        {"messages": [{"role": "user", "content": "Hi"}], "max_completion_tokens": "many"},
        {"messages": [{"role": "user", "content": "Hi"}], "stream": "yes"},
    ],
    "messages": [
        {"max_tokens": 5},
        {"max_tokens": 5, "messages": {"role": "user"}},
        {"max_tokens": 5, "messages": [None]},
        {"max_tokens": 5, "messages": [{"role": "user", "content": [{"type": "image"}]}]},
        {"max_tokens": "5", "messages": [{"role": "user", "content": "Hi"}]},
        {"max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}], "tools": [{}]},
        {"max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}], "thinking": "much"},
    ],
    "responses": [
        {},
        {"input": 5},
        {"input": [5]},
        {"input": [{"type": "function_call_output", "output": "no call id"}]},
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": 5}]}]},
        {"input": "Hi", "tools": [{"type": "function"}]},
        {"input": "Hi", "max_output_tokens": "many"},
    ],
}


@TRANSLATED
def test_fields_of_wrong_type(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api
) -> None:
    for fields in BAD_FIELDS[client_api]:
        body = {"model": model_of(upstream_api), **fields}

        answer = clients.post(PATHS[client_api], json.dumps(body))

        assert answer.status_code == 400, f"{fields}: {answer.text}"
        assert check_error_body(client_api, answer.content)["type"] == "invalid_request_error"
        assert upstream.requests == [], fields


@CLIENTS
@PLAIN_AND_STREAM
def test_unknown_model_names_the_closest(
    upstream: Upstream, clients: Clients, client_api: Api, stream: bool
) -> None:
    failure = failure_of(clients, client_api, "mesages-modl", stream=stream)

    assert isinstance(failure, SDKS[client_api].NotFoundError)
    assert "messages-model" in str(failure)
    error = check_error_body(client_api, bytes(clients.recorder.body))
    if client_api == "messages":
        assert error["type"] == "not_found_error"
    else:
        assert error["code"] == "model_not_found"
    assert upstream.requests == []


def test_unknown_path_and_method(clients: Clients) -> None:
    missing = clients.post("/v1/telepathy", "{}")
    wrong_method = httpx2.get(clients.base_url + "/v1/chat/completions")

    assert missing.status_code == 404
    check_error_body("chat_completions", missing.content)
    assert wrong_method.status_code == 405
    check_error_body("chat_completions", wrong_method.content)


def test_image_that_messages_cannot_carry_is_refused_by_name(
    upstream: Upstream, clients: Clients
) -> None:
    ask = Ask((user(Image("data:image/tiff;base64,SUkqAA==")),))

    answer = clients.raw("chat_completions", "messages-model", ask)

    assert answer.status_code == 400
    assert "image/tiff" in answer.json()["error"]["message"]
    assert answer.json()["error"]["param"]
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("n", 2), ("logprobs", True), ("logit_bias", {"50256": -100}), ("frequency_penalty", 1.5)],
)
def test_what_messages_cannot_do_is_refused_by_name(
    upstream: Upstream, clients: Clients, field: str, value: Any
) -> None:
    answer = clients.raw("chat_completions", "messages-model", ASK, **{field: value})

    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["param"] == field
    assert error["code"] == "unsupported_parameter"
    assert upstream.requests == []


def test_losses_are_named_in_a_header(upstream: Upstream, clients: Clients) -> None:
    upstream.script(json_reply(PLAIN["messages"](Answer("Hello"))))

    answer = clients.raw("chat_completions", "messages-model", ASK, seed=7, temperature=1.7)

    assert answer.status_code == 200
    warning = answer.headers["x-gateway-warning"]
    assert "seed" in warning
    assert "temperature" in warning
    assert "seed" not in upstream.last.json
    assert upstream.last.json.get("temperature", 1) == 1


@PAIRS
def test_nothing_is_lost_in_a_plain_exchange(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api
) -> None:
    upstream.script(json_reply(PLAIN[upstream_api](Answer("Hello"))))

    answer = clients.raw(client_api, model_of(upstream_api), ASK)

    assert answer.status_code == 200
    assert "x-gateway-warning" not in answer.headers


@PAIRS
def test_deep_nesting_is_the_clients_fault(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api
) -> None:
    schema = '{"type":"object","properties":{"a":' * 900 + '{"type":"string"}' + "}}" * 900
    tool = {
        "chat_completions": '{"type":"function","function":{"name":"f","parameters":%s}}',
        "messages": '{"name":"f","input_schema":%s}',
        "responses": '{"type":"function","name":"f","parameters":%s}',
    }[client_api] % schema
    body = json.dumps({"model": model_of(upstream_api), **WRITERS[client_api](ASK), "tools": ["?"]})
    upstream.script(json_reply({}, status=400))

    answer = clients.post(PATHS[client_api], body.replace('"?"', tool))

    assert answer.status_code == 400
    check_error_body(client_api, answer.content)
