"""Responses that an upstream itself keeps, or makes in the background: what is asked there, and what is kept here."""

from __future__ import annotations

import json
import threading
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest
from conftest import GatewayFactory
from support.gateway import PROVIDER_KEY, GatewayProcess, config, provider
from support.pairs import model_of, reply_to
from support.raw_http import exchange, head
from support.sdk import client_of
from support.streams import Answer, response, response_events
from support.upstream import Reply, Request, Upstream, json_reply, sse_reply

NATIVE, CHAT = model_of("responses"), model_of("chat_completions")
DONE = {**response(Answer("One.", id="gw1")), "background": True}
QUEUED = {**DONE, "status": "queued", "output": [], "usage": None}
PATH = "/v1/responses/resp_gw1"


@pytest.fixture
def gateway(upstream: Upstream, gateway_factory: GatewayFactory) -> GatewayProcess:
    url = upstream.base_url
    return gateway_factory(config(provider(url, "chat_completions"), provider(url, "responses")))


def queued(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.script(json_reply(QUEUED))
    made = client.responses.create(model=NATIVE, input="Hi", background=True)
    assert (made.id, made.status) == ("resp_gw1", "queued")
    assert upstream.last.json == {"model": NATIVE, "input": "Hi", "background": True}


def asked(upstream: Upstream) -> tuple[str, str]:
    return upstream.last.method, upstream.last.target


def test_what_an_upstream_makes_in_the_background_is_asked_there(
    client: openai.OpenAI, upstream: Upstream
) -> None:
    queued(client, upstream)
    with pytest.raises(openai.BadRequestError):
        client.responses.create(model=CHAT, input="And?", previous_response_id="resp_gw1")
    assert client.responses.retrieve("resp_gw1").status == "queued"
    assert asked(upstream) == ("GET", PATH)
    assert upstream.last.headers["authorization"] == f"Bearer {PROVIDER_KEY}"
    upstream.script(json_reply(DONE))
    assert client.get("/responses/resp_gw1", cast_to=object) == DONE

    upstream.script(lambda request: reply_to(request, "chat_completions", Answer("Two.")))
    assert client.get("/responses/resp_gw1", cast_to=object) == DONE
    assert upstream.requests == []
    client.responses.create(model=CHAT, input="And?", previous_response_id="resp_gw1")
    shown = [message["content"] for message in upstream.last.json["messages"]]
    assert shown == ["Hi", "One.", "And?"]


def test_it_is_cancelled_and_deleted_there(client: openai.OpenAI, upstream: Upstream) -> None:
    queued(client, upstream)
    upstream.script(json_reply({**QUEUED, "status": "cancelled"}))
    assert client.responses.cancel("resp_gw1").status == "cancelled"
    assert asked(upstream) == ("POST", f"{PATH}/cancel")
    upstream.script(json_reply({"error": {"message": "busy", "type": "server_error"}}, 500))
    with pytest.raises(openai.InternalServerError):
        client.responses.delete("resp_gw1")
    upstream.script(json_reply({"id": "resp_gw1", "object": "response", "deleted": True}))
    client.responses.delete("resp_gw1")
    assert asked(upstream) == ("DELETE", PATH)
    upstream.script(json_reply({}))
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve("resp_gw1")
    assert upstream.requests == []


def test_what_its_upstream_does_not_have_is_deleted_here(
    client: openai.OpenAI, upstream: Upstream
) -> None:
    """Many hosts store nothing, or forget sooner than the gateway."""
    for nothing in (
        json_reply({"error": {"message": "Not here", "type": "invalid_request_error"}}, 404),
        Reply([b"404 page not found"], 404, {"content-type": "text/plain"}),
        json_reply({"detail": "Method Not Allowed"}, 405),
    ):
        upstream.script(json_reply({**DONE, "background": False}))
        client.responses.create(model=NATIVE, input="Hi")
        upstream.script(nothing)
        client.responses.delete("resp_gw1")
        assert asked(upstream) == ("DELETE", PATH)
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve("resp_gw1")


def test_its_stream_is_left_and_come_back_to(client: openai.OpenAI, upstream: Upstream) -> None:
    events = response_events(Answer("One.", id="gw1"))
    frames = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]
    upstream.script(sse_reply([*frames[:2]], broken=True))
    stream = client.responses.create(model=NATIVE, input="Hi", background=True, stream=True)
    assert next(stream).type == "response.created"
    stream.response.close()

    upstream.script(sse_reply(b"".join(frames[2:])))
    rest = list(client.responses.retrieve("resp_gw1", stream=True, starting_after=1))
    assert asked(upstream) == ("GET", f"{PATH}?starting_after=1&stream=true")
    assert [event.sequence_number for event in rest] == list(range(2, len(events)))


def test_what_is_deleted_while_its_upstream_tells_it_stays_deleted(
    client: openai.OpenAI, upstream: Upstream
) -> None:
    events = response_events(Answer("One.", id="gw1"))
    frames = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]
    go_on = threading.Event()
    upstream.script(sse_reply([*frames[:2], go_on, *frames[2:]]))
    stream = client.responses.create(model=NATIVE, input="Hi", background=True, stream=True)
    assert next(stream).type == "response.created"
    upstream.script(json_reply({"id": "resp_gw1", "object": "response", "deleted": True}))
    client.responses.delete("resp_gw1")
    go_on.set()
    assert list(stream)[-1].type == "response.completed"
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve("resp_gw1")


@pytest.fixture
def keeping(upstream: Upstream, gateway_factory: GatewayFactory) -> openai.OpenAI:
    """Before an upstream that alone keeps all responses."""
    native = provider(upstream.base_url, "responses")
    gateway = gateway_factory(config(native, state_storage={"unknown_ids": "ask"}))
    return client_of(gateway)


def test_a_list_in_a_query_arrives_whole(keeping: openai.OpenAI, upstream: Upstream) -> None:
    upstream.script(json_reply(DONE))
    keeping.responses.retrieve(
        "resp_gw1", include=["file_search_call.results", "reasoning.encrypted_content"]
    )
    include = "include%5B%5D=file_search_call.results&include%5B%5D=reasoning.encrypted_content"
    assert asked(upstream) == ("GET", f"{PATH}?{include}")
    upstream.script(json_reply({"object": "list", "data": [], "has_more": False}))
    keeping.responses.input_items.list(
        "resp_gw1", include=["file_search_call.results", "reasoning.encrypted_content"], limit=3
    )
    assert asked(upstream)[1].startswith(f"{PATH}/input_items?{include}&limit=3")


@pytest.mark.parametrize(
    ("query", "arrives"),
    [
        ("include[]=b&limit=1&include[]=a", "include%5B%5D=b&limit=1&include%5B%5D=a"),
        ("include=b&include=a&include=b", "include=b&include=a&include=b"),
        ("include[0]=b&include[1]=a", "include%5B0%5D=b&include%5B1%5D=a"),
        ("include=b,a&x=&%ff=%C3%A9+%00", "include=b%2Ca&x=&%FF=%C3%A9+%00"),
        ("&&x&", "x="),
    ],
)
def test_a_query_arrives_in_its_order(
    keeping: openai.OpenAI, upstream: Upstream, query: str, arrives: str
) -> None:
    upstream.script(json_reply(DONE))
    gateway = urlsplit(str(keeping.base_url))
    target = f"{PATH}?{query}"
    answer = exchange(
        gateway.port or 0, head(target, "authorization: Bearer sk-client", method="GET")
    )
    assert answer.status == 200
    assert asked(upstream) == ("GET", f"{PATH}?{arrives}")


def test_a_list_is_no_matter_where_the_gateway_answers_itself(
    client: openai.OpenAI, upstream: Upstream
) -> None:
    upstream.script(lambda request: reply_to(request, "chat_completions", Answer("One.")))
    made = client.responses.create(model=CHAT, input="Hi")
    talk = client.conversations.create(items=[{"role": "user", "content": "Hi"}])
    include: list[Any] = ["reasoning.encrypted_content", "message.output_text.logprobs"]
    for name in ("include[]", "include", "include%5B%5D"):
        query = "&".join(f"{name}={each}" for each in include)
        for path in (
            f"responses/{made.id}",
            f"responses/{made.id}/input_items",
            f"conversations/{talk.id}/items",
        ):
            assert client.get(f"/{path}?{query}&order=asc", cast_to=object)
    assert client.responses.retrieve(made.id, include=include).output_text == "One."
    assert client.responses.input_items.list(made.id, include=include, limit=1).data
    assert client.conversations.items.list(talk.id, include=include, limit=1).data


def test_a_conversation_of_the_gateway_s_cannot_grow_there(
    client: openai.OpenAI, upstream: Upstream
) -> None:
    made = client.conversations.create()
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model=NATIVE, input="Hi", background=True, conversation=made.id)
    assert refused.value.param == "background"
    assert upstream.requests == []


def test_nobody_is_asked_for_what_is_unknown_with_the_gateway_s_key(
    client: openai.OpenAI, upstream: Upstream
) -> None:
    for ask in (
        client.responses.retrieve,
        client.responses.delete,
        client.responses.cancel,
        client.responses.input_items.list,
    ):
        with pytest.raises(openai.NotFoundError):
            ask("resp_theirs")
    assert upstream.requests == []


def test_with_the_client_s_own_key_the_upstream_is_asked(upstream: Upstream) -> None:
    def script(request: Request) -> Reply:
        if request.headers["authorization"] != "Bearer sk-mine":
            return json_reply({"error": {"message": "No.", "type": "invalid_request_error"}}, 404)
        return json_reply(DONE)

    upstream.script(script)
    native = provider(upstream.base_url, "responses", passthrough_auth=True)
    del native["access_key"]
    with GatewayProcess(config(native)) as gateway:
        mine = client_of(gateway, "sk-mine")
        assert mine.get("/responses/resp_theirs", cast_to=object) == DONE
        mine.responses.input_items.list("resp_theirs", limit=3)
        assert asked(upstream) == ("GET", "/v1/responses/resp_theirs/input_items?limit=3")
        mine.responses.cancel("resp_theirs")
        mine.responses.delete("resp_theirs")
        for ask in ("retrieve", "delete", "cancel"):
            with pytest.raises(openai.NotFoundError):
                getattr(client_of(gateway, "sk-other").responses, ask)("resp_theirs")
