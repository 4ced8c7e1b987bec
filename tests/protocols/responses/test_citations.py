"""Annotations, log probabilities, searches, phases and tiers, as an upstream tells them."""

import json
from typing import Any

import pytest
from support.events import read, translation

from wsgi_gateway.protocols.events import (
    Annotated,
    Annotation,
    Delta,
    Event,
    Search,
)
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.reply import ReplyPart, fold
from wsgi_gateway.protocols.responses import StreamReader, read_reply

Json = dict[str, Any]
URL: Json = {
    "type": "url_citation",
    "start_index": 0,
    "end_index": 4,
    "url": "https://a.test",
    "title": "A",
}
FILE: Json = {"type": "file_citation", "index": 3, "file_id": "file_1", "filename": "a.txt"}
TOKEN: Json = {"token": "Oslo", "logprob": -0.5, "bytes": [79], "top_logprobs": []}
TEXT: Json = {"type": "output_text", "text": "Oslo.", "annotations": [URL, FILE], "logprobs": []}
MESSAGE: Json = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
WHOLE: Json = {**MESSAGE, "content": [TEXT]}


def event(kind: str, **fields: Any) -> Json:
    return {"type": f"response.{kind}", "output_index": 0, "content_index": 0, **fields}


def events_of(*events: Json, loss: Loss | None = None, **response: Any) -> list[Event]:
    life = [
        {"type": "response.created", "response": {"id": "resp_1", "model": "m"}},
        *events,
        {"type": "response.completed", "response": {"id": "resp_1", "output": None, **response}},
    ]
    stream = b"".join(b"data: %b\n\n" % json.dumps(one).encode() for one in life)
    to = translation()
    to.loss = loss or to.loss
    return read(StreamReader(to), stream, 13)


def annotated(number: int, annotation: Json) -> Json:
    return event("output_text.annotation.added", annotation_index=number, annotation=annotation)


DELTA = event("output_text.delta", delta="Oslo.", logprobs=[])
TEXT_DONE = event("output_text.done", text="Oslo.")
PART_DONE = event("content_part.done", part=TEXT)
ITEM_DONE = event("output_item.done", item=WHOLE)


@pytest.mark.parametrize(
    "events",
    [
        [DELTA, annotated(0, URL), annotated(1, FILE), TEXT_DONE, PART_DONE, ITEM_DONE],
        [DELTA, annotated(0, URL), TEXT_DONE, PART_DONE],
        [DELTA, TEXT_DONE, PART_DONE],
        [DELTA, TEXT_DONE, ITEM_DONE],
        [DELTA, TEXT_DONE, event("content_part.done", part={**TEXT, "annotations": []}), ITEM_DONE],
        [DELTA, TEXT_DONE],
        [annotated(0, URL), annotated(0, URL), DELTA],
        [],
    ],
)
def test_each_annotation_is_told_once_whoever_repeats_it(events: list[Json]) -> None:
    (part,) = fold(events_of(*events, output=[WHOLE])).parts
    assert part.text == "Oslo."
    assert part.annotations == [
        Annotation(kind="url", end=4, url="https://a.test", title="A"),
        Annotation(kind="document", start=3, end=3, file_id="file_1", title="a.txt"),
    ]


@pytest.mark.parametrize(
    "native",
    [
        {
            "type": "container_file_citation",
            "container_id": "c",
            "file_id": "file_1",
            "filename": "a.txt",
            "start_index": 1,
            "end_index": 2,
        },
        {"type": "file_path", "file_id": "file_1", "index": 0},
    ],
)
def test_files_are_documents(native: Json) -> None:
    (part,) = fold(events_of(DELTA, annotated(0, native), TEXT_DONE)).parts
    (annotation,) = part.annotations
    assert (annotation.kind, annotation.file_id) == ("document", "file_1")


@pytest.mark.parametrize("native", [{"type": "from_the_future"}, 3, {"type": ["odd"]}])
def test_an_unknown_annotation_is_noted(native: Any) -> None:
    loss = Loss("responses")
    events = events_of(DELTA, annotated(0, native), TEXT_DONE, loss=loss)
    assert not any(isinstance(one, Annotated) for one in events)
    assert [(entry.path, entry.verdict) for entry in loss.entries] == [
        ("reply.annotations", "dropped")
    ]


def test_an_annotation_that_comes_too_late_is_noted() -> None:
    loss = Loss("responses")
    call = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f"}
    events_of(
        DELTA,
        TEXT_DONE,
        {**event("output_item.added", item=call), "output_index": 1},
        annotated(0, URL),
        loss=loss,
    )
    assert [(entry.path, entry.verdict) for entry in loss.entries] == [
        ("reply.annotations", "dropped")
    ]


def test_content_of_an_unknown_type_is_noted() -> None:
    to = translation()
    item = {**MESSAGE, "content": [TEXT, {"type": "output_audio"}]}
    assert len(fold(read_reply({"output": [item]}, to)).parts) == 1
    assert [entry.path for entry in to.loss.entries] == ["reply.output[0].content[1]"]


def test_a_text_that_is_over_ends_before_the_next_part_starts() -> None:
    call = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f"}
    events = events_of(
        DELTA,
        TEXT_DONE,
        {**event("output_item.added", item=call), "output_index": 1},
    )
    assert [type(one).__name__ for one in events[1:5]] == [
        "PartStarted",
        "Delta",
        "PartEnded",
        "PartStarted",
    ]


def test_log_probabilities_come_with_their_text() -> None:
    bare = {"token": "Oslo", "logprob": -0.5, "top_logprobs": [{"token": "O", "logprob": -1.0}]}
    events = events_of(event("output_text.delta", delta="Oslo", logprobs=[bare]))
    top = {"token": "O", "logprob": -1.0, "bytes": None}
    assert events[2] == Delta(0, "Oslo", [{**bare, "bytes": None, "top_logprobs": [top]}])


@pytest.mark.parametrize(
    "whole",
    [
        event("output_text.done", text="Oslo", logprobs=[TOKEN]),
        event("content_part.done", part={**TEXT, "text": "Oslo", "logprobs": [TOKEN]}),
        event(
            "output_item.done",
            item={**MESSAGE, "content": [{**TEXT, "text": "Oslo", "logprobs": [TOKEN]}]},
        ),
    ],
)
def test_log_probabilities_of_a_whole_text(whole: Json) -> None:
    (part,) = fold(events_of(whole)).parts
    assert part.logprobs == [TOKEN]
    streamed = event("output_text.delta", delta="Oslo", logprobs=[TOKEN])
    (part,) = fold(events_of(streamed, whole)).parts
    assert part.logprobs == [TOKEN]


def test_log_probabilities_that_come_after_their_text_are_noted() -> None:
    loss = Loss("responses")
    late = event("output_text.done", text="Oslo.", logprobs=[TOKEN])
    events_of(DELTA, late, {**PART_DONE, "part": {**TEXT, "logprobs": [TOKEN]}}, loss=loss)
    assert [(entry.path, entry.verdict) for entry in loss.entries] == [
        ("reply.logprobs", "approximated")
    ]


def test_log_probabilities_of_an_empty_text_are_noted() -> None:
    loss = Loss("responses")
    empty = {**TEXT, "text": "", "annotations": [], "logprobs": [TOKEN]}
    done = event("output_item.done", item={**MESSAGE, "content": [empty]})
    assert fold(events_of(done, loss=loss)).parts == []
    assert [(entry.path, entry.verdict) for entry in loss.entries] == [
        ("reply.logprobs", "approximated")
    ]


def test_messages_and_their_phases() -> None:
    first = {**WHOLE, "phase": "commentary"}
    second = {**WHOLE, "id": "msg_2", "phase": "final_answer"}
    streamed = events_of(
        event("output_item.added", item={**first, "content": []}),
        DELTA,
        event("output_item.done", item=first),
        {**event("output_item.added", item={**second, "content": []}), "output_index": 1},
        {**DELTA, "output_index": 1},
        {**event("output_item.done", item=second), "output_index": 1},
    )
    whole = read_reply({"id": "resp_1", "output": [first, second]}, translation())
    for events in (streamed, whole):
        parts = fold(events).parts
        assert [(part.starts_message, part.phase) for part in parts] == [
            (False, "commentary"),
            (True, "final_answer"),
        ]


@pytest.mark.parametrize(
    ("action", "search"),
    [
        ({"type": "search", "query": "a"}, Search(queries=["a"], sources=[])),
        (
            {"type": "search", "query": "a", "queries": ["a", "b"]},
            Search(queries=["a", "b"], sources=[]),
        ),
        (
            {
                "type": "search",
                "query": "a",
                "sources": [{"type": "url", "url": "https://a.test"}, 3],
            },
            Search(queries=["a"], sources=[{"url": "https://a.test", "title": ""}]),
        ),
        (None, Search(queries=[], sources=[])),
    ],
)
def test_searches(action: Json | None, search: Search) -> None:
    item = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": action}
    done = event("output_item.done", item=item)
    usage = {"input_tokens": 1, "output_tokens": 1}
    for events in (
        events_of(event("output_item.added", item=item), done, output=[item], usage=usage),
        read_reply({"output": [item], "usage": usage}, translation()),
    ):
        reply = fold(events)
        assert reply.parts == [ReplyPart(kind="web_search", id="ws_1", search=search)]
        assert reply.usage is not None and reply.usage.web_searches == 1


@pytest.mark.parametrize(
    ("item", "verdict"),
    [
        (
            {"type": "web_search_call", "action": {"type": "open_page", "url": "https://a.test"}},
            "dropped",
        ),
        ({"type": "file_search_call", "queries": ["a"]}, "approximated"),
        ({"type": "code_interpreter_call", "code": "1"}, "approximated"),
        ({"type": "image_generation_call", "result": "AAAA"}, "approximated"),
        ({"type": "mcp_call", "name": "n"}, "approximated"),
        ({"type": "mcp_list_tools", "tools": []}, "approximated"),
    ],
)
def test_what_other_apis_have_no_notion_of_is_noted_once(item: Json, verdict: str) -> None:
    loss = Loss("responses")
    done = {**event("output_item.done", item={"id": "x_1", **item}), "output_index": 2}
    output = [WHOLE, {**WHOLE, "id": "msg_2"}, {"id": "x_1", **item}]
    assert len(fold(events_of(done, output=output, loss=loss)).parts) == 2
    assert [(entry.path, entry.verdict) for entry in loss.entries] == [("reply.output[2]", verdict)]


@pytest.mark.parametrize("reason", ["max_messages", "steered"])
def test_an_unknown_reason_is_noted(reason: str) -> None:
    to = translation()
    body = {"status": "incomplete", "output": [], "incomplete_details": {"reason": reason}}
    assert fold(read_reply(body, to)).reason == "length"
    assert [entry.path for entry in to.loss.entries] == ["reply.incomplete_details.reason"]


def test_a_verdict_of_the_moderation_is_noted() -> None:
    to = translation()
    read_reply({"output": [], "moderation": {"input": {}}}, to)
    assert [entry.path for entry in to.loss.entries] == ["reply.moderation"]
