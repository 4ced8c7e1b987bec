"""Conversations, as the openai SDK makes, reads and changes them, and requests that go on in them.

Here: before upstreams that know nothing of state. Not here: the log that a conversation is (tests/state).
"""

from __future__ import annotations

import threading
from typing import Any

import openai
import pytest
from support.gateway import GatewayProcess, config, provider
from support.pairs import model_of, reply_to
from support.sdk import client_of
from support.streams import Answer, Json, ToolCall
from support.upstream import Upstream

MODEL = model_of("chat_completions")
KINDS = pytest.mark.parametrize("kind", ["memory", "sqlite"])
HELLO: Any = {"type": "message", "role": "user", "content": "Hello!"}


@pytest.fixture
def gateway(keeping: GatewayProcess) -> GatewayProcess:
    return keeping


def says(upstream: Upstream, text: str, *calls: ToolCall) -> None:
    answer = Answer(text, tool_calls=calls)
    upstream.script(lambda request: reply_to(request, "chat_completions", answer))


def asked(upstream: Upstream) -> list[Any]:
    """What the upstream was shown: roles and texts."""
    return [(message["role"], message.get("content")) for message in upstream.last.json["messages"]]


def texts(client: openai.OpenAI, conversation_id: str) -> list[str]:
    """The items of a conversation: their texts, or their types."""
    return [
        item.content[0].text if item.type == "message" else item.type  # type: ignore[union-attr]
        for item in client.conversations.items.list(conversation_id, order="asc", limit=2)
    ]


@KINDS
def test_a_conversation_s_own_life(client: openai.OpenAI) -> None:
    made = client.conversations.create(items=[HELLO], metadata={"topic": "demo"})
    assert made.id.startswith("conv_")
    assert made.object == "conversation"
    assert client.conversations.retrieve(made.id) == made
    changed = client.conversations.update(made.id, metadata={"topic": "other"})
    assert changed.metadata == {"topic": "other"}
    assert changed.created_at == made.created_at
    assert client.conversations.retrieve(made.id) == changed
    assert texts(client, made.id) == ["Hello!"]
    gone = client.conversations.delete(made.id)
    assert gone.to_dict() == {"id": made.id, "object": "conversation.deleted", "deleted": True}
    for ask in (
        client.conversations.retrieve,
        client.conversations.delete,
        client.conversations.items.list,
    ):
        with pytest.raises(openai.NotFoundError) as told:
            ask(made.id)
        assert told.value.body == {
            "message": f"Conversation with id '{made.id}' not found.",
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }


@KINDS
def test_items_come_and_go(client: openai.OpenAI) -> None:
    made = client.conversations.create()
    assert made.metadata == {}
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "id": "fc_me"}
    added = client.conversations.items.create(made.id, items=[HELLO, call])  # type: ignore[list-item]
    assert [item.type for item in added.data] == ["message", "function_call"]
    assert (added.first_id, added.last_id) == (added.data[0].id, "fc_me")
    assert added.has_more is False
    again = client.conversations.items.create(made.id, items=[call])  # type: ignore[list-item]
    assert again.data[0].id != "fc_me"
    one = client.conversations.items.retrieve("fc_me", conversation_id=made.id)
    assert one == added.data[1]
    newest = list(client.conversations.items.list(made.id))
    assert [item.id for item in newest] == [again.data[0].id, "fc_me", added.data[0].id]
    left = client.conversations.items.delete("fc_me", conversation_id=made.id)
    assert left == made
    assert len(list(client.conversations.items.list(made.id))) == 2
    for ask in (client.conversations.items.retrieve, client.conversations.items.delete):
        with pytest.raises(openai.NotFoundError):
            ask("fc_me", conversation_id=made.id)


@KINDS
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_turns_go_on_in_a_conversation(
    client: openai.OpenAI, upstream: Upstream, stream: bool
) -> None:
    made = client.conversations.create(items=[{"role": "developer", "content": "Be brief."}])

    def create(**more: Any) -> Any:
        if not stream:
            return client.responses.create(model=MODEL, **more)
        with client.responses.stream(model=MODEL, **more) as events:
            return events.get_final_response()

    says(upstream, "Let me look.", ToolCall("call_1", "look"))
    first = create(input="Hi", conversation=made.id)
    assert first.conversation.id == made.id
    result = {"type": "function_call_output", "call_id": "call_1", "output": "seen"}
    says(upstream, "There it is.")
    second = create(input=[result], conversation={"id": made.id})
    assert [role for role, _ in asked(upstream)] == ["system", "user", "assistant", "tool"]
    assert texts(client, made.id) == [
        "Be brief.",
        "Hi",
        "Let me look.",
        "function_call",
        "function_call_output",
        "There it is.",
    ]
    kept = [item.id for item in client.conversations.items.list(made.id, order="asc")]
    shown = [item.id for item in client.responses.input_items.list(second.id, order="asc")]
    assert shown == kept[:-1]

    says(upstream, "A branch.")
    then = {"role": "user", "content": "And then?"}
    create(input=[result, then], previous_response_id=first.id)
    assert [role for role, _ in asked(upstream)] == ["system", "user", "assistant", "tool", "user"]
    assert len(texts(client, made.id)) == 6

    says(upstream, "Said, not kept.")
    create(input="Psst", conversation=made.id, store=False)
    assert texts(client, made.id)[-2:] == ["Psst", "Said, not kept."]


@KINDS
def test_an_item_that_was_deleted_is_not_shown_to_the_model(
    client: openai.OpenAI, upstream: Upstream
) -> None:
    made = client.conversations.create(items=[HELLO, {"role": "user", "content": "A secret."}])
    secret = client.conversations.items.list(made.id).data[0]
    client.conversations.items.delete(secret.id, conversation_id=made.id)
    says(upstream, "Hi.")
    first = client.responses.create(model=MODEL, input="Go on", conversation=made.id)
    assert asked(upstream) == [("user", "Hello!"), ("user", "Go on")]
    reference: Any = {"type": "item_reference", "id": first.output[0].id}
    other = client.conversations.create(items=[reference])
    assert texts(client, other.id) == ["Hi."]


@KINDS
def test_what_is_wrong_is_refused_by_name(
    gateway: GatewayProcess, client: openai.OpenAI, upstream: Upstream
) -> None:
    says(upstream, "Hi.")
    made = client.conversations.create()
    known = client.responses.create(model=MODEL, input="Hi")
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(
            model=MODEL, input="x", conversation=made.id, previous_response_id=known.id
        )
    assert refused.value.code == "mutually_exclusive_parameters"
    for given in (1, {}, {"id": None}):
        with pytest.raises(openai.BadRequestError) as refused:
            client.responses.create(model=MODEL, input="x", conversation=given)  # type: ignore[call-overload]
        assert refused.value.param == "conversation"
    other = client_of(gateway, "sk-other")
    for asking, id_ in ((client, "conv_0"), (other, made.id)):
        with pytest.raises(openai.NotFoundError):
            asking.responses.create(model=MODEL, input="x", conversation=id_)
        with pytest.raises(openai.NotFoundError):
            asking.conversations.update(id_, metadata={})
    for body, param in (
        ({"items": [HELLO] * 21}, "items"),
        ({"items": ["x"]}, "items[0]"),
        ({"items": [{"content": "x"}]}, "items[0].type"),
        ({"metadata": {"a": 1}}, "metadata"),
        ({"metadata": {str(number): "x" for number in range(17)}}, "metadata"),
        ({"metadata": {"a": "x" * 513}}, "metadata"),
    ):
        with pytest.raises(openai.BadRequestError) as refused:
            client.post("/conversations", body=body, cast_to=object)
        assert refused.value.param == param
    with pytest.raises(openai.BadRequestError):
        client.post(f"/conversations/{made.id}/items", body={}, cast_to=object)
    with pytest.raises(openai.NotFoundError):
        client.conversations.create(items=[{"type": "item_reference", "id": "msg_0"}])


@pytest.mark.parametrize("kind", ["sqlite"])
def test_two_gateways_add_to_a_conversation_at_once(storage: Json, upstream: Upstream) -> None:
    says(upstream, "Hi.")
    source = config(provider(upstream.base_url, "chat_completions"), state_storage=storage)
    with GatewayProcess(source) as one, GatewayProcess(source) as other:
        made = client_of(one).conversations.create()

        def talk(gateway: GatewayProcess) -> None:
            for number in range(5):
                client_of(gateway).responses.create(
                    model=MODEL, input=f"{number}", conversation=made.id
                )

        threads = [threading.Thread(target=talk, args=(gateway,)) for gateway in (one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        said = texts(client_of(other), made.id)
    assert sorted(said) == sorted([*map(str, range(5))] * 2 + ["Hi."] * 10)
