"""Conversations that move between upstreams: those that have state themselves, and those that know nothing of it.

Here: what each upstream is shown, and what the client is told. Not here: what is kept (tests/state).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import openai
import pytest
from conftest import GatewayFactory
from support.databases import Database
from support.gateway import GatewayProcess, config, provider
from support.pairs import model_of, reply_to
from support.sdk import client_of
from support.streams import STREAMED, Answer, Api, Json
from support.upstream import Reply, Request, Upstream, sse_reply

NATIVE, CHAT = model_of("responses"), model_of("chat_completions")
OTHER_NATIVE = "other-model"
PLAIN_AND_STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
Create = Callable[..., Any]


def source_of(upstream: Upstream, storage: Json) -> Json:
    url = upstream.base_url
    other = provider(url, "responses", model=f"x/{OTHER_NATIVE}", name="other-responses")
    return config(
        provider(url, "chat_completions"),
        provider(url, "responses"),
        other,
        state_storage=storage,
    )


@pytest.fixture
def gateway(upstream: Upstream, gateway_factory: GatewayFactory) -> GatewayProcess:
    return gateway_factory(source_of(upstream, {"type": "memory"}))


@pytest.fixture
def create(client: openai.OpenAI, stream: bool) -> Create:
    def create(**asked: Any) -> Any:
        if not stream:
            return client.responses.create(**asked)
        with client.responses.stream(**asked) as events:
            return events.get_final_response()

    return create


def says(upstream: Upstream, text: str, id_: str, thought: str = "") -> None:
    """The answer of whichever upstream is asked."""

    def script(request: Request) -> Reply:
        api: Api = "responses" if request.path.endswith("/responses") else "chat_completions"
        return reply_to(request, api, Answer(text, thought, id=id_))

    upstream.script(script)


def shown(upstream: Upstream) -> list[Any]:
    body = upstream.last.json
    return [item["content"] for item in body.get("messages") or body["input"]]


@PLAIN_AND_STREAM
def test_a_chain_that_began_natively_goes_on_elsewhere(upstream: Upstream, create: Create) -> None:
    says(upstream, "One.", "gw1")
    first = create(model=NATIVE, input="Hi")
    assert first.id == "resp_gw1"
    says(upstream, "Two.", "gw2")
    second = create(model=NATIVE, input="And?", previous_response_id=first.id)
    assert upstream.last.json["previous_response_id"] == first.id
    says(upstream, "Three.", "gw3")
    create(model=CHAT, input="So?", previous_response_id=second.id)
    assert shown(upstream) == ["Hi", "One.", "And?", "Two.", "So?"]
    reference = {"type": "item_reference", "id": first.output[-1].id}
    create(model=CHAT, input=[reference, {"role": "user", "content": "What?"}])
    assert shown(upstream) == ["One.", "What?"]


@PLAIN_AND_STREAM
def test_a_chain_that_began_elsewhere_goes_on_natively(
    upstream: Upstream, client: openai.OpenAI, create: Create
) -> None:
    says(upstream, "One.", "gw1", thought="Hm.")
    first = create(model=CHAT, input="Hi", metadata={"a": "b"})
    says(upstream, "Two.", "gw2")
    second = create(model=NATIVE, input="And?", previous_response_id=first.id)
    sent = upstream.last.json
    assert "previous_response_id" not in sent
    assert [item["role"] for item in sent["input"]] == ["user", "assistant", "user"]
    assert not any("id" in item for item in sent["input"])
    assert sent["input"][1]["content"][0]["text"] == "One."
    assert second.id == "resp_gw2"
    assert second.previous_response_id == first.id
    assert client.responses.retrieve(second.id).previous_response_id == first.id
    texts = [
        item.content[0].text  # type: ignore[union-attr]
        for item in client.responses.input_items.list(second.id, order="asc")
        if item.type == "message"
    ]
    assert texts == ["Hi", "One.", "And?"]

    reference = {"type": "item_reference", "id": first.output[-1].id}
    create(model=NATIVE, input=[reference, {"role": "user", "content": "What?"}])
    assert [item["role"] for item in upstream.last.json["input"]] == ["assistant", "user"]
    own = {"type": "item_reference", "id": second.output[-1].id}
    create(model=NATIVE, input=[own])
    assert upstream.last.json["input"] == [own]


@PLAIN_AND_STREAM
def test_a_conversation_is_gone_on_in_by_all(
    upstream: Upstream, client: openai.OpenAI, create: Create
) -> None:
    made = client.conversations.create()
    says(upstream, "One.", "gw1")
    first = create(model=NATIVE, input="Hi", conversation=made.id)
    assert first.conversation.id == made.id
    assert "conversation" not in upstream.last.json
    says(upstream, "Two.", "gw2")
    create(model=CHAT, input="And?", conversation=made.id)
    assert shown(upstream) == ["Hi", "One.", "And?"]
    says(upstream, "Three.", "gw3")
    create(model=NATIVE, input="So?", conversation=made.id)
    sent = upstream.last.json["input"]
    assert [item["role"] for item in sent] == ["user", "assistant", "user", "assistant", "user"]
    assert [item.get("id") for item in sent if item["role"] == "assistant"] == ["msg_gw1", None]
    assert len(list(client.conversations.items.list(made.id))) == 6


@PLAIN_AND_STREAM
def test_thoughts_of_one_upstream_are_not_shown_to_another(
    upstream: Upstream, client: openai.OpenAI, stream: bool
) -> None:
    says(upstream, "One.", "gw1", thought="A thought.")
    first = client.responses.create(model=NATIVE, input="Hi")
    assert first.output[0].type == "reasoning"
    for model in (OTHER_NATIVE, CHAT):
        says(upstream, "Two.", "gw2")
        raw = client.responses.with_raw_response.create(
            model=model, input="And?", previous_response_id=first.id, stream=stream
        )
        assert "reasoning" in raw.headers["x-gateway-warning"]
        assert b"thought" not in upstream.last.body
        raw.http_response.close()


def test_ids_that_only_the_upstream_knows_are_its_own(
    upstream: Upstream, client: openai.OpenAI
) -> None:
    says(upstream, "One.", "gw1")
    asked: Json = {"input": [{"type": "item_reference", "id": "msg_of_theirs"}]}
    for more in ({"previous_response_id": "resp_of_theirs"}, {"conversation": "conv_of_theirs"}):
        first = client.responses.create(model=NATIVE, **asked, **more)  # type: ignore[arg-type]
        assert upstream.last.json == {"model": NATIVE, **asked, **more}
    with pytest.raises(openai.APIStatusError) as told:
        client.responses.create(model=CHAT, input="x", previous_response_id=first.id)
    assert "conv_of_theirs" in told.value.message


def test_a_stored_stream_passes_byte_for_byte(upstream: Upstream, client: openai.OpenAI) -> None:
    stream = STREAMED["responses"](Answer("One.", id="gw1")).encode()
    for cut in (len(stream), 100):
        pieces = [stream[at : at + cut] for at in range(0, len(stream), cut)]
        upstream.script(sse_reply(pieces))
        with client.responses.with_streaming_response.create(
            model=NATIVE, input="Hi", stream=True
        ) as raw:
            assert raw.read() == stream
    last = json.loads(stream.decode().strip().rpartition("data: ")[2])["response"]
    assert client.get("/responses/resp_gw1", cast_to=object) == last


def test_a_failed_stream_is_not_stored(upstream: Upstream, client: openai.OpenAI) -> None:
    stream = STREAMED["responses"](Answer("One.", id="gw1")).encode()
    upstream.script(sse_reply(stream[:-300], broken=True))
    with client.responses.with_streaming_response.create(
        model=NATIVE, input="Hi", stream=True
    ) as raw:
        assert b'"type":"error"' in raw.read()
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve("resp_gw1")


@PLAIN_AND_STREAM
def test_what_passes_is_left_to_the_upstream_if_the_config_says_so(
    upstream: Upstream, gateway_factory: GatewayFactory, stream: bool
) -> None:
    says(upstream, "One.", "gw1")
    source = source_of(upstream, {"type": "memory", "passthrough": False})
    client = client_of(gateway_factory(source))
    answer = client.responses.create(model=NATIVE, input="Hi", stream=stream)
    if stream:
        assert [*answer]
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve("resp_gw1")
    made = client.conversations.create()
    client.responses.create(model=NATIVE, input="Hi", conversation=made.id)
    assert len(list(client.conversations.items.list(made.id))) == 2


@pytest.mark.parametrize("kind", ["redis"])
def test_native_chains_need_no_storage(upstream: Upstream, storage: Json, server: Database) -> None:
    says(upstream, "One.", "gw1")
    with GatewayProcess(source_of(upstream, storage)) as gateway:
        client = client_of(gateway)
        ours = client.responses.create(model=CHAT, input="Hi")
        client.responses.create(model=NATIVE, input="Hi")
        made = client.conversations.create()
        server.kill()
        raw = client.responses.with_raw_response.create(
            model=NATIVE, input="And?", previous_response_id="resp_gw1", store=True
        )
        assert raw.parse().output_text == "One."
        assert "store;dropped" in raw.headers["x-gateway-warning"]
        reference = {"type": "item_reference", "id": ours.output[0].id}
        for asked in (
            {"input": "x", "previous_response_id": ours.id},
            {"input": "x", "conversation": made.id},
            {"input": [reference]},
        ):
            with pytest.raises(openai.InternalServerError) as refused:
                client.responses.create(model=NATIVE, **asked)  # type: ignore[call-overload]
            assert refused.value.code == "state_storage_unavailable"
