"""What one client has stored at an upstream, under the gateway's key, is no other's: not by any way to name it.

Two clients with keys of the gateway, one upstream that stores responses itself. Not here: each form of a request that
names something (tests/state/test_turn.py), gateways without keys (test_forwarding.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx2
import openai
import pytest
from conftest import GatewayFactory
from support.gateway import GatewayProcess, config, provider
from support.keyed import client_key, key_of
from support.pairs import model_of, reply_to
from support.sdk import client_of
from support.sockets import ask, create, error_of, opened
from support.streams import Answer, Json
from support.upstream import Reply, Request, Upstream, json_reply

from wsgi_gateway.protocols.responses.compaction import Compaction, seal_compaction

MODEL = model_of("responses")
THOUGHT = {
    "type": "reasoning",
    "id": "rs_theirs",
    "summary": [{"type": "summary_text", "text": "Hm."}],
}
KEYS = {"keys": [client_key("anna"), client_key("ben")]}


def forged(item: Json) -> Json:
    """A compaction as anybody can make one."""
    token = seal_compaction(Compaction("All that was.", before=[item]))
    return {"type": "compaction", "id": "cmp_1", "encrypted_content": token}


@pytest.fixture
def gateway(upstream: Upstream, gateway_factory: GatewayFactory) -> GatewayProcess:

    def script(request: Request) -> Reply:
        number = len(upstream.requests)
        return reply_to(request, "responses", Answer("One.", id=f"anna{number}"))

    upstream.script(script)
    return gateway_factory(config(provider(upstream.base_url, "responses"), access=KEYS))


@pytest.fixture
def anna(gateway: GatewayProcess) -> openai.OpenAI:
    """She has a response at the upstream."""
    client = client_of(gateway, key_of("anna"))
    assert client.responses.create(model=MODEL, input="Hi").id == "resp_anna1"
    return client


@pytest.fixture
def ben(
    anna: openai.OpenAI,  # noqa: ARG001 - hers is there before
    gateway: GatewayProcess,
    upstream: Upstream,
) -> Iterator[openai.OpenAI]:
    """He knows its id. The upstream must hear nothing of him."""
    upstream.requests.clear()
    yield client_of(gateway, key_of("ben"))
    assert upstream.requests == []


def test_she_goes_on_from_it(anna: openai.OpenAI, upstream: Upstream) -> None:
    anna.responses.create(model=MODEL, input="And?", previous_response_id="resp_anna1")
    assert upstream.last.json["previous_response_id"] == "resp_anna1"
    anna.responses.input_items.list("resp_anna1")
    assert anna.responses.retrieve("resp_anna1").output_text == "One."


def test_another_client_cannot_go_on_from_it(ben: openai.OpenAI) -> None:
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError) as refused:
            ben.responses.create(
                model=MODEL, input="And?", previous_response_id="resp_anna1", stream=stream
            )
        assert refused.value.code == "previous_response_not_found"
    with pytest.raises(openai.NotFoundError):
        ben.responses.create(model=MODEL, input="And?", conversation="conv_annas")


def test_nor_ask_beside_it(ben: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        ben.responses.input_tokens.count(model=MODEL, previous_response_id="resp_anna1")
    with pytest.raises(openai.BadRequestError):
        ben.responses.compact(model=MODEL, previous_response_id="resp_anna1")


def test_nor_read_end_or_delete_it(ben: openai.OpenAI) -> None:
    for work in ("retrieve", "delete", "cancel"):
        with pytest.raises(openai.NotFoundError):
            getattr(ben.responses, work)("resp_anna1")
    with pytest.raises(openai.NotFoundError):
        ben.responses.input_items.list("resp_anna1")


@pytest.mark.parametrize(
    "items",
    [
        '[{"type":"item_reference","id":"msg_theirs"}]',
        r'[{"type":"item\u005freference","id":"msg_theirs"}]',
        '[{"id":"msg_theirs"}]',
        json.dumps([forged({"type": "item_reference", "id": "msg_theirs"})]),
    ],
)
@pytest.mark.parametrize("stores", ["true", "false"])
def test_nor_have_it_put_into_a_request(
    ben: openai.OpenAI, gateway: GatewayProcess, items: str, stores: str
) -> None:
    told = httpx2.post(
        f"{gateway.base_url}/v1/responses",
        content=f'{{"model":"{MODEL}","store":{stores},"input":{items}}}',
        headers={"authorization": f"Bearer {ben.api_key}"},
    )
    assert told.status_code == 404
    assert "not found" in told.json()["error"]["message"]


def test_nor_over_a_websocket(ben: openai.OpenAI, gateway: GatewayProcess) -> None:
    headers = {"authorization": f"Bearer {ben.api_key}"}
    with opened(gateway.base_url, headers=headers) as socket:
        told = ask(socket, create(MODEL, previous_response_id="resp_anna1"))
        assert error_of(told)["code"] == "previous_response_not_found"
        told = ask(socket, create(MODEL, input=[{"id": "msg_theirs"}], store=False))
        assert told["status"] == 404


@pytest.mark.parametrize("stores", [True, False])
def test_what_an_item_says_itself_arrives_under_another_id(
    anna: openai.OpenAI, gateway: GatewayProcess, upstream: Upstream, stores: bool
) -> None:
    """Hosts that store nothing read it; one that stores would take her thought in its place."""
    ben = client_of(gateway, key_of("ben"))
    ben.responses.create(model=MODEL, input=[THOUGHT], store=stores)  # type: ignore[list-item]
    (arrived,) = upstream.last.json["input"]
    assert arrived["summary"] == THOUGHT["summary"]
    assert arrived["id"] != THOUGHT["id"]
    sealed = {**THOUGHT, "encrypted_content": "gAAA"}
    anna.responses.create(model=MODEL, input=[sealed], store=stores)  # type: ignore[list-item]
    assert upstream.last.json["input"] == [sealed]


def test_unless_the_config_says_so(upstream: Upstream) -> None:
    upstream.script(lambda request: reply_to(request, "responses", Answer("One.", id="anna1")))
    entry = provider(upstream.base_url, "responses")
    written = config(entry, access=KEYS, state_storage={"unknown_ids": "ask"})
    with GatewayProcess(written) as gateway:
        ben = client_of(gateway, key_of("ben"))
        ben.responses.create(model=MODEL, input="And?", previous_response_id="resp_annas")
        assert upstream.last.json["previous_response_id"] == "resp_annas"
        upstream.script(json_reply({"id": "resp_annas", "object": "response", "output": []}))
        assert ben.responses.retrieve("resp_annas").id == "resp_annas"
        assert upstream.last.target == "/v1/responses/resp_annas"
