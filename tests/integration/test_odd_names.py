"""Names of the client's that go into headers and URLs, whatever characters they are made of.

Here: unknown fields, models of a wildcard provider. Not here: names that are refused (test_errors.py).
"""

from __future__ import annotations

import json

import pytest
from conftest import GatewayFactory
from support.asks import WRITERS, Ask, user
from support.dialects import PATHS, Clients
from support.gateway import config, provider
from support.pairs import PAIRS, TRANSLATED, model_of, reply_to
from support.streams import PLAIN, Answer, Api
from support.upstream import Upstream, json_reply

ODD = ["a\x00b", "a\x01b", "a\x7fb", "a\r\nx-evil: 1", "a\x0bb", "\x85é", "a\u2028b", "模型"]
ASK = Ask((user("Hi"),))


@TRANSLATED
@pytest.mark.parametrize("name", ODD)
def test_an_unknown_field(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api, name: str
) -> None:
    upstream.script(lambda request: reply_to(request, upstream_api, Answer("Hi.")))
    body = {"model": model_of(upstream_api), **WRITERS[client_api](ASK), name: 1}

    answer = clients.post(PATHS[client_api], json.dumps(body))

    assert answer.status_code == 200, answer.text
    assert "unknown to the gateway" in answer.headers["x-gateway-warning"]
    assert "x-evil" not in answer.headers


@PAIRS
@pytest.mark.parametrize("name", ODD)
def test_a_model_of_a_wildcard_provider(
    upstream: Upstream,
    gateway_factory: GatewayFactory,
    client_api: Api,
    upstream_api: Api,
    name: str,
) -> None:
    anything = provider(upstream.base_url, upstream_api, model="scripted/*")
    clients = Clients(gateway_factory(config(anything)).base_url)
    upstream.script(lambda request: reply_to(request, upstream_api, Answer("Hi.")))
    body = {"model": f"scripted/{name}", **WRITERS[client_api](ASK)}

    answer = clients.post(PATHS[client_api], json.dumps(body))

    assert answer.status_code == 200, answer.text
    assert upstream.last.json["model"] == name
    assert "x-evil" not in answer.headers


def test_a_model_in_a_path_stays_one_step_of_it(
    upstream: Upstream, gateway_factory: GatewayFactory
) -> None:
    """As Azure has it: the key must not travel to where a client sends it."""
    azure = provider(
        f"{upstream.base_url}?api-version=2024-10-21",
        "chat_completions",
        model="azure_openai/*",
    )
    clients = Clients(gateway_factory(config(azure)).base_url)
    upstream.script(json_reply(PLAIN["chat_completions"](Answer("Hi."))))
    body = {"model": "azure_openai/../../admin?x=y#z", **WRITERS["chat_completions"](ASK)}

    clients.post(PATHS["chat_completions"], json.dumps(body))

    path, _, query = upstream.last.target.partition("?")
    assert path.endswith("/deployments/..%2F..%2Fadmin%3Fx%3Dy%23z/chat/completions")
    assert query == "api-version=2024-10-21"
