"""Bodies that are no request, to every endpoint that reads one: a 4xx in the client's dialect, and no word in the log.

Here: what HTTP and the server have a part in. Not here: each field with each wrong type, which needs no server
(tests/exchange/test_wrong_fields.py), slow bodies.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

import anthropic
import openai
import pytest
from support.dialects import PATHS, Clients
from support.documented_fields import FIELDS, SMALLEST
from support.gateway import GatewayProcess
from support.pairs import APIS, CLIENTS, TRANSLATED, check_error_body, model_of, reply_to
from support.raw_http import exchange, head, plain
from support.streams import Answer, Api
from support.upstream import Upstream

ENDPOINTS: dict[str, Api] = {
    "/v1/chat/completions": "chat_completions",
    "/v1/messages": "messages",
    "/v1/messages/count_tokens": "messages",
    "/v1/responses": "responses",
    "/v1/responses/input_tokens": "responses",
    "/v1/responses/compact": "responses",
    "/v1/conversations": "responses",
    "/v1/conversations/conv_1": "responses",
    "/v1/conversations/conv_1/items": "responses",
}
"""Every path that takes a body, with the API in whose form it tells errors."""

EVERYWHERE = pytest.mark.parametrize("path", ENDPOINTS)
_MANY = 100_000
_LIMIT = 32 * 1024 * 1024


@pytest.fixture(autouse=True)
def _nothing_is_wrong_here(gateway: GatewayProcess) -> Iterator[None]:
    """The log stays as it is: what clients do wrong is not the operator's to read."""
    before = len(gateway.output)
    yield
    assert gateway.output[before:] == ""


BODIES = {
    "no JSON": b"{model: gpt}",
    "half of it": b'{"model": "x", "messages": [',
    "more than it": b'{"model": "x"} {}',
    "list": b"[]",
    "list of requests": b'[{"model": "x"}]',
    "number": b"5",
    "string": b'"hello"',
    "null": b"null",
    "true": b"true",
    "a form": b"model=x&messages=y",
    "byte order mark": b"\xef\xbb\xbf" + b'{"model": "x"}',
    "UTF-16": '{"model": "x"}'.encode("utf-16"),
    "NUL bytes": b"\x00" * 64,
    "not UTF-8": b'{"model": "\xff\xfe"}',
    "half of a surrogate pair": rb'{"model": "\ud83d"}',
    "control characters": b'{"model": "a\nb"}',
    "NaN": b'{"model": NaN}',
    "too large a number": b'{"model": 1e999}',
    "compressed": gzip.compress(b'{"model": "x"}'),
    "lists without end": b'{"model": ' + b"[" * _MANY,
    "objects without end": b'{"model": ' + b'{"a":' * _MANY,
    "lists within lists": b'{"model": ' + b"[" * _MANY + b"]" * _MANY + b"}",
    "lists all the way": b"[" * _MANY + b"]" * _MANY,
}


@EVERYWHERE
def test_what_is_no_json_object(upstream: Upstream, clients: Clients, path: str) -> None:
    for name, body in BODIES.items():
        answer = clients.post(path, body)
        assert answer.status_code == (415 if name == "compressed" else 400), (
            f"{name}: {answer.text}"
        )
        error = check_error_body(ENDPOINTS[path], answer.content)
        assert error["type"] == "invalid_request_error", name
        assert len(error["message"]) < 300, name
    assert upstream.requests == []


@EVERYWHERE
def test_no_body_at_all(gateway: GatewayProcess, path: str) -> None:
    for sent in (plain(path), head(path)):
        answer = exchange(gateway.port, sent)
        if path == "/v1/conversations":
            assert answer.status == 200  # It needs none.
        else:
            assert answer.status == 400
            assert "empty" in check_error_body(ENDPOINTS[path], answer.body)["message"]


@TRANSLATED
def test_each_field_is_named(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api
) -> None:
    """One wrong type each, through the real server; all of them are tried without."""
    for field, kinds in FIELDS[client_api].items():
        wrong = {} if "object" not in kinds else 5
        body = {"model": model_of(upstream_api), **SMALLEST[client_api], field: wrong}
        answer = clients.post(PATHS[client_api], json.dumps(body))
        assert answer.status_code == 400, body
        error = check_error_body(client_api, answer.content)
        place = error["message"] if client_api == "messages" else error["param"]
        assert place.startswith(field), body
    assert upstream.requests == []


@TRANSLATED
@pytest.mark.parametrize("other", ["model", r"mod\u0065l", "Model"])
def test_a_model_is_named_once(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api, other: str
) -> None:
    """An upstream could read the one by which the gateway has not judged, whoever its parser takes."""
    native, translated = model_of(client_api), model_of(upstream_api)
    for size in (1, 5000):
        rest = json.dumps({**SMALLEST[client_api], "metadata": {"x": "x" * size}})[:-1]
        for first, last in ((native, translated), (translated, native), (native, native)):
            body = f'{rest},"model":"{first}","{other}":"{last}"}}'
            answer = clients.post(PATHS[client_api], body)
            assert answer.status_code == 400, body
            assert "odel: " in check_error_body(client_api, answer.content)["message"]
    assert upstream.requests == []


@CLIENTS
def test_depth_at_each_place(upstream: Upstream, clients: Clients, client_api: Api) -> None:
    """100,000 levels in each field, closed and not, before upstreams of all APIs."""
    for field in FIELDS[client_api]:
        rest = {"model": model_of(APIS[len(field) % 3]), **SMALLEST[client_api]}
        rest.pop(field, None)
        start = json.dumps(rest)[:-1] + f',"{field}":'
        for deep in ("[" * _MANY, '{"a":' * _MANY, "[" * _MANY + "]" * _MANY + "}"):
            answer = clients.post(PATHS[client_api], start + deep)
            assert answer.status_code == 400, field
            assert "deep" in check_error_body(client_api, answer.content)["message"]
    assert upstream.requests == []


@CLIENTS
def test_depth_that_json_allows(upstream: Upstream, clients: Clients, client_api: Api) -> None:
    """Below the parser's limit the request passes, or is refused by its shape; the gateway's own code takes it."""
    upstream.script(lambda asked: reply_to(asked, client_api, Answer("Hi.")))
    for levels in (100, 500, 900, 990):
        body = {"model": model_of(client_api), **SMALLEST[client_api]}
        deep = json.dumps(body)[:-1] + ',"deep":' + "[" * levels + "]" * levels + "}"
        answer = clients.post(PATHS[client_api], deep)
        assert answer.status_code in {200, 400}, levels
        if answer.status_code == 200:
            assert upstream.last.body == deep.encode()


# --- size


@EVERYWHERE
def test_a_large_body_is_refused_before_it_is_sent(gateway: GatewayProcess, path: str) -> None:
    """Nothing of the 50 MB ever leaves the client, so nothing of it can have been waited for."""
    for lines in ((), ("expect: 100-continue",)):
        answer = exchange(gateway.port, head(path, "content-length: 52428800", *lines))
        assert answer.status == 413
        check_error_body(ENDPOINTS[path], answer.body)


@CLIENTS
def test_a_large_body_of_unknown_length(gateway: GatewayProcess, client_api: Api) -> None:
    start = head(PATHS[client_api], "transfer-encoding: chunked")
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"

    answer = exchange(gateway.port, start, *[chunk] * (_LIMIT // 0x100000 + 1), b"0\r\n\r\n")

    assert answer.status == 413
    check_error_body(client_api, answer.body)


def test_sdks_know_a_body_that_is_too_large(clients: Clients) -> None:
    text = [{"role": "user", "content": "x" * _LIMIT}]
    with pytest.raises(openai.APIStatusError) as refused:
        clients.openai.responses.create(model="messages-model", input=text)
    assert refused.value.status_code == 413
    assert refused.value.code == "request_too_large"
    with pytest.raises(anthropic.ContentTooLargeError):
        clients.anthropic.messages.create(model="messages-model", max_tokens=9, messages=text)


# --- framing


def test_a_body_that_breaks_off_is_nobodys_request(
    gateway: GatewayProcess, upstream: Upstream
) -> None:
    for path, api in ENDPOINTS.items():
        whole = json.dumps({"model": model_of(api), **SMALLEST[api]}).encode()
        half = head(path, f"content-length: {len(whole) + 1}") + whole
        answer = exchange(gateway.port, half, leave=True)
        assert answer.status in {0, 400}, path
    assert upstream.requests == []


BROKEN_CHUNKS = {
    "no size": b"zz\r\n{}\r\n0\r\n\r\n",
    "negative": b"-2\r\n{}\r\n0\r\n\r\n",
    "too short": b"3\r\n{}\r\n0\r\n\r\n",
    "too long": b"1\r\n{}\r\n0\r\n\r\n",
    "huge": b"f" * 40 + b"\r\n{}\r\n0\r\n\r\n",
    "no end": b"2\r\n{}\r\n",
}


@EVERYWHERE
def test_chunks_that_are_broken(gateway: GatewayProcess, upstream: Upstream, path: str) -> None:
    for name, chunks in BROKEN_CHUNKS.items():
        start = head(path, "transfer-encoding: chunked")
        answer = exchange(gateway.port, start + chunks, leave=True)
        assert answer.status in {0, 400}, name
        if answer.status:
            check_error_body(ENDPOINTS[path], answer.body)
    assert upstream.requests == []


# --- oddities that are taken


@CLIENTS
def test_no_content_type_is_asked_for(
    upstream: Upstream, clients: Clients, client_api: Api
) -> None:
    """curl calls everything a form."""
    upstream.script(lambda asked: reply_to(asked, client_api, Answer("Hi.")))
    body = json.dumps({"model": model_of(client_api), **SMALLEST[client_api]})
    for kind in ("application/x-www-form-urlencoded", "text/plain", "", "nonsense; charset=ö"):
        answer = clients.http.post(
            clients.base_url + PATHS[client_api],
            content=body,
            headers={b"content-type": kind.encode("latin-1")},
        )
        assert answer.status_code == 200, kind
        assert upstream.last.headers["content-type"] == "application/json"
        assert upstream.last.body == body.encode()


@CLIENTS
def test_two_values_by_which_nothing_is_decided_both_go_on(
    upstream: Upstream, clients: Clients, client_api: Api
) -> None:
    upstream.script(lambda asked: reply_to(asked, client_api, Answer("Hi.")))
    first = json.dumps({"model": model_of(client_api), **SMALLEST[client_api], "temperature": 1})
    body = first[:-1] + ', "temperature": 0.5}'

    answer = clients.post(PATHS[client_api], body)

    assert answer.status_code == 200
    assert upstream.last.body == body.encode()
