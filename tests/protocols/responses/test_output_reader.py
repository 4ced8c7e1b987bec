"""Items in the orders, repetitions and gaps that hosts really send."""

import json
from typing import Any

import pytest
from support.events import read, told, translation

from wsgi_gateway.protocols.conversation import Proof
from wsgi_gateway.protocols.events import Delta, Event, PartEnded, PartStarted
from wsgi_gateway.protocols.responses import StreamReader
from wsgi_gateway.protocols.translation import Translation

Json = dict[str, Any]
CALL: Json = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f"}
MESSAGE: Json = {"type": "message", "id": "msg_1", "role": "assistant"}
THOUGHT: Json = {"type": "reasoning", "id": "rs_1"}


def text(value: str) -> Json:
    return {"type": "output_text", "text": value, "annotations": []}


def event(kind: str, index: int = 0, **fields: Any) -> Json:
    return {"type": f"response.{kind}", "output_index": index, **fields}


def added(item: Json, index: int = 0) -> Json:
    return event("output_item.added", index, item=item)


def done(item: Json, index: int = 0) -> Json:
    return event("output_item.done", index, item=item)


def events_of(
    *events: Json, output: list[Json] | None = None, to: Translation | None = None
) -> list[Event]:
    life = [
        {"type": "response.created", "response": {"id": "resp_1", "model": "m"}},
        *events,
        {"type": "response.completed", "response": {"id": "resp_1", "output": output}},
    ]
    stream = b"".join(b"data: %b\n\n" % json.dumps(one).encode() for one in life)
    return read(StreamReader(to or translation()), stream)


@pytest.mark.parametrize(
    "events",
    [
        [event("output_text.delta", delta="Hel"), event("output_text.delta", delta="lo")],
        [event("output_text.delta", delta="Hel"), event("output_text.done", text="Hello")],
        [event("output_text.delta", delta="Hel"), event("content_part.done", part=text("Hello"))],
        [added(MESSAGE), done({**MESSAGE, "content": [text("Hello")]})],
        [
            event("output_text.delta", delta="Hel"),
            event("output_text.done", text="Hello"),
            event("content_part.done", part=text("Hello")),
            done({**MESSAGE, "content": [text("Hello")]}),
        ],
        [],
    ],
)
def test_a_text_is_delivered_once_whatever_repeats_it(events: list[Json]) -> None:
    assert told(events_of(*events, output=[{**MESSAGE, "content": [text("Hello")]}])) == [
        ("text", "Hello")
    ]


def test_a_thought_in_two_forms_is_told_in_the_first_and_the_other_noted() -> None:
    to = translation()
    item = {
        **THOUGHT,
        "summary": [{"type": "summary_text", "text": "short"}],
        "content": [{"type": "reasoning_text", "text": "long"}],
    }
    assert told(events_of(done(item), to=to)) == [("reasoning", "short")]
    assert [entry.path for entry in to.loss.entries] == ["reply.reasoning"]


def test_a_done_text_that_differs_adds_nothing() -> None:
    events = events_of(
        event("output_text.delta", delta="Hi"), event("output_text.done", text="Bye")
    )
    assert told(events) == [("text", "Hi")]


def test_several_parts_of_one_message() -> None:
    events = events_of(
        added(MESSAGE),
        event("output_text.delta", content_index=0, delta="a"),
        event("output_text.delta", content_index=1, delta="b"),
        event("refusal.delta", content_index=2, delta="n"),
        event("refusal.done", content_index=2, refusal="no"),
        event("content_part.done", content_index=2, part={"type": "refusal", "refusal": "no"}),
    )
    assert told(events) == [("text", "a"), ("text", "b"), ("refusal", "no")]


def test_empty_texts_are_no_parts() -> None:
    message = {**MESSAGE, "content": [text("")]}
    events = events_of(
        added(MESSAGE), event("output_text.done", text=""), done(message), output=[message]
    )
    assert told(events) == []


@pytest.mark.parametrize(
    "events",
    [
        [event("function_call_arguments.delta", delta='{"a":'), done({**CALL, "arguments": ""})],
        [
            event("function_call_arguments.delta", delta='{"a":'),
            event("function_call_arguments.done", arguments='{"a":1}'),
        ],
        [done({**CALL, "arguments": '{"a":1}'})],
        [done({**CALL, "arguments": {"a": 1}})],
        [],
    ],
)
def test_arguments_are_completed(events: list[Json]) -> None:
    whole = [{**CALL, "arguments": '{"a":1}'}]
    tail = [event("function_call_arguments.delta", delta="1}")] if len(events) == 2 else []
    if tail and events[-1]["type"].endswith("item.done"):
        events = [events[0], *tail, events[1]]
    assert told(events_of(added(CALL), *events, output=whole)) == [
        ("tool_call", "c1", "f", '{"a":1}')
    ]


def test_a_call_without_arguments_has_empty_ones() -> None:
    assert told(events_of(added(CALL), done({**CALL, "arguments": ""}))) == [
        ("tool_call", "c1", "f", "{}")
    ]


def test_a_call_that_was_not_announced_comes_whole() -> None:
    events = events_of(
        event("function_call_arguments.delta", delta='{"a"'),
        done({**CALL, "arguments": '{"a":1}'}),
    )
    assert told(events) == [("tool_call", "c1", "f", '{"a":1}')]


def test_a_call_that_a_limit_cut_short() -> None:
    cut = {**CALL, "arguments": '{"a', "status": "incomplete"}
    events = events_of(added(CALL), event("function_call_arguments.delta", delta='{"a'), done(cut))
    assert PartEnded(index=0, complete=False) in events
    assert Delta(0, '{"a') in events


def test_calls_may_be_interleaved() -> None:
    other = {**CALL, "id": "fc_2", "call_id": "c2", "name": "g"}
    events = events_of(
        added(CALL),
        added(other, 1),
        event("function_call_arguments.delta", 1, delta="[1"),
        event("function_call_arguments.delta", 0, delta="[0"),
        event("function_call_arguments.delta", 1, delta="]"),
        event("function_call_arguments.delta", 0, delta="]"),
    )
    assert told(events) == [("tool_call", "c1", "f", "[0]"), ("tool_call", "c2", "g", "[1]")]


def test_a_custom_call_streams_as_it_comes() -> None:
    call = {**CALL, "type": "custom_tool_call", "input": ""}
    events = events_of(
        added(call),
        event("custom_tool_call_input.delta", delta="***"),
        event("custom_tool_call_input.done", input="*** End"),
        done({**call, "input": "*** End"}),
    )
    assert PartStarted(index=0, kind="tool_call", id="c1", name="f", custom=True) in events
    assert [one for one in events if isinstance(one, Delta)] == [Delta(0, "***"), Delta(0, " End")]


def test_names_and_ids_come_back_in_the_clients_terms() -> None:
    to = translation()
    alias = to.aliases.tool("n" * 70, "space")
    call_id = to.aliases.call_id("call with blanks")
    events = events_of(done({**CALL, "name": alias, "call_id": call_id, "arguments": "{}"}), to=to)
    started = events[1]
    assert isinstance(started, PartStarted)
    assert (started.name, started.namespace) == ("n" * 70, "space")
    assert started.id == "call with blanks"


def summaries(*texts: str) -> list[Json]:
    return [{"type": "summary_text", "text": one} for one in texts]


@pytest.mark.parametrize(
    "events",
    [
        [
            event("reasoning_summary_text.delta", summary_index=0, delta="a"),
            event("reasoning_summary_text.delta", summary_index=1, delta="b"),
        ],
        [
            event("reasoning_summary_text.done", summary_index=0, text="a"),
            event("reasoning_summary_text.delta", summary_index=1, delta="b"),
            event("reasoning_summary_text.done", summary_index=1, text="b"),
        ],
        [event("reasoning_summary_text.delta", summary_index=0, delta="a")],
        [],
    ],
)
def test_summaries_are_paragraphs(events: list[Json]) -> None:
    whole = {**THOUGHT, "summary": summaries("a", "b"), "encrypted_content": "E"}
    found = events_of(added(THOUGHT), *events, done(whole), output=[whole])
    assert told(found) == [("reasoning", "a\n\nb")]
    proof = Proof(kind="encrypted", value="E", item_id="rs_1", origin="prov")
    assert PartEnded(index=0, proof=proof) in found


def test_raw_reasoning_without_proof() -> None:
    whole = {**THOUGHT, "summary": [], "content": [{"type": "reasoning_text", "text": "raw"}]}
    found = events_of(event("reasoning_text.delta", content_index=0, delta="ra"), done(whole))
    assert told(found) == [("reasoning", "raw")]
    assert PartEnded(index=0, proof=Proof(kind="none", origin="prov")) in found


def test_of_two_channels_the_first_is_read() -> None:
    found = events_of(
        event("reasoning_text.delta", content_index=0, delta="raw"),
        event("reasoning_summary_text.delta", summary_index=0, delta="short"),
        event("reasoning_summary_text.done", summary_index=0, text="short"),
    )
    assert told(found) == [("reasoning", "raw")]


def test_hidden_reasoning_is_its_proof() -> None:
    found = events_of(done({**THOUGHT, "summary": [], "encrypted_content": "E"}))
    assert told(found) == [("reasoning", "")]


def test_reasoning_that_says_and_proves_nothing_is_no_part() -> None:
    assert told(events_of(added(THOUGHT), done({**THOUGHT, "summary": []}))) == []


def test_the_final_response_may_rename_its_items() -> None:
    found = events_of(
        added(MESSAGE),
        event("output_text.delta", delta="a"),
        done({**MESSAGE, "content": [text("a")]}),
        output=[{**MESSAGE, "id": "other", "content": [text("a")]}, {**CALL, "arguments": "{}"}],
    )
    assert told(found) == [("text", "a"), ("tool_call", "c1", "f", "{}")]


def test_events_without_an_output_index_are_told_apart_by_item() -> None:
    found = events_of(
        {"type": "response.output_text.delta", "item_id": "msg_1", "delta": "a"},
        {"type": "response.output_text.delta", "item_id": "msg_2", "delta": "b"},
        {"type": "response.output_text.delta", "item_id": "msg_1", "delta": "c"},
    )
    assert told(found) == [("text", "ac"), ("text", "b")]


def without_index(*events: Json) -> list[Json]:
    return [
        {name: value for name, value in one.items() if name != "output_index"} for one in events
    ]


def test_calls_without_index_and_item_id_are_known_by_their_own() -> None:
    """llama.cpp: its calls have no ``id``, and its events no ``output_index``."""
    first, second = ({**CALL, "call_id": name} for name in ("fc_a", "fc_b"))
    del first["id"], second["id"]
    told_of = [
        [
            added({**call, "arguments": ""}),
            event("function_call_arguments.delta", item_id=call["call_id"], delta='{"x"'),
            event("function_call_arguments.delta", item_id=call["call_id"], delta=":1}"),
        ]
        for call in (first, second)
    ]
    whole = [{**call, "arguments": '{"x":1}'} for call in (first, second)]
    events = without_index(*told_of[0], *told_of[1], *map(done, whole))
    assert told(events_of(*events, output=whole)) == [
        ("tool_call", "fc_a", "f", '{"x":1}'),
        ("tool_call", "fc_b", "f", '{"x":1}'),
    ]


def test_a_text_without_index_is_not_told_twice() -> None:
    events = without_index(event("output_text.delta", item_id="msg_1", delta="Hello"))
    for name in ("msg_1", "msg_other"):
        whole = {**MESSAGE, "id": name, "content": [text("Hello")]}
        assert told(events_of(*events, output=[whole])) == [("text", "Hello")]


@pytest.mark.parametrize("ends", [True, False], ids=["ended", "open"])
@pytest.mark.parametrize("name", ["1", "other"])
def test_a_thought_and_a_message_under_one_index_stay_apart(name: str, ends: bool) -> None:
    """LiteLLM gives both index 0, never adds the message, and ends the thought or does not."""
    thought = {**THOUGHT, "summary": [{"type": "summary_text", "text": "hm"}]}
    message = {**MESSAGE, "content": [text("Hello")]}
    call = {**CALL, "id": "c1", "arguments": "{}"}
    events = [
        added({**THOUGHT, "summary": None}),
        event("reasoning_summary_text.delta", item_id="rs_1", delta="hm"),
        *([done(thought)] if ends else []),
        event("output_text.delta", item_id="msg_1", delta="Hel"),
        event("output_text.delta", item_id="msg_1", delta="lo"),
        added(call, 1),
        done(call, 1),
        done(message),
    ]
    output = [{**thought, "id": f"rs_{name}"}, {**message, "id": f"msg_{name}"}, call]
    assert told(events_of(*events, output=output)) == [
        ("reasoning", "hm"),
        ("text", "Hello"),
        ("tool_call", "c1", "f", "{}"),
    ]


def test_ids_that_are_made_anew_in_every_event_tell_nothing() -> None:
    """Copilot's are; the index holds."""
    whole = {**MESSAGE, "content": [text("Hello")]}
    events = [
        added({**MESSAGE, "id": "a"}),
        event("output_text.delta", item_id="b", delta="Hel"),
        event("output_text.delta", item_id="c", delta="lo"),
        done({**whole, "id": "d"}),
    ]
    assert told(events_of(*events, output=[{**whole, "id": "e"}])) == [("text", "Hello")]


def test_a_message_that_only_the_final_response_has_is_told() -> None:
    first, second = ({**MESSAGE, "id": name, "content": [text(name)]} for name in ("m1", "m2"))
    events = [event("output_text.delta", 1, item_id="m2", delta="m2"), done(second, 1)]
    assert told(events_of(*events, output=[first, second])) == [("text", "m2"), ("text", "m1")]
