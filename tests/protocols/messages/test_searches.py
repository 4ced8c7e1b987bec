"""Web searches of an upstream's reply, full and streamed."""

import json
from typing import Any

import pytest
from support.events import read, translation

from wsgi_gateway.protocols.events import PartEnded, Search
from wsgi_gateway.protocols.messages import StreamReader, read_reply
from wsgi_gateway.protocols.reply import Reply, ReplyPart, fold

CALL = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "ice"}}
PAGE = {
    "type": "web_search_result",
    "url": "https://a.example/x",
    "title": "A",
    "encrypted_content": "E",
    "page_age": None,
}
RESULT = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [PAGE]}
TEXT = {"type": "text", "text": "Cold."}


def stream(content: list[dict[str, Any]], reason: str) -> bytes:
    """A call's input comes in two deltas; all else with the start of its block."""
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "m", "model": "m", "content": []}}
    ]
    for index, block in enumerate(content):
        start = {**block, "input": {}} if "input" in block else block
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        if "input" in block:
            text = json.dumps(block["input"])
            for piece in (text[:4], text[4:]):
                delta = {"type": "input_json_delta", "partial_json": piece}
                events.append({"type": "content_block_delta", "index": index, "delta": delta})
        events.append({"type": "content_block_stop", "index": index})
    events.append({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {}})
    events.append({"type": "message_stop"})
    return b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events)


def replied(*content: dict[str, Any], reason: str = "end_turn") -> tuple[Reply, list[str]]:
    """The reply, the same whether full or streamed, and what was noted."""
    task = translation()
    body = {"id": "m", "model": "m", "content": list(content), "stop_reason": reason}
    full = fold(read_reply(body, translation()))
    streamed = fold(read(StreamReader(task), stream(list(content), reason), 7))
    streamed.usage = full.usage
    assert streamed == full
    return streamed, [entry.note for entry in task.loss.entries]


def test_a_call_and_its_result_are_one_part_where_the_call_was() -> None:
    reply, lost = replied(TEXT, CALL, RESULT, TEXT)
    assert reply.parts == [
        ReplyPart(kind="text", text="Cold."),
        ReplyPart(
            kind="web_search",
            id="s1",
            search=Search(queries=["ice"], sources=[{"url": "https://a.example/x", "title": "A"}]),
        ),
        ReplyPart(kind="text", text="Cold."),
    ]
    assert (reply.reason, lost) == ("stop", [])


def test_two_searches_at_once_get_their_own_results() -> None:
    second = {**CALL, "id": "s2", "input": {"query": "snow"}}
    found = {**RESULT, "tool_use_id": "s2", "content": []}
    reply, _ = replied(CALL, second, found, RESULT)
    assert [part.search for part in reply.parts] == [
        Search(queries=["ice"], sources=[{"url": "https://a.example/x", "title": "A"}]),
        Search(queries=["snow"], sources=[]),
    ]


def test_a_search_that_failed_and_one_that_was_not_waited_for() -> None:
    error = {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"}
    reply, lost = replied(CALL, {**RESULT, "content": error})
    assert reply.parts[0].search == Search(queries=["ice"], sources=[])
    assert (reply.parts[0].complete, lost) == (False, ["a web search failed"])
    reply, lost = replied(CALL, reason="pause_turn")
    assert (reply.parts[0].complete, reply.reason, lost) == (False, "pause", [])


def test_a_result_without_its_call_is_left_out() -> None:
    reply, lost = replied(RESULT, TEXT)
    assert [part.kind for part in reply.parts] == ["text"]
    assert lost == ["a result of no known search was left out"]


@pytest.mark.parametrize("given", [None, {}, {"query": 5}, {"query": ""}, {"query": "ice"}])
@pytest.mark.parametrize("content", [None, "no", [None, 5, {}], [{"url": 5, "title": None}]])
def test_odd_queries_and_results_do_not_break_the_reply(given: Any, content: Any) -> None:
    call, result = {**CALL, "input": given}, {**RESULT, "content": content}
    reader = StreamReader(translation())
    (part, _) = fold(read(reader, stream([call, result, TEXT], "end_turn"))).parts
    assert part.search is not None
    assert part.search.queries == (["ice"] if given == {"query": "ice"} else [])


def test_the_part_ends_when_its_result_is_there() -> None:
    reader = StreamReader(translation())
    events = read(reader, stream([CALL, RESULT, TEXT], "end_turn"))
    ends = [event.index for event in events if isinstance(event, PartEnded)]
    assert ends == [0, 1]
