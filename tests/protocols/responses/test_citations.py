"""Annotations, log probabilities, searches, phases and tiers: read from an upstream, written to a client."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response
from support.events import read, translation
from support.sdk import openai_told
from support.validators import check_responses

from wsgi_gateway.protocols.conversation import Conversation
from wsgi_gateway.protocols.events import (
    Annotated,
    Annotation,
    Delta,
    Event,
    Finished,
    PartEnded,
    PartStarted,
    Search,
    Started,
    Usage,
    UsageReported,
)
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.reply import Reply, ReplyPart, fold, unfold
from wsgi_gateway.protocols.responses import StreamReader, StreamWriter, read_reply, write_reply

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
        Annotation(kind="url", end=4, url="https://a.test", title="A", native=URL),
        Annotation(kind="document", start=3, end=3, file_id="file_1", title="a.txt", native=FILE),
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
    assert annotation.native == native


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


# --- toward a client


def told_to_client(
    events: list[Event], loss: Loss | None = None, **body: Any
) -> tuple[Json, list[Json]]:
    """The response and all events, after the judge and the SDK agreed with them, and with the full reply."""
    asked = Conversation(api="responses", model="asked", body=body)
    writer = StreamWriter(asked, loss or Loss("responses"))
    data = b"".join(writer.write([one]) for one in events)
    assert check_responses(data) == "finished"
    response: Json = json.loads(json.dumps(writer.response))
    with openai_told(data, "text/event-stream").responses.stream(model="m", input="") as stream:
        final = stream.get_final_response().to_dict()
    full = write_reply(fold(events), asked, Loss("responses"))
    Response.model_validate(full, strict=True)
    assert without_ids(final) == without_ids(response) == without_ids(full)
    lines = data.decode().split("\n")
    return response, [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


def without_ids(response: Any) -> list[Json]:
    items: list[Json] = json.loads(json.dumps(response["output"]))
    for item in items:
        item["id"] = item["id"].split("_")[0]
        for part in item.get("content", ()):
            part.pop("parsed", None)
    return items


def reply(*parts: ReplyPart, usage: Usage | None = None) -> list[Event]:
    return list(unfold(Reply(id="x", model="m", parts=list(parts), usage=usage)))


def test_annotations_are_added_before_the_text_is_done_and_repeated() -> None:
    events = events_of(DELTA, annotated(0, URL), annotated(1, FILE), output=[WHOLE])
    response, wire = told_to_client(events)
    kinds = [one["type"].removeprefix("response.") for one in wire]
    added = [one for one in wire if one["type"].endswith("annotation.added")]
    assert [one["annotation"] for one in added] == [URL, FILE]
    assert kinds.index("output_text.annotation.added") < kinds.index("output_text.done")
    assert response["output"][0]["content"][0]["annotations"] == [URL, FILE]


def test_citations_of_other_apis_lose_what_has_no_place() -> None:
    loss = Loss("responses")
    page = Annotation(kind="url", end=4, url="https://a.test", cited="Oslo is", native={})
    document = Annotation(kind="document", start=0, end=4, title="a.txt", native={})
    nowhere = Annotation(kind="url", native={})
    part = ReplyPart(kind="text", text="Oslo.", annotations=[page, document, nowhere])
    response, _ = told_to_client(reply(part), loss)
    assert response["output"][0]["content"][0]["annotations"] == [
        {**URL, "title": ""},
        {"type": "file_citation", "file_id": "a.txt", "filename": "a.txt", "index": 4},
    ]
    assert [entry.verdict for entry in loss.entries] == ["dropped", "approximated", "approximated"]


def test_log_probabilities_go_on() -> None:
    token = {**TOKEN, "bytes": None, "top_logprobs": [{"token": "O", "logprob": -1, "bytes": None}]}
    response, wire = told_to_client(reply(ReplyPart(kind="text", text="Oslo", logprobs=[token])))
    top = {"token": "O", "logprob": -1, "bytes": []}
    expected = [{**token, "bytes": [], "top_logprobs": [top]}]
    assert response["output"][0]["content"][0]["logprobs"] == expected
    deltas = [one["logprobs"] for one in wire if one["type"] == "response.output_text.delta"]
    assert deltas == [expected]


def test_messages_stay_apart_and_keep_their_phases() -> None:
    response, _ = told_to_client(
        reply(
            ReplyPart(kind="text", text="a", phase="commentary"),
            ReplyPart(kind="text", text="b", phase="commentary"),
            ReplyPart(kind="text", text="c", starts_message=True, phase="final_answer"),
            ReplyPart(kind="text", text="d", starts_message=True, phase="final_answer"),
            ReplyPart(kind="text", text="e", starts_message=True, phase="from_the_future"),
        )
    )
    said = [
        (item.get("phase"), [part["text"] for part in item["content"]])
        for item in response["output"]
    ]
    assert said == [
        ("commentary", ["a", "b"]),
        ("final_answer", ["c"]),
        ("final_answer", ["d"]),
        (None, ["e"]),
    ]


@pytest.mark.parametrize("asked", [False, True])
def test_a_search_is_an_item_with_its_progress(asked: bool) -> None:
    search = Search(queries=["a", "b"], sources=[{"url": "https://a.test", "title": "A"}])
    include = {"include": ["web_search_call.action.sources"]} if asked else {}
    usage = Usage(input=1, output=1, service_tier="priority", web_searches=1)
    events = reply(ReplyPart(kind="web_search", id="srvtoolu_1", search=search), usage=usage)
    response, wire = told_to_client(events, **include)
    assert [one["type"] for one in wire[2:7]] == [
        "response.output_item.added",
        "response.web_search_call.in_progress",
        "response.web_search_call.searching",
        "response.web_search_call.completed",
        "response.output_item.done",
    ]
    (item,) = response["output"]
    action = {"type": "search", "query": "a", "queries": ["a", "b"]}
    if asked:
        action["sources"] = [{"type": "url", "url": "https://a.test"}]
    assert (item["type"], item["status"], item["action"]) == (
        "web_search_call",
        "completed",
        action,
    )
    assert response["service_tier"] == "priority"
    assert response["tool_usage"]["web_search"] == {"num_requests": 1}
    assert wire[0]["response"]["service_tier"] == "default"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (b'"annotation_index":1', b'"annotation_index":0'),
        (b'"annotations":[{', b'"annotations":[],"was":[{'),
        (b'"logprob":-0.5', b'"logprob":-0.25'),
        (b"web_search_call.searching", b"web_search_call.completed"),
        (b'"type":"search","query":""', b'"type":"search","query":"a"'),
    ],
)
def test_the_judge_objects_to_what_was_spoiled(right: bytes, wrong: bytes) -> None:
    page = Annotation(kind="url", url="https://a.test", native={})
    events = reply(
        ReplyPart(kind="web_search", search=Search(queries=["a"], sources=[])),
        ReplyPart(kind="text", text="Oslo", annotations=[page, page], logprobs=[TOKEN]),
        usage=Usage(),
    )
    writer = StreamWriter(Conversation(api="responses", model="m"), Loss("responses"))
    data = writer.write(events)
    assert check_responses(data) == "finished" and right in data
    with pytest.raises(AssertionError):
        check_responses(data.replace(right, wrong, 1))


def test_a_search_that_was_cut_is_not_completed() -> None:
    events: list[Event] = [
        Started(id="x", model="m"),
        PartStarted(index=0, kind="web_search"),
        PartEnded(index=0, complete=False),
        UsageReported(Usage()),
        Finished(reason="length"),
    ]
    writer = StreamWriter(Conversation(api="responses", model="m"), Loss("responses"))
    assert check_responses(writer.write(events)) == "incomplete"
    assert writer.response is not None
    assert writer.response["output"][0]["status"] == "incomplete"


@pytest.mark.parametrize(
    ("finished", "path", "verdict"),
    [
        (Finished(reason="context_window"), "reply.incomplete_details.reason", "approximated"),
        (Finished(reason="pause"), "reply.status", "approximated"),
        (Finished(reason="stop_sequence", stop_sequence="x"), "reply.stop_sequence", "dropped"),
        (Finished(reason="content_filter", category="bio"), "reply.incomplete_details", "dropped"),
        (Finished(reason="content_filter", explanation="No."), "reply.output", "approximated"),
    ],
)
def test_endings_that_the_api_cannot_tell_are_noted(
    finished: Finished, path: str, verdict: str
) -> None:
    loss = Loss("responses")
    writer = StreamWriter(Conversation(api="responses", model="m"), loss)
    writer.write([Started(id="x", model="m"), finished])
    assert [(entry.path, entry.verdict) for entry in loss.entries] == [(path, verdict)]


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
ANNOTATIONS = st.builds(
    lambda start, length, title: {
        "type": "url_citation",
        "start_index": start,
        "end_index": start + length,
        "url": "https://a.test",
        "title": title,
    },
    st.integers(0, 9),
    st.integers(0, 9),
    st.text(max_size=5),
)
LOGPROBS = st.builds(
    lambda token, logprob: {"token": token, "logprob": logprob, "bytes": [1], "top_logprobs": []},
    st.text(max_size=3),
    st.integers(-9, 0),
)
PARTS = st.one_of(
    st.builds(
        lambda text, annotations, logprobs, starts, phase: ReplyPart(
            kind="text",
            text=text,
            starts_message=starts,
            phase=phase,
            logprobs=logprobs or None,
            annotations=[
                Annotation(
                    kind="url",
                    start=native["start_index"],
                    end=native["end_index"],
                    url=native["url"],
                    title=native["title"],
                    native=native,
                )
                for native in annotations
            ],
        ),
        TEXTS,
        st.lists(ANNOTATIONS, max_size=3),
        st.lists(LOGPROBS, max_size=2),
        st.booleans(),
        st.sampled_from(["commentary", "final_answer"]),
    ),
    st.builds(lambda text: ReplyPart(kind="refusal", text=text, phase="final_answer"), TEXTS),
    st.builds(
        lambda queries: ReplyPart(
            kind="web_search",
            search=Search(queries=queries, sources=[{"url": "https://a.test", "title": ""}]),
        ),
        st.lists(TEXTS, min_size=1, max_size=2),
    ),
)


def comparable(parts: list[ReplyPart]) -> list[tuple[object, ...]]:
    return [
        (part.kind, part.text, part.phase, part.annotations, part.logprobs, part.search)
        for part in parts
    ]


@given(st.lists(PARTS, max_size=5), st.integers(1, 40))
def test_what_is_written_is_read_back_at_any_chunking(parts: list[ReplyPart], size: int) -> None:
    asked = Conversation(
        api="responses", model="m", body={"include": ["web_search_call.action.sources"]}
    )
    events = reply(*parts, usage=Usage(input=1, output=2))
    writer = StreamWriter(asked, Loss("responses"))
    data = writer.write(events)
    assert check_responses(data) == "finished"
    again = fold(read(StreamReader(translation()), data, size))
    assert comparable(again.parts) == comparable(parts)
    full = fold(read_reply(write_reply(fold(events), asked, Loss("responses")), translation()))
    assert comparable(full.parts) == comparable(parts)
