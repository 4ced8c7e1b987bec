"""Annotations, log probabilities, searches, phases and tiers, as a client is told them; there and back."""

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
    Annotation,
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
    told = usage or Usage()
    return list(unfold(Reply(id="x", model="m", parts=list(parts), usage=told)))


def test_annotations_are_added_before_the_text_is_done_and_repeated() -> None:
    page = Annotation(kind="url", end=4, url="https://a.test", title="A")
    file = Annotation(kind="document", start=3, end=3, file_id="file_1", title="a.txt")
    events = reply(ReplyPart(kind="text", text="Oslo.", annotations=[page, file]))
    response, wire = told_to_client(events)
    kinds = [one["type"].removeprefix("response.") for one in wire]
    added = [one for one in wire if one["type"].endswith("annotation.added")]
    assert [one["annotation"] for one in added] == [URL, FILE]
    assert kinds.index("output_text.annotation.added") < kinds.index("output_text.done")
    assert response["output"][0]["content"][0]["annotations"] == [URL, FILE]


def test_citations_of_other_apis_lose_what_has_no_place() -> None:
    loss = Loss("responses")
    page = Annotation(kind="url", end=4, url="https://a.test", cited="Oslo is")
    document = Annotation(kind="document", start=0, end=4, title="a.txt")
    nowhere = Annotation(kind="url")
    part = ReplyPart(kind="text", text="Oslo.", annotations=[page, document, nowhere])
    response, _ = told_to_client(reply(part), loss)
    assert response["output"][0]["content"][0]["annotations"] == [
        {**URL, "title": ""},
        {"type": "file_citation", "file_id": "a.txt", "filename": "a.txt", "index": 4},
    ]
    assert [entry.verdict for entry in loss.entries] == ["approximated"] * 3


def test_log_probabilities_go_on() -> None:
    token = {**TOKEN, "bytes": None, "top_logprobs": [{"token": "O", "logprob": -1, "bytes": None}]}
    response, wire = told_to_client(reply(ReplyPart(kind="text", text="Oslo", logprobs=[token])))
    top = {"token": "O", "logprob": -1, "bytes": []}
    expected = [{**token, "bytes": [], "top_logprobs": [top]}]
    assert response["output"][0]["content"][0]["logprobs"] == expected
    deltas = [one["logprobs"] for one in wire if one["type"] == "response.output_text.delta"]
    assert deltas == [expected]


def test_log_probabilities_of_a_refusal_have_no_place() -> None:
    loss = Loss("responses")
    part = ReplyPart(kind="refusal", text="No.", logprobs=[TOKEN])
    told_to_client(reply(part, usage=Usage()), loss)
    assert [(entry.path, entry.verdict) for entry in loss.entries] == [
        ("reply.logprobs", "dropped")
    ]


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


@pytest.mark.parametrize("asked", ["flex", "fastest"])
def test_a_hosts_own_tier_is_not_told_to_strict_clients(asked: str) -> None:
    loss = Loss("responses")
    events = reply(ReplyPart(kind="text", text="Hi"), usage=Usage(service_tier="on_demand"))
    response, wire = told_to_client(events, loss, service_tier=asked)
    started = wire[0]["response"]["service_tier"]
    assert response["service_tier"] == started == ("flex" if asked == "flex" else "default")
    (entry,) = loss.entries
    assert (entry.path, entry.verdict) == ("reply.service_tier", "dropped")
    assert "on_demand" in entry.note


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
    page = Annotation(kind="url", url="https://a.test")
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
    writer.write([Started(id="x", model="m"), UsageReported(Usage()), finished])
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
