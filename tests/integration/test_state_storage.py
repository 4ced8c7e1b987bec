"""Stored responses in a storage that gateways share, and what clients are told when it is gone.

Here: gateways as processes before real PostgreSQL and Redis servers, which are killed. Not here: the storages alone
(tests/state), workers of one gateway (test_ten_turns_by_id.py), load (test_storage_killed_under_load.py).
"""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest
from support.databases import PASSWORD, PLAIN_PASSWORD, Database
from support.frames import named_events
from support.gateway import GatewayProcess, config, provider
from support.sdk import client_of
from support.streams import Answer, Json, chat_completion, chat_stream
from support.until import until
from support.upstream import Reply, Request, Upstream, json_reply, sse_reply

MODEL = "chat_completions-model"
DURABLE = ("sqlite", "postgres", "redis")
SERVERS = ("postgres", "redis")


def counted(request: Request) -> Reply:
    """An answer that tells how many messages the upstream was shown."""
    body = request.json
    answer = Answer(f"{len(body['messages'])} messages", model=MODEL)
    if body.get("stream"):
        return sse_reply(chat_stream(answer, usage=True).encode())
    return json_reply(chat_completion(answer))


@pytest.fixture
def source(storage: Json, upstream: Upstream) -> Json:
    upstream.script(counted)
    return config(provider(upstream.base_url, "chat_completions"), state_storage=storage)


@pytest.fixture
def gateway(source: Json) -> Iterator[GatewayProcess]:
    with GatewayProcess(source) as running:
        yield running


def is_back(client: openai.OpenAI, known: str) -> bool:
    try:
        client.responses.create(model=MODEL, input="x", previous_response_id=known, store=False)
    except openai.InternalServerError:
        return False
    return True


@pytest.mark.parametrize("kind", DURABLE)
def test_two_gateways_share_a_conversation_which_outlives_them(source: Json) -> None:
    with GatewayProcess(source) as one:
        first = client_of(one).responses.create(model=MODEL, input="one")
        with GatewayProcess(source) as other:
            with client_of(other).responses.stream(
                model=MODEL, input="two", previous_response_id=first.id
            ) as stream:
                second = stream.get_final_response()
            assert second.output_text == "3 messages"
            one.kill()
            reference = {"type": "item_reference", "id": first.output[0].id}
            last = client_of(other).responses.create(
                model=MODEL, input=[reference, {"role": "user", "content": "three"}]
            )
            assert last.output_text == "2 messages"
            chained = client_of(other).responses.create(
                model=MODEL, input="three", previous_response_id=second.id
            )
            assert chained.output_text == "5 messages"


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_one_client_s_responses_are_not_another_s(
    keeping: GatewayProcess, upstream: Upstream
) -> None:
    upstream.script(counted)
    first = client_of(keeping).responses.create(model=MODEL, input="one")
    with pytest.raises(openai.BadRequestError) as told:
        client_of(keeping, "sk-other").responses.create(
            model=MODEL, input="two", previous_response_id=first.id
        )
    assert told.value.code == "previous_response_not_found"


@pytest.mark.parametrize("kind", SERVERS)
def test_without_its_storage_a_gateway_serves_who_needs_none(
    gateway: GatewayProcess, server: Database
) -> None:
    client = client_of(gateway)
    first = client.responses.create(model=MODEL, input="one")
    server.kill()

    with pytest.raises(openai.InternalServerError) as refused:
        client.responses.create(model=MODEL, input="two", previous_response_id=first.id)
    assert refused.value.status_code == 503
    assert refused.value.code == "state_storage_unavailable"
    reference = {"type": "item_reference", "id": first.output[0].id}
    for asked in ({"input": [reference]}, {"input": "x", "store": True}):
        with pytest.raises(openai.InternalServerError) as refused:
            client.responses.create(model=MODEL, **asked)  # type: ignore[call-overload]
        assert refused.value.status_code == 503

    told = client.responses.with_raw_response.create(model=MODEL, input="x")
    assert told.parse().output_text == "1 messages"
    assert told.http_response.json()["store"] is False
    assert "store;dropped" in told.headers["x-gateway-warning"]
    silent = client.responses.with_raw_response.create(model=MODEL, input="x", store=False)
    assert "x-gateway-warning" not in silent.headers
    chat = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "x"}])
    assert chat.choices[0].message.content == "1 messages"

    server.start()
    until(lambda: is_back(client, first.id))
    second = client.responses.create(model=MODEL, input="two", previous_response_id=first.id)
    assert second.output_text == "3 messages"
    assert PASSWORD not in gateway.output
    assert PLAIN_PASSWORD not in gateway.output


@pytest.mark.parametrize("kind", SERVERS)
def test_a_stream_that_cannot_be_stored_says_so(gateway: GatewayProcess, server: Database) -> None:
    client = client_of(gateway)
    client.responses.create(model=MODEL, input="one")
    server.kill()

    with client.responses.with_streaming_response.create(
        model=MODEL, input="x", stream=True
    ) as raw:
        text = raw.read().decode()
    assert named_events(text.encode())[-1]["type"] == "response.completed"
    assert named_events(text.encode())[-1]["response"]["store"] is False
    assert ": x-gateway-warning: store;dropped" in text
    with pytest.raises(openai.APIError) as told:
        for event in client.responses.create(model=MODEL, input="x", stream=True, store=True):
            assert event.type != "response.completed"
    assert told.value.code == "state_storage_unavailable"


@pytest.mark.parametrize("kind", SERVERS)
def test_a_gateway_starts_without_its_storage(source: Json, server: Database) -> None:
    server.kill()
    with GatewayProcess(source) as gateway:
        client = client_of(gateway)
        assert client.responses.create(model=MODEL, input="x").output_text == "1 messages"
        server.start()
        until(lambda: is_stored(client))


def is_stored(client: openai.OpenAI) -> bool:
    """Whether a response can be stored and continued."""
    try:
        first = client.responses.create(model=MODEL, input="x", store=True)
    except openai.InternalServerError:
        return False
    second = client.responses.create(model=MODEL, input="y", previous_response_id=first.id)
    return second.output_text == "3 messages"
