"""Responses in the background: what clients see while they are made, when they come back, and when they cancel.

Here: the openai SDK before gateways as processes. Not here: who may end a response (tests/state/test_runs.py).
"""

from __future__ import annotations

import re
import threading
from itertools import islice
from typing import Any

import httpx2
import openai
import pytest
from support.databases import Database
from support.gateway import GatewayProcess, config, provider
from support.pairs import error_body, model_of, reply_to
from support.sdk import client_of
from support.streams import Answer, Json, chat_stream
from support.until import until
from support.upstream import Reply, Upstream, json_reply, sse_reply

MODEL = model_of("chat_completions")
KINDS = pytest.mark.parametrize("kind", ["memory", "sqlite"])
OPEN = ("queued", "in_progress")


@pytest.fixture
def source(storage: Json, upstream: Upstream) -> Json:
    url = upstream.base_url
    return config(
        provider(url, "chat_completions"), provider(url, "messages"), state_storage=storage
    )


@pytest.fixture
def gateway(keeping: GatewayProcess) -> GatewayProcess:
    return keeping


def held(upstream: Upstream, text: str = "one two three four") -> threading.Event:
    """The upstream tells the first half of its answer, and the other when the event is set."""
    stream = chat_stream(Answer(text, model=MODEL), usage=True).encode()
    half = stream.index(b"\n\n", len(stream) // 3) + 2
    go_on = threading.Event()
    upstream.script(sse_reply([stream[:half], go_on, stream[half:]]))
    return go_on


def polled(client: openai.OpenAI, id_: str) -> Any:
    """The response once it has an end."""
    until(lambda: client.responses.retrieve(id_).status not in OPEN)
    return client.responses.retrieve(id_)


@KINDS
def test_a_response_is_made_while_nobody_waits(client: openai.OpenAI, upstream: Upstream) -> None:
    go_on = held(upstream)
    first = client.responses.create(model=MODEL, input="Hi", background=True, metadata={"a": "b"})
    assert (first.status, first.background, first.output) == ("queued", True, [])
    now = client.responses.retrieve(first.id)
    assert (now.status, now.background, now.metadata) == ("in_progress", True, {"a": "b"})
    items = client.responses.input_items.list(first.id)
    assert [item.type for item in items] == ["message"]
    for more in ({"previous_response_id": first.id}, {"store": False, "background": True}):
        with pytest.raises(openai.BadRequestError):
            client.responses.create(model=MODEL, input="Hi", **more)
    with pytest.raises(openai.BadRequestError):
        client.responses.retrieve(first.id, stream=True)
    go_on.set()

    done = polled(client, first.id)
    assert (done.status, done.output_text) == ("completed", "one two three four")
    assert done.usage.output_tokens
    assert done.background is True
    told = list(client.responses.retrieve(first.id, stream=True))
    assert told[-1].type == "response.completed"
    assert client.responses.cancel(first.id).status == "completed"
    upstream.script(lambda request: reply_to(request, "chat_completions", Answer("Next.")))
    second = client.responses.create(model=MODEL, input="And?", previous_response_id=first.id)
    assert second.output_text == "Next."
    assert len(upstream.last.json["messages"]) == 3


def in_flight(gateway: GatewayProcess) -> tuple[str, str]:
    """Requests to Responses, and streams of it, as Prometheus sees them."""
    told = httpx2.get(f"{gateway.base_url}/metrics").text
    found = dict(re.findall(r'^wsgi_gateway_(\w+)_in_flight{api="responses"} (\S+)$', told, re.M))
    return found["requests"], found["streams"]


@pytest.mark.parametrize("kind", ["memory"])
def test_what_is_made_and_who_follows_are_in_flight(source: Json, upstream: Upstream) -> None:
    """Nothing is written while the upstream is silent, so who left is noticed by looking only."""
    go_on = held(upstream)
    with GatewayProcess({**source, "keepalive": {"interval": 0}}) as gateway:
        client = client_of(gateway)
        first = client.responses.create(model=MODEL, input="Hi", background=True, stream=True)
        id_ = next(first).response.id  # type: ignore[union-attr]
        assert in_flight(gateway) == ("2.0", "1.0"), "the work, and who follows it"
        first.response.close()
        until(lambda: in_flight(gateway) == ("1.0", "0.0"))
        again = client.responses.retrieve(id_, stream=True)
        next(again)
        assert in_flight(gateway) == ("2.0", "1.0")
        go_on.set()
        assert list(again)[-1].type == "response.completed"
        until(lambda: in_flight(gateway) == ("0.0", "0.0"))


@KINDS
def test_a_stream_can_be_left_and_come_back_to(client: openai.OpenAI, upstream: Upstream) -> None:
    go_on = held(upstream)
    stream = client.responses.create(model=MODEL, input="Hi", background=True, stream=True)
    first = list(islice(stream, 5))
    assert first[0].type == "response.created"
    id_ = first[0].response.id
    assert client.responses.retrieve(id_).status == "in_progress"
    stream.response.close()

    again = client.responses.retrieve(id_, stream=True, starting_after=2)
    assert next(again) == first[3]
    go_on.set()
    rest = [first[3], *again]
    assert [event.sequence_number for event in rest] == list(range(3, 3 + len(rest)))
    assert rest[-1].type == "response.completed"
    assert rest[-1].response.output_text == "one two three four"
    assert client.responses.retrieve(id_) == rest[-1].response
    whole = list(client.responses.retrieve(id_, stream=True))
    assert whole == [*first[:3], *rest]
    with client.responses.stream(response_id=id_) as events:
        assert events.get_final_response().output_text == "one two three four"


@KINDS
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_cancelling_stops_the_upstream(
    client: openai.OpenAI, upstream: Upstream, stream: bool
) -> None:
    upstream.script(Reply([], wait_for_peer_to_leave=True, framing="chunked"))
    if stream:
        events = client.responses.create(model=MODEL, input="Hi", background=True, stream=True)
        id_ = next(events).response.id  # type: ignore[union-attr]
    else:
        id_ = client.responses.create(model=MODEL, input="Hi", background=True).id
    until(lambda: len(upstream.requests) == 1)
    cancelled = client.responses.cancel(id_)
    assert cancelled.status == "cancelled"
    assert upstream.last.abandoned.wait(30)
    assert client.responses.retrieve(id_) == cancelled
    assert client.responses.cancel(id_) == cancelled
    if stream:
        last = [event.to_dict() for event in events][-1]
        assert last["type"] == "response.cancelled"
        assert [event.to_dict() for event in client.responses.retrieve(id_, stream=True)][
            -1
        ] == last


@KINDS
def test_deleting_stops_it_too(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.script(Reply([], wait_for_peer_to_leave=True, framing="chunked"))
    id_ = client.responses.create(model=MODEL, input="Hi", background=True).id
    until(lambda: len(upstream.requests) == 1)
    client.responses.delete(id_)
    assert upstream.last.abandoned.wait(30)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(id_)


@KINDS
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_a_failure_is_told_to_who_asks(
    client: openai.OpenAI, upstream: Upstream, stream: bool
) -> None:
    broken = chat_stream(Answer("one two three"), usage=True).encode()[:300]
    refused = json_reply(error_body("chat_completions", "Slow down", "rate_limit_exceeded"), 429)
    for reply, code in ((refused, "rate_limit_exceeded"), (sse_reply(broken, broken=True), None)):
        upstream.script(reply)
        made = client.conversations.create()
        asked: Any = {"input": "Hi", "background": True, "conversation": made.id}
        if stream:
            with pytest.raises(openai.APIError):
                for event in client.responses.create(model=MODEL, stream=True, **asked):
                    if event.type == "response.created":
                        id_ = event.response.id
        else:
            id_ = client.responses.create(model=MODEL, **asked).id
        failed = polled(client, id_)
        assert failed.status == "failed"
        assert failed.error.code == code or code is None
        assert list(client.conversations.items.list(made.id)) == []


@KINDS
def test_a_conversation_grows_in_the_background(client: openai.OpenAI, upstream: Upstream) -> None:
    made = client.conversations.create()
    go_on = held(upstream)
    go_on.set()
    id_ = client.responses.create(model=MODEL, input="Hi", background=True, conversation=made.id).id
    assert polled(client, id_).conversation.id == made.id
    until(lambda: len(list(client.conversations.items.list(made.id))) == 2)


@KINDS
def test_what_cannot_be_asked_is_told_at_once(client: openai.OpenAI, upstream: Upstream) -> None:
    for more in ({"input": None}, {"input": "x", "prompt": {"id": "p"}}):
        with pytest.raises(openai.BadRequestError):
            client.responses.create(model=MODEL, background=True, **more)  # type: ignore[call-overload]
    assert upstream.requests == []


@KINDS
def test_clients_see_nothing_of_each_other(gateway: GatewayProcess, upstream: Upstream) -> None:
    go_on = held(upstream)
    id_ = client_of(gateway).responses.create(model=MODEL, input="Hi", background=True).id
    other = client_of(gateway, "sk-other")
    for ask in (other.responses.retrieve, other.responses.cancel, other.responses.delete):
        with pytest.raises(openai.NotFoundError):
            ask(id_)
    go_on.set()
    assert polled(client_of(gateway), id_).status == "completed"


@pytest.mark.parametrize("kind", ["sqlite"])
def test_another_gateway_follows_and_cancels(source: Json, upstream: Upstream) -> None:
    upstream.script(Reply([], wait_for_peer_to_leave=True, framing="chunked"))
    with GatewayProcess(source) as one, GatewayProcess(source) as other:
        events = client_of(one).responses.create(
            model=MODEL, input="Hi", background=True, stream=True
        )
        id_ = next(events).response.id  # type: ignore[union-attr]
        until(lambda: len(upstream.requests) == 1)
        followed = client_of(other).responses.retrieve(id_, stream=True)
        assert next(followed).type == "response.created"
        assert client_of(other).responses.cancel(id_).status == "cancelled"
        assert upstream.last.abandoned.wait(30)
        assert [event.to_dict()["type"] for event in followed][-1] == "response.cancelled"
        assert [event.to_dict()["type"] for event in events][-1] == "response.cancelled"


@pytest.mark.parametrize("kind", ["redis"])
def test_a_storage_that_is_down_for_a_moment_is_waited_for(
    source: Json, upstream: Upstream, server: Database
) -> None:
    go_on = held(upstream)
    with GatewayProcess(source) as gateway:
        client = client_of(gateway)
        id_ = client.responses.create(model=MODEL, input="Hi", background=True).id
        server.kill()
        with pytest.raises(openai.InternalServerError) as refused:
            client.responses.create(model=MODEL, input="Hi", background=True)
        assert refused.value.code == "state_storage_unavailable"
        go_on.set()
        server.start()

        def is_completed() -> bool:
            try:
                return client.responses.retrieve(id_).status == "completed"
            except openai.InternalServerError:
                return False

        until(is_completed)


@pytest.mark.parametrize("kind", ["sqlite"])
def test_what_a_dead_worker_leaves_stays_readable(source: Json, upstream: Upstream) -> None:
    held(upstream)
    with GatewayProcess(source) as one:
        id_ = client_of(one).responses.create(model=MODEL, input="Hi", background=True).id
        one.kill()
    with GatewayProcess(source) as other:
        assert client_of(other).responses.retrieve(id_).status == "in_progress"
        assert client_of(other).responses.cancel(id_).status == "cancelled"
