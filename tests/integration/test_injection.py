"""What clients write stays in one step of a URL's path, and in one header's value; and so does what upstreams say.

Here: raw bytes from both sides. Not here: models' and fields' odd names (test_odd_names.py), which headers pass at all
(test_passthrough.py, tests/upstream/test_headers.py).
"""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import quote

import pytest
from conftest import GatewayFactory
from support.asks import WRITERS, Ask, user
from support.dialects import PATHS, Clients
from support.gateway import GatewayProcess, config, provider
from support.pairs import model_of, reply_to
from support.raw_http import answer_bytes, head, plain
from support.streams import Answer, Api, Json
from support.upstream import Upstream, json_reply

ASK = Ask((user("Hi"),))
CLOSE = "connection: close"


@pytest.fixture
def answering(upstream: Upstream) -> Upstream:
    upstream.script(json_reply({"id": "resp_1", "object": "response", "output": []}))
    return upstream


@pytest.fixture
def forwarding(answering: Upstream, gateway_factory: GatewayFactory) -> GatewayProcess:
    """A gateway that asks an upstream for any response: clients send their own keys."""
    entry: Json = provider(
        f"{answering.base_url}?api-version=1",
        "responses",
        model="azure_openai/m",
        passthrough_auth=True,
    )
    del entry["access_key"]
    return gateway_factory(config(entry))


# --- URLs


@pytest.mark.parametrize("name", [".", ".."])
def test_a_way_up_is_no_model(
    upstream: Upstream, gateway_factory: GatewayFactory, name: str
) -> None:
    """Where models are steps of a path."""
    azure = provider(
        f"{upstream.base_url}?api-version=2024-10-21", "chat_completions", model="azure_openai/*"
    )
    clients = Clients(gateway_factory(config(azure)).base_url)
    body = {"model": f"azure_openai/{name}", **WRITERS["chat_completions"](ASK)}
    answer = clients.post(PATHS["chat_completions"], json.dumps(body))
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "model_not_found"
    assert upstream.requests == []


ODD_IDS = [
    "..",
    ".",
    "%2e%2e",
    "..;x",
    "a?b=c",
    "a#b",
    "a b",
    "a\r\nx-evil: 1",
    "a\x00b",
    "é模",
    "a&b",
]


@pytest.mark.parametrize("id_", ODD_IDS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_id_stays_one_step_of_a_path(
    forwarding: GatewayProcess, answering: Upstream, id_: str, method: str
) -> None:
    step = quote(id_, safe="")
    tail = "/cancel" if method == "POST" else ""
    answer = answer_bytes(
        forwarding.port, head(f"/v1/responses/{step}{tail}", CLOSE, method=method)
    )
    status = int(answer.split()[1])
    if id_ in (".", ".."):
        assert status == 404
        assert answering.requests == []
        return
    assert status == 200, answer
    (request,) = answering.requests
    assert request.target == f"/openai/responses/{step}{tail}?api-version=1"
    assert "x-evil" not in request.headers


def test_a_client_s_query_cannot_change_what_the_config_says(
    forwarding: GatewayProcess, answering: Upstream
) -> None:
    query = "api-version=9&API-Version=9&include%5B%5D=x&a=%0d%0aevil%3a+1&b=c%23d"
    answer = answer_bytes(
        forwarding.port, head(f"/v1/responses/resp_1?{query}", CLOSE, method="GET")
    )
    assert b" 200 " in answer
    assert answering.last.target == (
        "/openai/responses/resp_1?api-version=1&include%5B%5D=x&a=%0D%0Aevil%3A+1&b=c%23d"
    )


def test_no_url_of_a_client_s_is_asked(forwarding: GatewayProcess, answering: Upstream) -> None:
    for target in ("http://127.0.0.1:9/v1/responses/x", "//127.0.0.1:9/v1/responses/x"):
        answer_bytes(forwarding.port, head(target, CLOSE, method="GET"))
        assert all(
            request.headers["host"].startswith("127.0.0.1") for request in answering.requests
        )
        assert all(
            request.target == "/openai/responses/x?api-version=1" for request in answering.requests
        )


# --- headers


@pytest.mark.parametrize("client_api", ["chat_completions", "messages"])
@pytest.mark.parametrize(
    "header",
    [
        "anthropic-beta: a\r\n x-evil: 1",
        "anthropic-beta: a\rx-evil: 1",
        "anthropic-beta: a\nx-evil: 1",
        "anthropic-beta: a\x00x-evil: 1",
        "anthropic-beta: a\x0b\x1f\x7f",
        "x-codex-a\r: b",
        "x-codex-\xe9: b",
        "x-codex-a b: c",
        "x-codex-a: \xe9\xff",
        "traceparent : x",
        "transfer-encoding : chunked",
        "x-codex-: " + "a" * 5000,
    ],
)
def test_a_client_s_header_is_one_or_none(
    gateway: GatewayProcess, upstream: Upstream, client_api: Api, header: str
) -> None:
    upstream.script(lambda request: reply_to(request, client_api, Answer("Hi.")))
    body = json.dumps({"model": model_of(client_api), **WRITERS[client_api](ASK)}).encode()
    answer = answer_bytes(gateway.port, plain(PATHS[client_api], body, CLOSE, header))
    status = int(answer.split()[1])
    assert status in (200, 400), answer
    assert b"Traceback" not in answer
    assert len(upstream.requests) == (status == 200)
    for request in upstream.requests:
        assert "x-evil" not in request.headers
        assert request.body == body
        assert all(
            value.isprintable() or value.isascii() is False for value in request.headers.values()
        )


@pytest.mark.parametrize(("client_api", "status"), [("chat_completions", 200), ("messages", 429)])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-ratelimit-odd", "a\r\n x-evil: 1"),
        ("x-ratelimit-odd", "a\x01b\x0b"),
        ("x-ratelimit-odd", "a\x7f"),
        ("x-ratelimit-odd", "\xe9\xff"),
        ("x-ratelimit-odd", "a\tb"),
        ("x-ratelimit-a(b", "1"),
        ("x-ratelimit-a/b", "1"),
        ("x-request-id", "a\r\n b"),
        ("x-request-id", "a\x02"),
        ("retry-after", "1\r\n x-evil: 1"),
        ("openai-version", ""),
    ],
)
def test_an_upstream_s_header_is_one_or_none(
    gateway: GatewayProcess,
    upstream: Upstream,
    client_api: Api,
    name: str,
    value: str,
    status: int,
) -> None:
    reply = replace(json_reply({}), status=status)

    def script(request: object) -> object:
        told = reply_to(request, client_api, Answer("Hi.")) if status == 200 else reply
        return replace(told, headers={**told.headers, name: value})

    upstream.script(script)  # type: ignore[arg-type]
    body = json.dumps({"model": model_of(client_api), **WRITERS[client_api](ASK)}).encode()
    answer = answer_bytes(gateway.port, plain(PATHS[client_api], body, CLOSE))
    told = answer.partition(b"\r\n\r\n")[0]
    assert int(answer.split()[1]) in (status, 502), answer
    assert b"\r\nx-evil" not in told
    assert b"\r\n " not in told
    assert not set(told) & ({*range(32), 127} - {10, 13})


def test_nothing_went_wrong_inside(gateway: GatewayProcess) -> None:
    """Behind all that was sent above."""
    assert "Traceback" not in gateway.output
