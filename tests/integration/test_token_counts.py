"""Token counts, asked for through the official SDKs.

Here: what the upstream answers itself, what the gateway counts instead, errors. Not here: how it is
counted (tests/token_count).
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.dialects import CLIENT_KEY, FAILURES, Clients
from support.gateway import PROVIDER_KEY
from support.pairs import check_error_body, error_body, model_of
from support.streams import PLAIN, Answer, Api, Json
from support.upstream import Reply, Request, Upstream, json_reply

PATHS: dict[Api, str] = {
    "messages": "/v1/messages/count_tokens",
    "responses": "/v1/responses/input_tokens",
}
COUNTERS = pytest.mark.parametrize("client_api", PATHS)
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
WARNING = (
    "input_tokens;approximated: counted by the gateway with the o200k_base vocabulary times 1.1"
)


def count(clients: Clients, api: Api, model: str, text: str = "2 + 2 = 4", **more: Any) -> int:
    """What the SDK of that API says."""
    if api == "messages":
        messages = [{"role": "user", "content": text}]
        found = clients.anthropic.messages.count_tokens(model=model, messages=messages, **more)
    else:
        found = clients.openai.responses.input_tokens.count(model=model, input=text, **more)
        assert found.object == "response.input_tokens"
    tokens: int = found.input_tokens
    return tokens


def counted(api: Api, tokens: int) -> Json:
    """The upstream's own answer."""
    kind = {"object": "response.input_tokens"} if api == "responses" else {}
    return {**kind, "input_tokens": tokens, "field_of_2031": [1e-7]}


def other(api: Api) -> str:
    """A model whose provider does not speak this API."""
    return model_of("responses" if api == "messages" else "messages")


@COUNTERS
def test_native_upstream_counts_itself(
    upstream: Upstream, clients: Clients, client_api: Api
) -> None:
    upstream.script(json_reply(counted(client_api, 4711), headers={"request-id": "req_theirs"}))

    tokens = count(clients, client_api, model_of(client_api), extra_body={"field_of_2031": 0.10})

    assert tokens == 4711
    assert json.loads(clients.recorder.body) == counted(client_api, 4711)
    assert upstream.last.target == PATHS[client_api]
    assert upstream.last.json["field_of_2031"] == 0.10
    assert "max_tokens" not in upstream.last.json
    headers = str(upstream.last.headers)
    assert PROVIDER_KEY in headers
    assert CLIENT_KEY not in headers
    assert clients.recorder.headers["x-gateway-model"] == model_of(client_api)
    assert clients.recorder.headers["request-id"] == "req_theirs"
    assert "x-gateway-warning" not in clients.recorder.headers


@COUNTERS
def test_native_upstream_is_told_its_own_name_of_the_model(
    upstream: Upstream, clients: Clients, client_api: Api
) -> None:
    upstream.script(json_reply(counted(client_api, 1)))

    count(clients, client_api, f"scripted-{client_api}/{model_of(client_api)}")

    assert upstream.last.json["model"] == model_of(client_api)


def test_beta_header_and_query_reach_a_native_upstream(
    upstream: Upstream, clients: Clients
) -> None:
    upstream.script(json_reply(counted("messages", 12)))

    found = clients.anthropic.beta.messages.count_tokens(
        model="messages-model",
        messages=[{"role": "user", "content": "Hello"}],
        betas=["something-of-2031-01-01"],
        extra_query={"beta": "true"},
    )

    assert found.input_tokens == 12
    assert upstream.last.target == "/v1/messages/count_tokens?beta=true"
    assert "something-of-2031-01-01" in upstream.last.headers["anthropic-beta"]


@COUNTERS
@pytest.mark.parametrize("status", [404, 405, 501])
def test_native_upstream_without_the_endpoint_is_counted_for(
    upstream: Upstream, clients: Clients, client_api: Api, status: int
) -> None:
    upstream.script(Reply([b"<html><title>Not Found</title></html>"], status))

    tokens = count(clients, client_api, model_of(client_api))

    assert tokens == 3 + 3 + round(7 * 1.1)
    assert upstream.last.target == PATHS[client_api]
    assert clients.recorder.headers["x-gateway-warning"] == WARNING


@COUNTERS
def test_lm_studio_is_counted_for(upstream: Upstream, clients: Clients, client_api: Api) -> None:
    """It says with status 200 that it has no such endpoint."""
    error = f"Unexpected endpoint or method. (POST {PATHS[client_api]})"
    upstream.script(json_reply({"error": error}))

    assert count(clients, client_api, model_of(client_api)) == 3 + 3 + round(7 * 1.1)
    assert clients.recorder.headers["x-gateway-warning"] == WARNING


@COUNTERS
def test_foreign_upstream_is_counted_for_and_not_asked(
    upstream: Upstream, clients: Clients, client_api: Api
) -> None:
    asked = len(upstream.requests)

    tokens = count(clients, client_api, other(client_api))

    assert tokens == 3 + 3 + round(7 * 1.1)
    assert len(upstream.requests) == asked
    assert clients.recorder.headers["x-gateway-warning"] == WARNING
    assert clients.recorder.headers["x-gateway-model"] == other(client_api)
    assert clients.recorder.headers["content-type"] == "application/json"


def test_everything_in_a_messages_request_counts(clients: Clients) -> None:
    image = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": PIXEL},
    }
    said = [
        {"role": "user", "content": [{"type": "text", "text": "Look"}, image]},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t1", "name": "now", "input": {"city": "Oslo"}}],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "noon"}],
        },
    ]
    tools = [{"name": "now", "description": "The time", "input_schema": SCHEMA}]

    def tokens(turns: int, **more: Any) -> int:
        found = clients.anthropic.messages.count_tokens(
            model="chat_completions-model", messages=said[:turns], **more
        )
        return int(found.input_tokens)

    counts = [tokens(1), tokens(2), tokens(3), tokens(3, tools=tools)]
    counts.append(tokens(3, tools=tools, system="Be brief."))
    assert counts == sorted(set(counts))
    assert counts[0] == 3 + 3 + 1 + 1


def test_everything_in_a_responses_request_counts(clients: Clients) -> None:
    image = {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "auto"}
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "Look"}, image]},
        {"type": "function_call", "call_id": "c1", "name": "now", "arguments": '{"city":"Oslo"}'},
        {"type": "function_call_output", "call_id": "c1", "output": "noon"},
    ]
    tools = [{"type": "function", "name": "now", "parameters": SCHEMA, "strict": False}]

    def tokens(items: list[Json], **more: Any) -> int:
        found = clients.openai.responses.input_tokens.count(
            model="messages-model", input=items, **more
        )
        return int(found.input_tokens)

    counts = [tokens(items[:1]), tokens(items[:2]), tokens(items), tokens(items, tools=tools)]
    counts.append(tokens(items, tools=tools, instructions="Be brief."))
    assert counts == sorted(set(counts))
    assert counts[0] == 3 + 3 + 1 + 1


def test_stored_turns_count(upstream: Upstream, clients: Clients) -> None:
    upstream.script(json_reply(PLAIN["messages"](Answer("one two three"))))
    first = clients.openai.responses.create(model="messages-model", input="Count to three")

    alone = count(clients, "responses", "messages-model")
    after = count(clients, "responses", "messages-model", previous_response_id=first.id)

    assert after > alone + len(["Count to three", "one two three"]) * 3


def test_responses_may_leave_out_the_input(clients: Clients) -> None:
    found = clients.openai.responses.input_tokens.count(
        model="messages-model", instructions="2 + 2 = 4"
    )
    assert found.input_tokens == 3 + 3 + round(7 * 1.1)


# --- errors


@COUNTERS
def test_native_error_is_passed_on_whole(
    upstream: Upstream, clients: Clients, client_api: Api
) -> None:
    body = error_body(client_api, "Too many", "rate_limit_error")
    body["field_of_2031"] = True
    upstream.script(json_reply(body, 429, {"retry-after": "7"}))

    with pytest.raises(FAILURES) as caught:
        count(clients, client_api, model_of(client_api))

    assert caught.value.response.status_code == 429
    assert caught.value.response.json() == body
    assert caught.value.response.headers["retry-after"] == "7"


@COUNTERS
def test_a_model_that_the_upstream_does_not_know_is_an_error(
    upstream: Upstream, clients: Clients, client_api: Api
) -> None:
    body = error_body(client_api, "model: nonsuch", "not_found_error")
    upstream.script(json_reply(body, 404))

    with pytest.raises(FAILURES) as caught:
        count(clients, client_api, model_of(client_api))

    assert caught.value.response.json() == body


@COUNTERS
def test_refused_credentials_are_the_gateways_fault(
    upstream: Upstream, clients: Clients, client_api: Api
) -> None:
    upstream.script(json_reply(error_body(client_api, "No", "authentication_error"), 401))

    with pytest.raises(FAILURES) as caught:
        count(clients, client_api, model_of(client_api))

    assert caught.value.response.status_code == 502


@COUNTERS
def test_native_reply_that_is_none_becomes_an_error(
    upstream: Upstream, clients: Clients, client_api: Api
) -> None:
    upstream.script(Reply([b"<html>Welcome</html>"], 200, {"content-type": "text/html"}))

    with pytest.raises(FAILURES) as caught:
        count(clients, client_api, model_of(client_api))

    assert caught.value.response.status_code == 502


@COUNTERS
def test_unknown_model_is_not_found(clients: Clients, client_api: Api) -> None:
    with pytest.raises(FAILURES) as caught:
        count(clients, client_api, "nonsuch-model")

    assert caught.value.response.status_code == 404
    check_error_body(client_api, caught.value.response.content)


@COUNTERS
@pytest.mark.parametrize(
    "body",
    [
        "[]",
        '{"model": 7}',
        '{"model": "%s", "messages": 7, "input": 7}',
        '{"model": "%s", "messages": [{"role": "user", "content": [{"type": "x"}]}], "tools": 7}',
        '{"model": "%s", "messages": [], "input": [], "tools": '
        + '[{"a":' * 600
        + "1"
        + "}]" * 600,
    ],
)
def test_bad_body_is_the_clients_fault(clients: Clients, client_api: Api, body: str) -> None:
    answer = clients.post(PATHS[client_api], body.replace("%s", other(client_api)))

    assert answer.status_code == 400
    check_error_body(client_api, answer.content)


@pytest.mark.parametrize("path", ["/v1/messages/count_tokens", PATHS["responses"]])
def test_only_post_counts(clients: Clients, path: str) -> None:
    """``input_tokens`` is no response's id."""
    answer = clients.http.get(clients.base_url + path)

    assert answer.status_code == 405
    assert ("type" in answer.json()) == ("messages" in path)


def test_chat_completions_has_no_such_endpoint(clients: Clients) -> None:
    assert clients.post("/v1/chat/completions/input_tokens", "{}").status_code == 404


def test_the_endpoint_keeps_a_base_urls_query(upstream: Upstream) -> None:
    from wsgi_gateway import load_config
    from wsgi_gateway.exchange.call import Request as Asked
    from wsgi_gateway.exchange.gateway import Gateway
    from wsgi_gateway.side_endpoints.counting import TokenCounter

    entry = {
        "model": "azure_openai/gpt-5",
        "base_url": f"{upstream.base_url}/openai?api-version=2025-04-01-preview",
        "access_key": PROVIDER_KEY,
        "upstream_apis": ["responses"],
    }
    gateway = Gateway(load_config({"version": "v0.4.0", "model_providers": [entry]}, {}))

    def tell(request: Request) -> Reply:
        return json_reply(counted("responses", len(request.json["input"])))

    upstream.script(tell)
    body = json.dumps({"model": "azure_openai/gpt-5", "input": "Hello"}).encode()
    answer = TokenCounter(gateway).answer("responses", Asked(body=body, headers={}))

    assert answer.status == 200
    assert upstream.last.path == "/openai/responses/input_tokens"
    assert upstream.last.target.endswith("?api-version=2025-04-01-preview")
