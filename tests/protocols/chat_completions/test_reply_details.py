"""What a host tells beside text and calls: thoughts with their proofs, citations, probabilities, tiers, reasons."""

import json
from typing import Any

import pytest
from support.chat import chat_chunk, chat_reply, chat_stream
from support.events import read, told, translation
from support.translated import data_of
from support.validators import check_messages

from wsgi_gateway.protocols import messages
from wsgi_gateway.protocols.chat_completions import StreamReader, read_reply, write_request
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import Annotation, Delta, Failed, Finished
from wsgi_gateway.protocols.reply import Reply, fold
from wsgi_gateway.protocols.translation import Translation

HI = {"role": "user", "content": "Hi"}
SIZES = pytest.mark.parametrize("size", [1, 7, None])


def heard(*deltas: dict[str, Any], size: int | None = None) -> Reply:
    return fold(read(StreamReader(translation()), chat_stream(*deltas), size))


def details(*entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"reasoning_details": list(entries), **more}


def proven(reply: Reply) -> list[Any]:
    """The proofs of kind ``details``, part by part."""
    proofs = [part.proof for part in reply.parts if part.proof is not None]
    return [json.loads(proof.value) for proof in proofs if proof.kind == "details"]


TEXT, SECRET = "reasoning.text", "reasoning.encrypted"


@SIZES
def test_details_in_pieces_are_merged_by_index(size: int | None) -> None:
    reply = heard(
        details({"type": TEXT, "index": 0, "text": "Need ", "format": "f"}, reasoning="Need "),
        details({"type": TEXT, "index": 0, "text": "weather", "format": "f"}, reasoning="weather"),
        details({"type": TEXT, "index": 0, "signature": "SIG", "format": None}),
        details({"type": SECRET, "index": 1, "data": "AA"}),
        details({"type": SECRET, "index": 1, "data": "BB"}),
        {"content": "Hi"},
        size=size,
    )
    assert told(reply) == [("reasoning", "Need weather"), ("text", "Hi")]
    assert proven(reply) == [
        [
            {
                "type": TEXT,
                "index": 0,
                "text": "Need weather",
                "signature": "SIG",
                "format": "f",
            },
            {"type": SECRET, "index": 1, "data": "AABB"},
        ]
    ]
    assert reply.parts[0].proof is not None and reply.parts[0].proof.origin == "prov"


def test_entries_without_an_index_are_merged_while_they_say_words() -> None:
    reply = heard(
        details({"type": "reasoning.summary", "summary": "a"}),
        details({"type": "reasoning.summary", "summary": "b"}),
        details({"type": SECRET, "data": "A"}, {"type": SECRET, "data": "B"}),
        details({"type": SECRET, "index": 0, "id": "x", "data": "C"}),
        details({"type": SECRET, "index": 0, "id": "y", "data": "D"}),
    )
    assert told(reply) == [("reasoning", "ab")]
    (entries,) = proven(reply)
    told_one_by_one = [entry.get("summary") or entry["data"] for entry in entries]
    assert told_one_by_one == ["ab", "A", "B", "C", "D"]


@SIZES
def test_a_proof_without_words_stands_where_it_came(size: int | None) -> None:
    call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}
    secret = {"type": SECRET, "index": 0, "data": "A"}
    reply = heard(details(secret), {"content": "Hi"}, details(secret, tool_calls=[call]), size=size)
    assert [part.kind for part in reply.parts] == ["reasoning", "text", "reasoning", "tool_call"]
    assert proven(reply) == [[secret], [secret]]
    last = heard({"content": "Hi"}, details(secret))
    assert [part.kind for part in last.parts] == ["text", "reasoning"]


def test_a_message_that_a_host_wants_something_back_with() -> None:
    reply = heard({"content": "Hi", "extra_content": {"google": {"s": "T"}}}, {"content": "!"})
    assert told(reply) == [("text", "Hi!"), ("reasoning", "")]
    proof = reply.parts[1].proof
    assert proof is not None
    assert (proof.kind, proof.value, proof.item_id) == ("call", '{"google":{"s":"T"}}', None)


@SIZES
def test_thinking_among_the_parts_of_content(size: int | None) -> None:
    """Mistral's reasoning models."""
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "closed": True}
    reply = heard(
        {"content": [thinking]},
        {"content": [{"type": "thinking", "thinking": "m"}, {"type": "text", "text": "Hi"}, 3]},
        size=size,
    )
    assert told(reply) == [("reasoning", "hmm"), ("text", "Hi")]


def citation(start: Any, end: Any, **more: Any) -> dict[str, Any]:
    cited = {"start_index": start, "end_index": end, "url": "https://x.test", "title": "X", **more}
    return {"type": "url_citation", "url_citation": cited}


@SIZES
def test_citations_count_from_the_beginning_of_their_part(size: int | None) -> None:
    call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}
    first, second = citation(0, 2), citation(3, 5, content="words")
    reply = heard(
        {"content": "Hi 😀"[:2], "annotations": [first]},
        {"tool_calls": [call]},
        {"content": "yes"},
        {"annotations": [second]},
        size=size,
    )
    assert [part.annotations for part in reply.parts] == [
        [Annotation(kind="url", start=0, end=2, url="https://x.test", title="X")],
        [],
        [
            Annotation(
                kind="url",
                start=1,
                end=3,
                url="https://x.test",
                title="X",
                cited="words",
            )
        ],
    ]


def test_citations_of_a_full_reply() -> None:
    file = {"type": "file_citation", "file_citation": {"file_id": "f", "filename": "a.pdf"}}
    message = {"content": "Hi", "annotations": [citation(0, 2), file]}
    reply = fold(read_reply(chat_reply(message), translation()))
    assert [(a.kind, a.file_id, a.title) for a in reply.parts[0].annotations] == [
        ("url", None, "X"),
        ("document", "f", "a.pdf"),
    ]


@pytest.mark.parametrize(
    "deltas",
    [
        [{"annotations": [citation(0, 1)]}],
        [{"content": "Hi", "annotations": [{"type": "news"}]}],
        [
            {"content": "Hi"},
            {"reasoning": "hm"},
            {"content": "yes", "annotations": [citation(0, 1)]},
        ],
    ],
    ids=["no text", "unknown", "of an earlier text"],
)
def test_a_citation_that_has_no_place_is_noted(deltas: list[dict[str, Any]]) -> None:
    task = translation()
    reply = fold(read(StreamReader(task), chat_stream(*deltas)))
    assert not any(part.annotations for part in reply.parts)
    assert [entry.path for entry in task.loss.entries] == ["reply.annotations"]


def token(text: str) -> dict[str, Any]:
    return {"token": text, "logprob": -0.1, "bytes": None, "top_logprobs": []}


@SIZES
def test_probabilities_go_with_their_text(size: int | None) -> None:
    stream = (
        chat_chunk({"content": ""}, logprobs={"content": [token("h")], "refusal": None})
        + chat_chunk({"content": "Hi"}, logprobs={"content": [token("i")]})
        + chat_chunk({"content": "!"}, logprobs=None)
        + chat_chunk({"refusal": "No"}, logprobs={"content": None, "refusal": [token("No")]})
    ).encode() + chat_stream()
    events = read(StreamReader(translation()), stream, size)
    assert [event for event in events if isinstance(event, Delta)] == [
        Delta(0, "Hi", [token("h"), token("i")]),
        Delta(0, "!"),
        Delta(1, "No", [token("No")]),
    ]
    message = chat_reply({"content": "Hi"}, logprobs={"content": [token("Hi")], "refusal": None})
    assert fold(read_reply(message, translation())).parts[0].logprobs == [token("Hi")]


def test_probabilities_without_text_are_noted() -> None:
    task = translation()
    read(StreamReader(task), chat_stream({"content": "Hi"}, logprobs={"content": [token("")]}))
    assert [entry.path for entry in task.loss.entries] == ["reply.logprobs"]


def test_the_tier_that_answered() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2}
    full = {**chat_reply({"content": "Hi"}), "usage": usage, "service_tier": "flex"}
    reply = fold(read_reply(full, translation()))
    assert reply.usage is not None and reply.usage.service_tier == "flex"


@pytest.mark.parametrize(
    ("finish", "reason", "lost"),
    [
        ("function_call", "stop", []),
        ("model_length", "length", []),
        ("reason_of_2031", "stop", ["reply.finish_reason"]),
    ],
)
def test_reasons(finish: str, reason: str, lost: list[str]) -> None:
    task = translation()
    events = read(StreamReader(task), chat_stream({"content": "Hi"}, finish=finish))
    assert events[-1] == Finished(reason=reason)  # type: ignore[arg-type]
    assert [entry.path for entry in task.loss.entries] == lost


def test_a_finish_of_error_is_a_failure() -> None:
    events = read(StreamReader(translation()), chat_stream({"content": "Hi"}, finish="error"))
    assert isinstance(events[-1], Failed)
    with pytest.raises(ApiError):
        fold(read_reply(chat_reply({"content": "Hi"}, "error"), translation()))


def sending_stop() -> Translation:
    task = translation()
    task.sent_stop = ["END"]
    return task


@pytest.mark.parametrize("field", ["stop_reason", "matched_stop"])
def test_a_host_that_names_the_stop_sequence_that_matched(field: str) -> None:
    """vLLM and SGLang."""
    named = chat_stream({"content": "Hi"}, **{field: "END"})
    events = read(StreamReader(sending_stop()), named)
    assert events[-1] == Finished(reason="stop_sequence", stop_sequence="END")


@pytest.mark.parametrize("field", ["stop_reason", "matched_stop"])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_messages_client_gets_the_stop_sequence_that_matched(field: str, streamed: bool) -> None:
    task = translation("messages")
    body = {"model": "m", "max_tokens": 9, "stop_sequences": ["STOP", "END"], "messages": [HI]}
    conversation = messages.read_request(body, task.loss)
    assert write_request(conversation, task)["stop"] == ["STOP", "END"]
    if streamed:
        stream = chat_stream({"content": "Hi"}, **{field: "END"})
        events = read(StreamReader(task), stream)
        written = messages.StreamWriter(conversation, task.loss).write(events)
        assert check_messages(written) == "finished"
        told = next(event["delta"] for event in data_of(written) if "usage" in event)
    else:
        events = read_reply(chat_reply({"content": "Hi"}, **{field: "END"}), task)
        told = messages.write_reply(fold(events), conversation, task.loss)
    assert (told["stop_reason"], told["stop_sequence"]) == ("stop_sequence", "END")


@pytest.mark.parametrize("value", [None, 42, "stop", ["END"]])
def test_what_is_no_stop_sequence_of_the_clients_names_none(value: object) -> None:
    events = read(StreamReader(sending_stop()), chat_stream({"content": "Hi"}, stop_reason=value))
    assert events[-1] == Finished(reason="stop")


def test_calls_end_a_reply_whatever_else_matched() -> None:
    call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}
    stream = chat_stream({"tool_calls": [call]}, stop_reason="END")
    events = read(StreamReader(sending_stop()), stream)
    assert events[-1] == Finished(reason="tool_calls")


def test_what_a_host_bends_does_no_harm() -> None:
    call = {"id": "a", "function": {"name": "f"}, "extra_content": "x"}
    message = {
        "content": "Hi",
        "annotations": "none",
        "reasoning_details": [3],
        "extra_content": [],
        "tool_calls": [call],
    }
    bent = chat_reply(message, logprobs={"content": "x", "tokens": []})
    assert told(fold(read_reply(bent, translation()))) == [
        ("text", "Hi"),
        ("tool_call", "a", "f", "{}"),
    ]


def test_spoken_output_is_noted() -> None:
    task = translation()
    read_reply(chat_reply({"content": None, "audio": {"transcript": "Hi"}}), task)
    assert [entry.path for entry in task.loss.entries] == ["reply.audio"]


def test_scores_of_a_moderation_are_noted() -> None:
    task = translation()
    scored = {**chat_reply({"content": "Hi"}), "moderation": {"input": {}}}
    assert told(fold(read_reply(scored, task))) == [("text", "Hi")]
    assert [(e.path, e.verdict) for e in task.loss.entries] == [("reply.moderation", "dropped")]
