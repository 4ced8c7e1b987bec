"""What a browser could open, and what other sites' pages can do with a gateway on their visitor's machine: nothing."""

from __future__ import annotations

import re

import gunicorn
import httpx2
import pytest
import werkzeug
from conftest import GatewayFactory
from support.asks import Ask, user
from support.dialects import PATHS, Clients
from support.gateway import GatewayProcess, config, provider
from support.keyed import KEY
from support.pairs import CLIENTS, PLAIN_AND_STREAM, model_of, reply_to
from support.planted import CLIENT_KEY
from support.streams import Answer, Api
from support.upstream import Upstream

import wsgi_gateway

HTTP = httpx2.Client(trust_env=False, verify=False, timeout=60)
ASK = Ask((user("<script>alert(1)</script>"),))
PAGES = (
    "/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/v1/models",
    "/v1/models/responses-model",
    "/v1/models/<script>",
    "/v1/responses",
    "/v1/responses/resp_<script>",
    "/v1/conversations/conv_<script>",
    "/v1/chat/completions",
    "/v1/<script>",
    "/nowhere",
)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_page_says_what_it_is_and_is_not_kept(
    gateway: GatewayProcess, path: str, method: str
) -> None:
    told = HTTP.request(method, gateway.base_url + path, headers={"accept": "text/html"})
    assert told.headers["x-content-type-options"] == "nosniff"
    assert told.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in told.headers["content-security-policy"]
    assert not told.headers.get("content-type", "").startswith("text/html")
    assert not [name for name in told.headers if name.startswith("access-control-")]


@CLIENTS
@PLAIN_AND_STREAM
def test_a_reply_is_no_page_either(
    upstream: Upstream, clients: Clients, client_api: Api, stream: bool
) -> None:
    upstream.script(lambda request: reply_to(request, client_api, Answer("<script>")))
    for model in (model_of(client_api), "<script>"):
        told = clients.raw(client_api, model, ASK, stream=stream)
        assert told.headers["x-content-type-options"] == "nosniff"
        kind = told.headers["content-type"].partition(";")[0]
        assert kind == ("text/event-stream" if stream and told.is_success else "application/json")


def test_no_version_is_told(gateway: GatewayProcess) -> None:
    answers = [HTTP.get(gateway.base_url + path) for path in ("/", "/nowhere", "/v1/models")]
    answers += [HTTP.post(gateway.base_url + path, content=b"{") for path in PATHS.values()]
    answers.append(HTTP.get(gateway.base_url, headers={"x-odd": "a" * 70_000}))
    for told in answers:
        shown = str(told.headers) + told.text
        for module in (gunicorn, werkzeug, wsgi_gateway):
            version = getattr(module, "__version__", None)
            assert not version or version not in shown
        assert not re.search(r"gunicorn/|python/|werkzeug", shown, re.IGNORECASE)


# --- pages of other sites


def post(base_url: str, api: Api, **headers: str) -> httpx2.Response:
    """As a form, or a script without leave, can: as plain text."""
    body = (
        b'{"model": "%b", "max_tokens": 9, "messages": [], "input": "x"}' % model_of(api).encode()
    )
    plain = {"content-type": "text/plain", "authorization": f"Bearer {CLIENT_KEY}"}
    return HTTP.post(base_url + PATHS[api], content=body, headers={**plain, **headers})


@CLIENTS
@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_a_page_of_another_site_is_turned_away(
    gateway: GatewayProcess, upstream: Upstream, client_api: Api, origin: str
) -> None:
    upstream.script(lambda request: reply_to(request, client_api, Answer("Hi.")))
    told = post(gateway.base_url, client_api, origin=origin)
    assert told.status_code == 403
    kind = "permission_error" if client_api == "messages" else "request_forbidden"
    assert told.json()["error"]["type"] == kind
    chunked = HTTP.post(
        gateway.base_url + PATHS[client_api], content=iter([b"{}"]), headers={"origin": origin}
    )
    assert chunked.status_code == 403
    assert HTTP.get(f"{gateway.base_url}/v1/models", headers={"origin": origin}).status_code == 403
    assert upstream.requests == []
    assert post(gateway.base_url, client_api, origin="http://localhost:3000").status_code != 403
    assert post(gateway.base_url, client_api, origin=gateway.base_url).status_code != 403


def test_with_a_key_or_open_to_all_any_page_may_ask(
    upstream: Upstream, gateway_factory: GatewayFactory, keyed: GatewayProcess
) -> None:
    """A page has no key of its own, and what is open needs no trick."""
    upstream.script(lambda request: reply_to(request, "responses", Answer("Hi.")))
    origin = {"origin": "https://app.example"}
    assert post(keyed.base_url, "responses", **origin).status_code == 401
    with_key = {"authorization": f"Bearer {KEY}"}
    assert post(keyed.base_url, "responses", **origin, **with_key).status_code == 200
    open_ = gateway_factory(config(provider(upstream.base_url, "responses"), access="open"))
    assert post(open_.base_url, "responses", **origin).status_code == 200
