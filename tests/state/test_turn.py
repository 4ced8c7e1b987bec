"""What a turn goes on from: chains of responses, conversations, references to items; and what it leaves."""

import json
from typing import Any

import pytest
from msgspec import Raw

from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.responses.compaction import Compaction, seal_compaction
from wsgi_gateway.state import (
    Conversations,
    Namespace,
    Responses,
    Said,
    Store,
    Told,
    Turn,
    context,
    conversations,
    is_stateless,
    names_stored,
    told,
)
from wsgi_gateway.state.memory import MemoryBackend

ANSWER = {"type": "message", "id": "msg_1", "role": "assistant", "content": []}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "done"}


def new_store() -> Namespace:
    return Store(MemoryBackend(ttl=60, max_items=1000), "memory").within("")


def done(response: Any) -> Told:
    return told({"status": "completed", **response})


def expand(body: Any, store: Namespace) -> Any:
    return Turn(body, store).expanded()


def remember(body: Any, response: Any, store: Namespace) -> None:
    turn = Turn(body, store)
    turn.expanded()
    turn.keep(done(response))


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def test_a_chain_is_expanded_in_order() -> None:
    store = new_store()
    remember({"input": "one"}, {"id": "resp_1", "output": [ANSWER]}, store)
    second = {"input": [user("two")], "previous_response_id": "resp_1"}
    remember(second, {"id": "resp_2", "output": [CALL]}, store)
    body = expand({"input": [RESULT], "previous_response_id": "resp_2"}, store)
    assert body["input"] == [user("one"), ANSWER, user("two"), CALL, RESULT]
    assert body["previous_response_id"] == "resp_2"


@pytest.mark.parametrize("kind", [{"type": "item_reference"}, {"type": None}, {}])
def test_references_become_the_items_that_they_mean(kind: dict[str, Any]) -> None:
    store = new_store()
    remember({"input": "one"}, {"id": "resp_1", "output": [ANSWER, CALL]}, store)
    given = [user("one"), {"id": "msg_1", **kind}, {"id": "fc_1", **kind}, RESULT]
    assert expand({"input": given}, store)["input"] == [user("one"), ANSWER, CALL, RESULT]


def test_references_within_stored_turns_are_resolved_too() -> None:
    store = new_store()
    remember({"input": "one"}, {"id": "resp_1", "output": [CALL]}, store)
    given = [user("one"), {"type": "item_reference", "id": "fc_1"}, RESULT]
    remember({"input": given}, {"id": "resp_2", "output": [ANSWER]}, store)
    body = expand({"input": "three", "previous_response_id": "resp_2"}, store)
    assert body["input"] == [user("one"), CALL, RESULT, ANSWER, user("three")]


@pytest.mark.parametrize("id_", ["msg_9", "resp_1", "item msg_1", None, 1])
def test_a_reference_to_nothing_stays(id_: Any) -> None:
    store = new_store()
    remember({"input": "one"}, {"id": "resp_1", "output": [ANSWER]}, store)
    given = [{"type": "item_reference", "id": id_}]
    assert expand({"input": given}, store)["input"] == given


@pytest.mark.parametrize("id_", ["resp_?", "msg_1", "item msg_1", 1])
def test_an_unknown_id_is_the_documented_error(id_: Any) -> None:
    store = new_store()
    remember({"input": "one"}, {"id": "resp_1", "output": [ANSWER]}, store)
    with pytest.raises(ApiError) as caught:
        expand({"input": "x", "previous_response_id": id_}, store)
    assert caught.value.code == "previous_response_not_found"
    assert caught.value.param == "previous_response_id"


def test_store_false_is_honoured() -> None:
    store = new_store()
    remember({"input": "one", "store": False}, {"id": "resp_1", "output": [ANSWER]}, store)
    with pytest.raises(ApiError):
        expand({"input": "two", "previous_response_id": "resp_1"}, store)
    reference = [{"type": "item_reference", "id": "msg_1"}]
    assert expand({"input": reference}, store)["input"] == reference


# --- conversations


def test_a_turn_in_a_conversation_adds_to_it() -> None:
    store = new_store()
    made = Conversations(store).create({}, [Said(user("zero"), None)])
    turn = Turn({"input": "one", "conversation": made.id}, store)
    shown = turn.expanded()["input"]
    assert [item["content"] for item in shown] == [
        [{"type": "input_text", "text": "zero"}],
        "one",
    ]
    turn.keep(done({"id": "resp_1", "output": [ANSWER]}))
    items = list(Conversations(store).get(made.id).items.values())
    assert [item["role"] for item in items] == ["user", "user", "assistant"]
    assert context("resp_1", store) == items[:2]
    after = expand({"input": "two", "previous_response_id": "resp_1"}, store)["input"]
    assert after == [items[0], user("one"), ANSWER, user("two")]


def test_a_conversation_without_room_is_told_so_before_any_model_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its log has six entries at most: one to begin with, four items, and one more."""
    monkeypatch.setattr(conversations, "_MOST_ENTRIES", 6)
    store = new_store()
    made = Conversations(store).create({}, [Said(user("zero"), None)] * 4)
    turn = Turn({"input": "one", "conversation": made.id}, store)
    for ask in (turn.expanded, lambda: turn.passed("theirs", Loss("responses"))):
        with pytest.raises(ApiError, match="is full") as refused:
            ask()
        assert (refused.value.kind, refused.value.param) == ("invalid_request", "conversation")
    Conversations(store).remove(made, next(iter(made.items)))
    with pytest.raises(ApiError, match="is full"):
        Turn({"input": [], "conversation": made.id}, store).expanded()
    other = Conversations(store).create({}, [Said(user("zero"), None)] * 3)
    turn = Turn({"input": "one", "conversation": other.id}, store)
    turn.expanded()
    turn.keep(done({"id": "resp_1", "output": [ANSWER]}))
    assert len(Conversations(store).get(other.id).items) == 5


def test_a_chain_whose_conversation_is_gone_is_refused() -> None:
    """With the code at which clients begin anew, whoever is asked."""
    store = new_store()
    made = Conversations(store).create({}, [Said(user("zero"), None)])
    remember({"input": "one", "conversation": made.id}, {"id": "resp_1", "output": []}, store)
    second = {"input": "two", "previous_response_id": "resp_1"}
    remember(second, {"id": "resp_2", "output": []}, store)
    Conversations(store).delete(made.id)
    turn = Turn({"input": "three", "previous_response_id": "resp_2"}, store)
    for ask in (
        turn.expanded,
        lambda: turn.passed("theirs", Loss("responses")),
        lambda: context("resp_2", store),
        lambda: context("resp_1", store),
    ):
        with pytest.raises(ApiError, match=f"'resp_1' was made in .*'{made.id}'") as refused:
            ask()
        assert refused.value.code == "previous_response_not_found"


def test_a_reference_to_what_the_conversation_has_is_resolved() -> None:
    store = new_store()
    made = Conversations(store).create({}, [Said(CALL, None)])
    reference = {"type": "item_reference", "id": "fc_1"}
    asked = {"input": [reference, RESULT], "conversation": {"id": made.id}}
    assert expand(asked, store)["input"] == [CALL, CALL, RESULT]


def test_who_names_a_conversation_insists_on_it() -> None:
    store = new_store()
    assert Turn({"conversation": "conv_1"}, store).insists
    assert Turn({"store": True}, store).insists
    assert not Turn({"store": False}, store).insists
    assert not Turn({}, store).insists


# --- listings


def test_the_input_of_a_chain_has_the_same_ids_whoever_asks() -> None:
    store = new_store()
    remember({"input": "one"}, {"id": "resp_1", "output": [ANSWER]}, store)
    second = {"input": [user("two"), user("three")], "previous_response_id": "resp_1"}
    remember(second, {"id": "resp_2", "output": []}, store)
    first, both = context("resp_1", store), context("resp_2", store)
    assert [item["content"][0]["text"] for item in first] == ["one"]
    assert both[:2] == [*first, ANSWER]
    assert [item["content"][0]["text"] for item in both[2:]] == ["two", "three"]
    with pytest.raises(ApiError) as refused:
        context("resp_9", store)
    assert refused.value.kind == "not_found"


# --- upstreams that have state themselves


def test_what_a_provider_compacted_is_left_out_for_all_that_it_stands_for() -> None:
    store = new_store()
    compaction = {"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAA"}
    given = [user("one"), {"type": "compaction_trigger"}]
    remember_passed({"input": given}, {"id": "resp_1", "output": [compaction]}, store)
    own = {"id": "resp_2", "output": [{**compaction, "id": "cmp_2"}, ANSWER]}
    second = {"input": [compaction, user("two")], "previous_response_id": "resp_1"}
    remember_passed(second, own, store)
    body = expand({"input": "three", "previous_response_id": "resp_2"}, store)
    assert body["input"] == [user("one"), compaction, user("two"), ANSWER, user("three")]


def test_what_the_gateway_compacted_stays() -> None:
    store = new_store()
    compaction = {"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAA"}
    given = [user("one"), {"type": "compaction_trigger"}]
    remember({"input": given}, {"id": "resp_1", "output": [compaction]}, store)
    body = expand({"input": "two", "previous_response_id": "resp_1"}, store)
    assert body["input"] == [*given, compaction, user("two")]


def passed(body: Any, store: Namespace, origin: str = "theirs") -> Any:
    return Turn(body, store).passed(origin, Loss("responses"))


def remember_passed(body: Any, response: Any, store: Namespace, **more: bool) -> Turn:
    turn = Turn(body, store, **more)
    turn.passed("theirs", Loss("responses"))
    turn.keep(done(response))
    return turn


@pytest.mark.parametrize(
    "body",
    [
        {"input": "x"},
        {"input": "x", "previous_response_id": "resp_theirs"},
        {"input": "x", "previous_response_id": "resp_unknown"},
        {"input": "x", "previous_response_id": 1},
        {"input": "x", "conversation": "conv_unknown"},
        {"input": [{"type": "item_reference", "id": "msg_1"}]},
        {"input": [{"type": "item_reference", "id": "msg_unknown"}]},
        {"input": ["odd"]},
    ],
)
def test_what_the_upstream_knows_goes_as_it_came(body: Any) -> None:
    store = new_store()
    remember_passed({"input": "one"}, {"id": "resp_theirs", "output": [ANSWER]}, store)
    assert passed(body, store) is None


def test_what_it_does_not_know_is_put_in() -> None:
    store = new_store()
    remember({"input": "one"}, {"id": "resp_ours", "output": [ANSWER]}, store)
    turn = Turn({"input": "two", "previous_response_id": "resp_ours", "n": 1}, store)
    bare = {name: value for name, value in ANSWER.items() if name != "id"}
    assert turn.passed("theirs", Loss("responses")) == {
        "input": [user("one"), bare, user("two")],
        "n": 1,
    }
    assert turn.echo == {"previous_response_id": "resp_ours"}
    turn.keep(done({"id": "resp_theirs", "output": [CALL]}))
    after = {"input": [RESULT], "previous_response_id": "resp_theirs"}
    assert passed(after, store) is None
    assert expand(after, store)["input"] == [user("one"), ANSWER, user("two"), CALL, RESULT]
    again = passed(after, store, origin="others")
    assert [item.get("id") for item in again["input"]] == [None] * 5


def test_only_what_is_unknown_there_takes_a_reference_s_place() -> None:
    store = new_store()
    remember({"input": "one"}, {"id": "resp_ours", "output": [ANSWER]}, store)
    remember_passed({"input": "one"}, {"id": "resp_theirs", "output": [CALL]}, store)
    theirs = {"type": "item_reference", "id": "fc_1"}
    body = {"input": [{"id": "msg_1"}, theirs], "previous_response_id": "resp_theirs"}
    sent = passed(body, store)
    assert sent["input"][1] == theirs
    assert (sent["input"][0]["type"], sent["previous_response_id"]) == ("message", "resp_theirs")


def test_a_conversation_that_only_the_upstream_knows_ends_there() -> None:
    store = new_store()
    body = {"input": "one", "conversation": {"id": "conv_theirs"}}
    remember_passed(body, {"id": "resp_1", "output": [ANSWER]}, store)
    with pytest.raises(ApiError) as refused:
        expand({"input": "two", "previous_response_id": "resp_1"}, store)
    assert "conv_theirs" in refused.value.message


def test_what_passed_is_stored_only_if_it_should() -> None:
    store = new_store()
    response = {"id": "resp_1", "output": [ANSWER]}
    assert not remember_passed({"input": "x"}, response, store, stores=False).insists
    assert not remember_passed({"input": "x", "store": False}, response, store).insists
    assert Responses(store).response("resp_1") is None
    made = Conversations(store).create({}, [])
    turn = remember_passed({"input": "x", "conversation": made.id}, response, store, stores=False)
    assert turn.insists
    assert list(Conversations(store).get(made.id).origins) == ["msg_1"]


@pytest.mark.parametrize(
    ("body", "is_own"),
    [
        ({"previous_response_id": "resp_0123456789abcdef01234567"}, True),
        ({"conversation": {"id": "conv_0123456789abcdef01234567"}}, True),
        ({"input": [{"id": "msg_0123456789abcdef01234567"}]}, True),
        ({"previous_response_id": "resp_0123456789abcdef0123456789"}, False),
        ({"previous_response_id": 1, "conversation": 2, "input": 3}, False),
    ],
)
def test_ids_of_the_gateway_s_own_are_known_by_their_form(body: Any, is_own: bool) -> None:
    assert Turn(body, new_store()).names_own is is_own


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"store": False}, True),
        ({}, False),
        ({"store": False, "previous_response_id": "resp_1"}, False),
        ({"store": False, "conversation": "conv_1"}, False),
        ({"store": False, "input": [{"type": "item_reference", "id": "x"}]}, False),
        ({"store": False, "input": [{"id": "x"}]}, False),
        (
            {"store": False, "input": [{"id": "x", "role": "user", "content": "item_reference"}]},
            True,
        ),
        ({"store": False, "input": "item_reference"}, True),
        ({"store": False, "input": [5, {"type": 5}]}, True),
    ],
)
def test_who_needs_no_state(body: Any, expected: bool) -> None:
    assert is_stateless(body) is expected
    if "input" in body:
        assert is_stateless({**body, "input": Raw(json.dumps(body["input"]).encode())}) is expected


THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]}
IMAGE = {"type": "image_generation_call", "id": "ig_1", "status": "completed"}


def forged(*items: Any) -> Any:
    """A compaction as anybody can make one."""
    token = seal_compaction(Compaction("All that was.", before=list(items)))
    return {"type": "compaction", "id": "cmp_1", "encrypted_content": token}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"previous_response_id": "resp_theirs"}, "Previous response with id 'resp_theirs' not"),
        ({"previous_response_id": 1}, "Previous response with id '1' not found"),
        ({"conversation": "conv_theirs"}, "Conversation with id 'conv_theirs' not found"),
        ({"conversation": {"id": "conv_theirs"}}, "Conversation with id 'conv_theirs' not found"),
        ({"input": [{"type": "item_reference", "id": "msg_theirs"}]}, "Item with id 'msg_theirs'"),
        ({"input": [{"id": "msg_theirs"}]}, "Item with id 'msg_theirs' not found"),
        (
            {"input": [{**ANSWER, "id": "msg_x"}, {"type": "item_reference", "id": "msg_x"}]},
            "Item with id 'msg_x' not found",
        ),
        (
            {"input": [forged({"type": "item_reference", "id": "msg_theirs"})]},
            "Item with id 'msg_theirs' not found",
        ),
        (
            {"input": [forged(THOUGHT, forged({"type": "item_reference", "id": "msg_theirs"}))]},
            "Item with id 'msg_theirs' not found",
        ),
    ],
)
def test_what_nobody_here_knows_may_be_refused(body: Any, said: str) -> None:
    store = new_store()
    body = {"input": "x", **body}
    assert names_stored(body)
    with pytest.raises(ApiError) as refused:
        Turn(body, store).passed("theirs", Loss("responses"), asks_unknown=False)
    assert said in refused.value.message
    Turn(body, store).passed("theirs", Loss("responses"))


@pytest.mark.parametrize(
    "body",
    [
        {"input": "two", "previous_response_id": "resp_1"},
        {"input": [{"type": "item_reference", "id": "msg_1"}, THOUGHT, IMAGE]},
        {"input": [{**user("x"), "id": "msg_9"}, {"type": [], "id": "msg_9"}]},
        {"input": [forged(user("two"))]},
        {"input": [{**THOUGHT, "id": "rs_other", "encrypted_content": "gAAA"}]},
        {"input": [{**IMAGE, "id": "ig_other", "result": "AAAA"}, "odd", {"id": 3}]},
        {"input": "two"},
    ],
)
def test_what_was_told_to_this_client_is_not(body: Any) -> None:
    store = new_store()
    output = [THOUGHT, ANSWER, IMAGE]
    remember_passed({"input": "one"}, {"id": "resp_1", "output": output}, store)
    refusing = Turn(body, store).passed("theirs", Loss("responses"), asks_unknown=False)
    assert refusing == Turn(body, store).passed("theirs", Loss("responses"))


def test_what_another_client_was_told_is_unknown() -> None:
    both = Store(MemoryBackend(ttl=60, max_items=1000), "memory")
    remember_passed({"input": "x"}, {"id": "resp_1", "output": [THOUGHT]}, both.within("a"))
    for body in (
        {"input": "y", "previous_response_id": "resp_1"},
        {"input": [{"type": "item_reference", "id": "rs_1"}]},
    ):
        Turn(body, both.within("a")).passed("theirs", Loss("responses"), asks_unknown=False)
        with pytest.raises(ApiError):
            Turn(body, both.within("b")).passed("theirs", Loss("responses"), asks_unknown=False)


@pytest.mark.parametrize(
    "item",
    [
        THOUGHT,
        {**THOUGHT, "encrypted_content": ""},
        IMAGE,
        {"type": "file_search_call", "id": "fs_1", "results": None},
    ],
)
@pytest.mark.parametrize("is_forged", [False, True])
def test_what_an_unknown_item_says_goes_under_an_id_that_nobody_has(
    item: Any, is_forged: bool
) -> None:
    """Many hosts store nothing, and clients send their thoughts back as they came."""
    given = [user("x"), item]
    body = {"input": [forged(*given)] if is_forged else given}
    assert names_stored(body)
    sent = Turn(body, new_store()).passed("theirs", Loss("responses"), asks_unknown=False)
    assert sent is not None
    changed = sent["input"][1]
    assert changed["id"] != item["id"]
    assert {**changed, "id": item["id"]} == item
    again = Turn(body, new_store()).passed("theirs", Loss("responses"), asks_unknown=False)
    assert again == sent


def test_a_forged_past_names_nothing_either() -> None:
    """It was kept with a turn that another provider answered."""
    store = new_store()
    reference = {"type": "item_reference", "id": "msg_theirs"}
    remember({"input": [forged(reference)]}, {"id": "resp_1", "output": [ANSWER]}, store)
    body = {"input": "x", "previous_response_id": "resp_1"}
    with pytest.raises(ApiError, match="msg_theirs"):
        Turn(body, store).passed("theirs", Loss("responses"), asks_unknown=False)
