"""Clients' keys, as the official SDKs meet them: who is let in, for what, and what others are told.

Not here: limits (test_limits.py), the parts alone (tests/access), refusal to start (tests/access/test_exposure.py).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from click.testing import CliRunner
from support.answers import answering
from support.gateway import PROVIDER_KEY, GatewayProcess, config, provider
from support.keyed import (
    ANSWER,
    APIS,
    KEY,
    NEW_KEY,
    OTHER_KEY,
    Client,
    gateway_config,
    key_of,
    refused,
)
from support.sockets import ask, create, opened, text_of
from support.streams import Api
from support.until import until
from support.upstream import Upstream
from websockets.exceptions import InvalidStatus

from wsgi_gateway.cli import main


@pytest.fixture
def upstream(upstream: Upstream) -> Upstream:
    """It answers everything."""
    upstream.script(answering(ANSWER))
    return upstream


@pytest.mark.parametrize("api", APIS)
def test_who_has_no_key_is_told_so_in_their_api(keyed: GatewayProcess, api: Api) -> None:
    with pytest.raises(refused(api, "AuthenticationError")) as told:
        Client(keyed, "sk-nobody-s").ask(api)
    error: Any = told.value
    assert error.status_code == 401
    if api == "messages":
        assert error.body["error"]["type"] == "authentication_error"
    else:
        assert error.code == "invalid_api_key"
    assert "sk-nobody" not in str(error)
    assert Client(keyed).ask(api).status_code == 200


def test_a_key_is_taken_from_any_header_and_goes_no_further(
    keyed: GatewayProcess, upstream: Upstream
) -> None:
    body = {"model": "chat_completions-model", "messages": [{"role": "user", "content": "x"}]}
    headers = [
        {"authorization": f"Bearer {KEY}"},
        {"x-api-key": KEY},
        {"api-key": KEY},
        {"x-gateway-key": KEY},
        {"authorization": "Bearer another's", "x-api-key": KEY},
    ]
    for given in headers:
        told = httpx2.post(f"{keyed.base_url}/v1/chat/completions", json=body, headers=given)
        assert told.status_code == 200, given
        assert upstream.last.headers["authorization"] == f"Bearer {PROVIDER_KEY}"
        assert KEY not in str(upstream.last.headers)
    told = httpx2.post(f"{keyed.base_url}/v1/chat/completions", json=body)
    assert told.status_code == 401
    assert "no API key was sent" in told.text


@pytest.mark.parametrize("api", APIS)
def test_a_key_is_for_some_models_only(keyed: GatewayProcess, api: Api) -> None:
    client = Client(keyed, OTHER_KEY)
    assert client.ask(api, "messages-model").status_code == 200
    assert client.ask(api, "only-messages").status_code == 200
    with pytest.raises(refused(api, "PermissionDeniedError")) as told:
        client.ask(api, "responses-model")
    assert told.value.status_code == 403
    assert "responses-model" in str(told.value)


def test_nothing_else_is_shown_without_a_key(keyed: GatewayProcess) -> None:
    for path in ("/v1/models", "/v1/models/messages-model"):
        assert httpx2.get(keyed.base_url + path).status_code == 401
    assert [model.id for model in Client(keyed, OTHER_KEY).openai.models.list()] == [
        "only-messages"
    ]
    with pytest.raises(openai.PermissionDeniedError):
        Client(keyed, OTHER_KEY).openai.models.retrieve("responses-model")
    assert len(list(Client(keyed).anthropic.models.list())) == 3
    assert httpx2.get(f"{keyed.base_url}/healthz").status_code == 200


def test_a_websocket_needs_a_key_and_each_turn_is_a_request(keyed: GatewayProcess) -> None:
    with pytest.raises(InvalidStatus) as refusal, opened(keyed.base_url):
        pass
    assert refusal.value.response.status_code == 401
    headers = {"authorization": f"Bearer {key_of('socket')}"}
    with opened(keyed.base_url, headers=headers) as socket:
        for _ in range(2):
            assert text_of(ask(socket, create("messages-model"))) == ANSWER.text
        told = ask(socket, create("messages-model"))
    assert (told["type"], told["status"]) == ("error", 429)
    assert told["error"]["code"] == "rate_limit_exceeded"


# --- passed-on keys


def test_a_provider_s_key_and_the_gateway_s_come_in_different_headers(upstream: Upstream) -> None:
    entries = [
        {**provider(upstream.base_url, api, passthrough_auth=True), "access_key": None}
        for api in APIS
    ]
    with GatewayProcess(config(*entries, access={"keys": [{"id": "a", "key": KEY}]})) as gateway:
        for api in APIS:
            Client(gateway, "sk-provider-own", **{"x-gateway-key": KEY}).ask(api)
            seen = upstream.last.headers
            assert "sk-provider-own" in seen.get("authorization", "") + seen.get("x-api-key", "")
            assert KEY not in str(seen)
            Client(gateway, KEY).ask(api)
            assert KEY not in str(upstream.last.headers)


# --- state


def test_a_new_key_of_the_same_client_keeps_its_state(keyed: GatewayProcess) -> None:
    asked = {"model": "chat_completions-model", "input": "x"}
    first = Client(keyed).openai.responses.create(**asked)
    new = Client(keyed, NEW_KEY).openai.responses
    told = new.with_raw_response.create(**asked, previous_response_id=first.id)
    assert told.headers["x-ratelimit-remaining-requests"] == "3"
    with pytest.raises(openai.BadRequestError):
        Client(keyed, OTHER_KEY).openai.responses.create(
            model="messages-model", input="x", previous_response_id=first.id
        )


# --- the key file


def keys(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["keys", *arguments], env={"WSGI_GATEWAY_CONFIG": None})
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def test_a_running_server_follows_the_key_file(upstream: Upstream, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    source = gateway_config(upstream, key_file=str(file))
    config_file = tmp_path / "config.yaml"
    config_file.write_text(json.dumps(source))
    with GatewayProcess(config_file) as gateway:
        assert not is_let_in(gateway, KEY)
        key = keys("create", "team", "-c", str(config_file), "--requests", "1000/h")
        until(lambda: is_let_in(gateway, key))
        told = Client(gateway, key).ask("messages")
        assert told.headers["anthropic-ratelimit-requests-limit"] == "1000"
        file.write_text("{broken")
        other = file.with_name("other.json")
        newer = keys("create", "team", "-f", str(other))
        until(lambda: "the keys stay as they are" in gateway.output or not is_let_in(gateway, key))
        assert is_let_in(gateway, key)
        other.replace(file)
        until(lambda: is_let_in(gateway, newer))
        assert not is_let_in(gateway, key)
        keys("revoke", "team", "-f", str(file))
        until(lambda: not is_let_in(gateway, newer))
        assert key not in gateway.output + file.read_text()


def is_let_in(gateway: GatewayProcess, key: str) -> bool:
    told = httpx2.get(f"{gateway.base_url}/v1/models", headers={"x-api-key": key})
    assert told.status_code in (200, 401)
    return told.status_code == 200
