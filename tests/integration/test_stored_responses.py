"""Stored responses by their ids, as the openai SDK asks for them: the object, its stream, its input, its end.

Here: before upstreams that know nothing of state. Not here: chains (test_state_storage.py), the background
(test_background.py).
"""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from support.gateway import GatewayProcess
from support.pairs import model_of, reply_to
from support.sdk import client_of
from support.streams import Answer, Api, Json, ToolCall
from support.upstream import Upstream

KINDS = pytest.mark.parametrize("kind", ["memory", "sqlite"])
UPSTREAMS = pytest.mark.parametrize("api", ["chat_completions", "messages"])
ANSWER = Answer("Hello there.", "A thought.", tool_calls=(ToolCall("call_1", "look", '{"a":1}'),))


@pytest.fixture
def gateway(keeping: GatewayProcess) -> GatewayProcess:
    return keeping


def script(upstream: Upstream, api: Api, answer: Answer = ANSWER) -> None:
    upstream.script(lambda request: reply_to(request, api, answer))


def raw_get(client: openai.OpenAI, path: str) -> Any:
    return client.get(path, cast_to=object)


def completed(client: openai.OpenAI, api: Api, **asked: Any) -> Json:
    """The response in a stream's last event, as it is on the wire."""
    with client.responses.with_streaming_response.create(
        model=model_of(api), stream=True, **asked
    ) as raw:
        text = raw.read().decode()
    last = text.strip().split("\n\n")[-1]
    event: Json = json.loads(last.partition("data: ")[2])
    assert event["type"] == "response.completed"
    response: Json = event["response"]
    return response


@KINDS
@UPSTREAMS
def test_what_is_retrieved_is_what_was_told(
    client: openai.OpenAI, upstream: Upstream, api: Api
) -> None:
    script(upstream, api)
    told = completed(client, api, input="Hi", metadata={"a": "b"})
    assert raw_get(client, f"/responses/{told['id']}") == told
    plain = client.responses.create(model=model_of(api), input="Hi")
    assert client.responses.retrieve(plain.id).to_dict() == plain.to_dict()


@KINDS
def test_a_stored_response_is_told_again_as_a_stream(
    client: openai.OpenAI, upstream: Upstream
) -> None:
    script(upstream, "messages")
    told = completed(client, "messages", input="Hi")
    events = list(client.responses.retrieve(told["id"], stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[0].type == "response.created"
    assert events[-1].type == "response.completed"
    assert events[-1].response.to_dict() == told
    rest = list(client.responses.retrieve(told["id"], stream=True, starting_after=4))
    assert rest == events[5:]
    assert list(client.responses.retrieve(told["id"], stream=True, starting_after=999)) == []
    with client.responses.stream(response_id=told["id"]) as stream:
        assert stream.get_final_response().output_text == "Hello there."
    with pytest.raises(openai.BadRequestError) as refused:
        raw_get(client, f"/responses/{told['id']}?stream=true&starting_after=x")
    assert refused.value.param == "starting_after"


@KINDS
def test_a_deleted_response_is_gone(client: openai.OpenAI, upstream: Upstream) -> None:
    script(upstream, "messages", Answer("Hi."))
    first = client.responses.create(model=model_of("messages"), input="Hi")
    deleted = client.delete(f"/responses/{first.id}", cast_to=object)
    assert deleted == {"id": first.id, "object": "response", "deleted": True}
    with pytest.raises(openai.NotFoundError):
        client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)
    for asked in (
        {"previous_response_id": first.id, "input": "More"},
        {"input": [{"type": "item_reference", "id": first.output[0].id}]},
    ):
        with pytest.raises(openai.BadRequestError):
            client.responses.create(model=model_of("messages"), **asked)


@KINDS
def test_the_input_of_a_response_is_that_of_its_whole_chain(
    client: openai.OpenAI, upstream: Upstream
) -> None:
    model = model_of("messages")
    script(upstream, "messages", Answer("One.", tool_calls=(ToolCall("call_1", "look"),)))
    first = client.responses.create(model=model, input="Hi")
    result = {"type": "function_call_output", "call_id": "call_1", "output": "seen"}
    script(upstream, "messages", Answer("Two."))
    second = client.responses.create(
        model=model,
        input=[result, {"role": "user", "content": "So?"}],
        previous_response_id=first.id,
    )
    listed = list(client.responses.input_items.list(second.id, order="asc", limit=2))
    assert [item.type for item in listed] == [
        "message",
        "message",
        "function_call",
        "function_call_output",
        "message",
    ]
    assert listed[0].content[0].text == "Hi"
    assert [item.id for item in listed[1:3]] == [item.id for item in first.output]
    assert len({item.id for item in listed}) == 5
    assert list(client.responses.input_items.list(second.id)) == listed[::-1]

    path = f"/responses/{second.id}/input_items"
    page = raw_get(client, f"{path}?limit=2&after={listed[3].id}")
    ids = [item["id"] for item in page["data"]]
    assert ids == [listed[2].id, listed[1].id]
    assert page["object"] == "list"
    assert (page["first_id"], page["last_id"], page["has_more"]) == (*ids, True)
    before = raw_get(client, f"{path}?order=asc&before={listed[1].id}")
    assert [item["id"] for item in before["data"]] == [listed[0].id]
    assert before["has_more"] is False
    for query in ("limit=0", "limit=101", "limit=x", "order=up", "after=msg_0"):
        with pytest.raises(openai.BadRequestError):
            raw_get(client, f"{path}?{query}")


@KINDS
def test_only_the_background_can_be_cancelled(client: openai.OpenAI, upstream: Upstream) -> None:
    script(upstream, "messages", Answer("Hi."))
    first = client.responses.create(model=model_of("messages"), input="Hi")
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.cancel(first.id)
    assert "synchronous" in refused.value.message


@KINDS
def test_what_is_unknown_deleted_or_another_s_is_not_found(
    gateway: GatewayProcess, client: openai.OpenAI, upstream: Upstream
) -> None:
    script(upstream, "messages", Answer("Hi."))
    known = client.responses.create(model=model_of("messages"), input="Hi")
    unstored = client.responses.create(model=model_of("messages"), input="Hi", store=False)
    other = client_of(gateway, "sk-other")
    for asking, id_ in ((client, "resp_0"), (client, unstored.id), (other, known.id)):
        for ask in (
            asking.responses.retrieve,
            asking.responses.delete,
            asking.responses.cancel,
            asking.responses.input_items.list,
        ):
            with pytest.raises(openai.NotFoundError) as told:
                ask(id_)
            assert told.value.body == {
                "message": f"Response with id '{id_}' not found.",
                "type": "invalid_request_error",
                "param": None,
                "code": None,
            }
    assert client.responses.retrieve(known.id).id == known.id
