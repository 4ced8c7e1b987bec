"""Requests that ask for what is not there, or ask wrongly: paths, methods, ids, queries, heads.

A 4xx in the client's dialect, and no traceback in the log. Not here: bodies (test_bad_bodies.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import anthropic
import openai
import pytest
from support.dialects import CLIENT_KEY, PATHS, Clients
from support.gateway import GatewayProcess
from support.pairs import APIS, check_error_body, model_of, reply_to
from support.raw_http import exchange, head, plain
from support.streams import Answer, Api, Json
from support.upstream import Upstream

MESSAGES = {"anthropic-version": "2023-06-01"}


@pytest.fixture(autouse=True)
def _no_traceback(gateway: GatewayProcess) -> Iterator[None]:
    before = len(gateway.output)
    yield
    new = gateway.output[before:]
    assert "Traceback" not in new and "ERROR" not in new, new


def ask(clients: Clients, method: str, path: str, **headers: str) -> tuple[int, bytes]:
    key = {"authorization": f"Bearer {CLIENT_KEY}"}
    answer = clients.http.request(method, clients.base_url + path, headers=key | headers)
    return answer.status_code, answer.content


# --- paths and methods


ALLOWED = {
    "/v1/chat/completions": {"POST"},
    "/v1/messages": {"POST"},
    "/v1/messages/count_tokens": {"POST"},
    "/v1/responses": {"POST", "GET"},
    "/v1/responses/input_tokens": {"POST"},
    "/v1/responses/compact": {"POST"},
    "/v1/responses/resp_1": {"GET", "DELETE"},
    "/v1/responses/resp_1/cancel": {"POST"},
    "/v1/responses/resp_1/input_items": {"GET"},
    "/v1/conversations": {"POST"},
    "/v1/conversations/conv_1": {"POST", "GET", "DELETE"},
    "/v1/conversations/conv_1/items": {"POST", "GET"},
    "/v1/conversations/conv_1/items/msg_1": {"GET", "DELETE"},
    "/v1/models": {"GET"},
    "/v1/models/m": {"GET"},
    "/healthz": {"GET"},
    "/metrics": {"GET"},
}


@pytest.mark.parametrize("path", ALLOWED)
def test_wrong_methods(gateway: GatewayProcess, path: str) -> None:
    api: Api = "messages" if path.startswith("/v1/messages") else "chat_completions"
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "BREW"} - ALLOWED[path]:
        answer = exchange(gateway.port, plain(path, b"{}", method=method))
        assert answer.status == 405, method
        assert set(answer.headers["allow"].split(", ")) >= ALLOWED[path], method
        assert method not in answer.headers["allow"].split(", ")
        check_error_body(api, answer.body)


UNKNOWN_PATHS = [
    "/v1",
    "/v1/embeddings",
    "/v1/messages/batches",
    "/v1/chat/completions/",
    "/v1/responses/resp_1/nothing",
    "/v1/%2e%2e/healthz",
    "/%00",
    "/%ff%fe",
    "/" + "a" * 5000,
]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_unknown_paths(clients: Clients, method: str) -> None:
    for path in UNKNOWN_PATHS:
        status, body = ask(clients, method, path)
        assert status == 404, path
        check_error_body("chat_completions", body)
        status, body = ask(clients, method, path, **MESSAGES)
        assert status == 404, path
        assert check_error_body("messages", body)["type"] == "not_found_error"


# --- ids and queries


IDS = ["x", "..", "%2e%2e", "a" * 5000, "%00", "%ff", "resp_%0d%0ax-evil:%201", "%F0%9F%98%80", "'"]
PLACES = [
    ("GET", "/v1/responses/{}"),
    ("DELETE", "/v1/responses/{}"),
    ("POST", "/v1/responses/{}/cancel"),
    ("GET", "/v1/responses/{}/input_items"),
    ("GET", "/v1/conversations/{}"),
    ("DELETE", "/v1/conversations/{}"),
    ("GET", "/v1/conversations/{}/items"),
    ("GET", "/v1/models/{}"),
]


@pytest.mark.parametrize(("method", "place"), PLACES)
def test_ids_that_are_none(gateway: GatewayProcess, method: str, place: str) -> None:
    for name in IDS:
        answer = exchange(gateway.port, head(place.format(name), method=method))
        assert answer.status == 404, name
        check_error_body("responses", answer.body)
        assert "x-evil" not in answer.headers


@pytest.fixture(scope="module")
def kept(clients: Clients, session_upstream: Upstream) -> dict[str, str]:
    """Paths of a response and of a conversation that exist."""
    session_upstream.script(lambda asked: reply_to(asked, "messages", Answer("Hi.")))
    body = json.dumps({"model": model_of("messages"), "input": "Hi"})
    response: Json = clients.post(PATHS["responses"], body).json()
    conversation: Json = clients.post("/v1/conversations", "{}").json()
    return {
        "response": f"/v1/responses/{response['id']}",
        "input": f"/v1/responses/{response['id']}/input_items",
        "items": f"/v1/conversations/{conversation['id']}/items",
    }


QUERIES = [
    ("input", "limit=abc", "limit"),
    ("input", "limit=0", "limit"),
    ("input", "limit=101", "limit"),
    ("input", "limit=-1", "limit"),
    ("input", "limit=1e1", "limit"),
    ("input", "limit=%D9%A2", "limit"),
    ("input", f"limit={'9' * 5000}", "limit"),
    ("input", f"limit=000000001{'9' * 5000}", "limit"),
    ("input", "order=sideways", "order"),
    ("input", "after=nobody", "after"),
    ("items", "limit=abc", "limit"),
    ("items", "order=1", "order"),
    ("items", "after=nobody", "after"),
    ("items", "before=%ff", "before"),
    ("response", "stream=true&starting_after=abc", "starting_after"),
    ("response", "stream=true&starting_after=1.5", "starting_after"),
]


@pytest.mark.parametrize(("place", "query", "param"), QUERIES)
def test_queries_that_make_no_sense(
    clients: Clients, kept: dict[str, str], place: str, query: str, param: str
) -> None:
    status, body = ask(clients, "GET", f"{kept[place]}?{query}")
    assert status == 400
    assert check_error_body("responses", body)["param"] == param


def test_queries_that_nobody_reads(clients: Clients, kept: dict[str, str]) -> None:
    for query in ("x=1", "%ff=%00", "limit", "stream=maybe", "include=x&include=y", "&&==&"):
        for path in kept.values():
            assert ask(clients, "GET", f"{path}?{query}")[0] == 200, (path, query)


BAD_ITEMS: dict[str, list[object]] = {
    "items": [5, "text", {}],
    "items[0]": [[5], ["text"], [[]]],
    "items[0].type": [[{}], [{"type": 5}], [{"content": "x"}]],
    "items[0].role": [[{"role": 5}], [{"role": ["user"]}]],
    "items[1].id": [[{"role": "user", "content": "x"}, {"id": 5}]],
}


def test_items_of_conversations(clients: Clients, kept: dict[str, str]) -> None:
    for path in ("/v1/conversations", kept["items"]):
        for param, values in BAD_ITEMS.items():
            for items in values:
                answer = clients.post(path, json.dumps({"items": items}))
                assert answer.status_code == 400, items
                assert check_error_body("responses", answer.content)["param"] == param
        many = [{"role": "user", "content": "x"}] * 21
        assert clients.post(path, json.dumps({"items": many})).status_code == 400


@pytest.mark.parametrize(
    "metadata",
    [
        5,
        "x",
        [],
        {"a": 5},
        {"a": None},
        {"k" * 65: "v"},
        {"k": "v" * 513},
        {str(number): "v" for number in range(17)},
    ],
)
def test_metadata_of_conversations(clients: Clients, metadata: object) -> None:
    answer = clients.post("/v1/conversations", json.dumps({"metadata": metadata}))
    assert answer.status_code == 400
    assert check_error_body("responses", answer.content)["param"].startswith("metadata")


# --- heads


HEADS = {
    "10,000 headers": (431, head("/v1/messages", *(f"x-{n}: y" for n in range(10_000)))),
    "101 headers": (431, head("/v1/messages", *(f"x-{n}: y" for n in range(101)))),
    "a header of 100 kB": (431, head("/v1/messages", f"x-a: {'a' * 100_000}")),
    "a path of 100 kB": (414, head(f"/v1/messages?{'a' * 100_000}")),
    "a length of letters": (400, head("/v1/messages", "content-length: abc")),
    "a negative length": (400, head("/v1/messages", "content-length: -5")),
    "two lengths": (400, head("/v1/messages", "content-length: 5", "content-length: 6")),
    "length and chunks": (
        400,
        head("/v1/messages", "content-length: 5", "transfer-encoding: chunked"),
    ),
    "a blank in a name": (400, head("/v1/messages", "x y: 1")),
    "NUL in a value": (400, head("/v1/messages", "x-y: a\0b")),
    "a folded header": (400, head("/v1/messages", "x-y: a\r\n b")),
    "no name": (400, head("/v1/messages", ": a")),
    "no version": (400, b"POST /v1/messages\r\n\r\n"),
    "no HTTP": (400, b"HELLO\r\n\r\n"),
    "HTTP/2": (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "TLS": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n"),
}


@pytest.mark.parametrize("name", HEADS)
def test_heads_that_are_none(gateway: GatewayProcess, upstream: Upstream, name: str) -> None:
    """The server closes the connection, and serves the next."""
    status, sent = HEADS[name]
    assert exchange(gateway.port, sent).status == status
    assert exchange(gateway.port, head("/healthz", method="GET")).status == 200
    assert upstream.requests == []


@pytest.mark.parametrize("api", APIS)
def test_headers_in_any_bytes_are_taken(
    gateway: GatewayProcess, upstream: Upstream, api: Api
) -> None:
    upstream.script(lambda asked: reply_to(asked, api, Answer("Hi.")))
    field = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9, "input": "Hi"}
    body = json.dumps({"model": model_of(api), **field}).encode()
    odd = [f"x-{number}: \xff\xfe{'a' * 300}" for number in range(90)]
    named = ["anthropic-beta: \xe9", "idempotency-key: \xff", "x-codex-a: \xf0\x9f\x98\x80"]
    answer = exchange(gateway.port, plain(PATHS[api], body, *odd, *named))
    assert answer.status == 200


# --- what SDKs make of it


def test_sdks_raise_what_their_users_expect(clients: Clients) -> None:
    said = [{"role": "user", "content": "Hi"}]
    for api in ("messages", "responses"):
        with pytest.raises(openai.BadRequestError) as refused:
            clients.openai.chat.completions.create(
                model=model_of(api), messages=said, temperature="hot"
            )
        assert refused.value.param == "temperature"
        with pytest.raises(openai.BadRequestError) as refused:
            clients.openai.responses.create(
                model=model_of("messages"), input="Hi", truncation="maybe"
            )
        assert refused.value.param == "truncation"
    with pytest.raises(anthropic.BadRequestError, match=r"tools\[0\]\.name"):
        clients.anthropic.messages.create(
            model=model_of("responses"), max_tokens=9, messages=said, tools=[{"name": 5}]
        )
    with pytest.raises(openai.NotFoundError) as unknown:
        clients.openai.responses.create(model="nobody-knows", input="Hi")
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    with pytest.raises(anthropic.NotFoundError, match="nobody-knows"):
        clients.anthropic.messages.count_tokens(model="nobody-knows", messages=said)
    with pytest.raises(openai.NotFoundError):
        clients.openai.models.retrieve("nobody-knows")
    with pytest.raises(anthropic.NotFoundError):
        clients.anthropic.models.retrieve("nobody-knows")
    with pytest.raises(openai.NotFoundError):
        clients.openai.responses.retrieve("resp_nobody")
    with pytest.raises(openai.NotFoundError):
        clients.openai.conversations.retrieve("conv_nobody")
    with pytest.raises(openai.BadRequestError):
        clients.openai.conversations.create(metadata={"a": 5})
