"""Edge cases 19 to 36 of the protocols digest: what hosts of Chat Completions make of it.

Here: an odd reply in, through a reader and a writer, the client's bytes out, and what the official SDK makes of
them. Not here: replies of Messages and toward Responses (test_more_replies.py), odd bytes (test_sse.py).
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.pairs import GOLDEN
from support.streams import Api, Json, ToolCall, Usage, chat_usage, frame
from support.translated import data_of, full, got, heard, streamed, written
from support.validators import check

from wsgi_gateway.protocols.table import PROTOCOLS

FROM_CHAT = pytest.mark.parametrize("client_api", ["messages", "responses"])
DONE = "data: [DONE]\n\n"
USAGE = Usage(30, 10, 5, 20, 8)


def chunk(delta: Json | None = None, finish: str | None = None, **more: Any) -> str:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "odd"}
    return frame({**head, "choices": [choice], **more})


def calls(*fragments: Json) -> Json:
    return {"tool_calls": list(fragments)}


def opening(index: int | None = 0, arguments: Any = "", number: int = 1, **more: Any) -> Json:
    """The first fragment of call c1 or c2 of the tool look."""
    function = {"name": "look", "arguments": arguments}
    call: Json = {"id": f"c{number}", "type": "function", "function": function, **more}
    return call if index is None else {"index": index, **call}


def more(arguments: str, index: int = 0, **function: Any) -> Json:
    return {"index": index, "function": {"arguments": arguments, **function}}


def completion(message: Json, finish: str) -> Json:
    return {"id": "c1", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}


def called(client_api: Api, *deltas: Json, finish: str = "tool_calls") -> tuple[ToolCall, ...]:
    """The calls that these deltas make, toward one client."""
    answer = got(
        client_api, "chat_completions", "".join(map(chunk, deltas)) + chunk({}, finish) + DONE
    )
    assert answer.finish == "tool_calls"
    return answer.tool_calls


def called_in_full(client_api: Api, *given: Json) -> list[tuple[str, str]]:
    """Name and arguments of each call of a full reply."""
    body = full(client_api, "chat_completions", completion(calls(*given), "tool_calls"))
    if client_api == "messages":
        return [(block["name"], json.dumps(block["input"])) for block in body["content"]]
    return [(item["name"], item["arguments"]) for item in body["output"]]


NORTH = ToolCall("c1", "look", '{"at": "north"}')
SOUTH = ToolCall("c2", "look", '{"at": "south"}')


@FROM_CHAT
@pytest.mark.parametrize("arguments", ["", None, "absent"], ids=repr)
def test_case_19_no_arguments_are_an_empty_object(client_api: Api, arguments: Any) -> None:
    call = opening(0, arguments)
    if arguments == "absent":
        del call["function"]["arguments"]

    assert called(client_api, calls(call)) == (ToolCall("c1", "look", "{}"),)
    assert called_in_full(client_api, call) == [("look", "{}")]


@FROM_CHAT
def test_case_19_blank_arguments_are_an_empty_object(client_api: Api) -> None:
    assert called(client_api, calls(opening(0, " "))) == (ToolCall("c1", "look", "{}"),)


@FROM_CHAT
def test_case_20_arguments_that_are_an_object_become_text(client_api: Api) -> None:
    call = opening(0, {"at": "north"})

    assert called(client_api, calls(call)) == (NORTH,)
    ((_, arguments),) = called_in_full(client_api, call)
    assert json.loads(arguments) == {"at": "north"}


INTERLEAVED = [
    calls(opening(0), opening(1, number=2)),
    calls(more('{"at": ', 0), more('{"at": ', 1)),
    calls(more('"south"}', 1)),
    calls(more('"north"}', 0)),
]


@FROM_CHAT
def test_case_21_interleaved_calls_are_told_apart(client_api: Api) -> None:
    assert called(client_api, *INTERLEAVED) == (NORTH, SOUTH)


def test_case_21_they_are_parallel_items_of_a_response() -> None:
    stream = "".join(map(chunk, INTERLEAVED)) + chunk({}, "tool_calls") + DONE
    kinds = [
        (event["type"].rpartition(".")[2], event["output_index"])
        for event in data_of(streamed("responses", "chat_completions", stream))
        if "arguments" in event["type"]
    ]

    assert kinds.index(("delta", 1)) < kinds.index(("done", 0))


@FROM_CHAT
def test_case_22_whole_calls_in_one_chunk(client_api: Api) -> None:
    both = calls(opening(0, NORTH.arguments), opening(1, SOUTH.arguments, 2))

    assert called(client_api, both) == (NORTH, SOUTH)
    assert called(client_api, *(calls(call) for call in both["tool_calls"])) == (NORTH, SOUTH)


@FROM_CHAT
@pytest.mark.parametrize("missing", [None, ""], ids=repr)
def test_case_23_a_missing_id_is_made_up_once(client_api: Api, missing: Any) -> None:
    begun = [opening(0, id=missing), opening(1, number=2, id=missing)]
    first, second = called(client_api, calls(*begun), calls(more("{}", 0)), calls(more("{}", 1)))

    assert first.id and second.id and first.id != second.id
    assert first.arguments == second.arguments == "{}"


@FROM_CHAT
def test_case_23_a_repeated_id_starts_no_call(client_api: Api) -> None:
    begun, ended = NORTH.arguments[:5], NORTH.arguments[5:]
    for index in (0, None):
        pieces = [calls(opening(index, begun)), calls(opening(index, ended))]
        del pieces[1]["tool_calls"][0]["function"]["name"]
        assert called(client_api, *pieces) == (NORTH,)


@FROM_CHAT
@pytest.mark.parametrize("indexes", [(None, None), (1, 2), (0, 5), (3, 1)], ids=repr)
def test_case_24_indexes_are_counted_anew(client_api: Api, indexes: tuple[int | None, ...]) -> None:
    first, second = indexes
    whole = (calls(opening(first, NORTH.arguments)), calls(opening(second, SOUTH.arguments, 2)))

    assert called(client_api, *whole) == (NORTH, SOUTH)


@FROM_CHAT
def test_case_25_a_name_may_come_late_and_more_than_once(client_api: Api) -> None:
    unnamed: Json = {"index": 0, "id": "c1", "type": "function", "function": {"arguments": '{"at"'}}
    late = [calls(unnamed), calls(more(": ", 0)), calls(more('"north"}', 0, name="look"))]
    repeated = [calls(opening(0, '{"at": ')), calls(more('"north"}', 0, name="look"))]

    assert called(client_api, *late) == (NORTH,)
    assert called(client_api, *repeated) == (NORTH,)


NULLS: Json = {
    "index": 0,
    "id": None,
    "type": None,
    "function": {"name": None, "arguments": '"north"}'},
}
WITH_NULLS = [calls(opening(0, '{"at": ')), {"content": None, **calls(NULLS)}]


@FROM_CHAT
def test_case_26_nulls_of_continuations_are_no_values(client_api: Api) -> None:
    assert called(client_api, *WITH_NULLS) == (NORTH,)


def test_case_26_nulls_do_not_pass_through() -> None:
    tap = PROTOCOLS["chat_completions"].tap()
    stream = "".join(map(chunk, WITH_NULLS)) + chunk({}, "tool_calls") + DONE

    assert b'"type":null' not in tap.feed(stream.encode()) + tap.finish()


@FROM_CHAT
def test_case_27_usage_behind_the_finish_is_told(client_api: Api) -> None:
    last = frame({"id": "c1", "choices": [], "usage": chat_usage(USAGE)})
    stream = chunk({"content": "Hi"}) + chunk({}, "stop") + last + DONE

    assert got(client_api, "chat_completions", stream).usage == USAGE


@pytest.mark.parametrize("upstream_api", ["messages", "responses"])
@pytest.mark.parametrize("asked", [True, False])
def test_case_27_usage_is_the_last_chunk_and_only_where_asked_for(
    upstream_api: Api, asked: bool
) -> None:
    events = heard(upstream_api, GOLDEN[upstream_api])
    out = written("chat_completions", events, include_usage=asked)

    assert check("chat_completions", out, usage_asked=asked) == "finished"
    assert (data_of(out)[-1]["choices"] == []) is asked
    assert (b"prompt_tokens" in out) is asked


@FROM_CHAT
@pytest.mark.parametrize("where", ["in the finish chunk", "in every chunk"])
def test_case_28_the_last_usage_wins_and_is_told_once(client_api: Api, where: str) -> None:
    early = {"usage": chat_usage(Usage(1, 0, 0, 1, 0))} if where == "in every chunk" else {}
    stream = chunk({"content": "Hi"}, **early) + chunk({}, "stop", usage=chat_usage(USAGE)) + DONE
    out = streamed(client_api, "chat_completions", stream)

    assert got(client_api, "chat_completions", stream).usage == USAGE
    assert out.count(b'"output_tokens":20') == 1


@FROM_CHAT
def test_case_29_a_missing_finish_reason_is_inferred_at_the_end_mark_only(client_api: Api) -> None:
    text, call = chunk({"content": "Hi"}), chunk(calls(opening(0, "{}")))

    assert got(client_api, "chat_completions", text + DONE).finish == "stop"
    assert got(client_api, "chat_completions", text + call + DONE).finish == "tool_calls"
    for cut in (text, text + call):
        assert check(client_api, streamed(client_api, "chat_completions", cut)) == "failed"


@FROM_CHAT
def test_case_30_stop_with_calls_is_tool_calls(client_api: Api) -> None:
    assert called(client_api, calls(opening(0, NORTH.arguments)), finish="stop") == (NORTH,)
    body = full(client_api, "chat_completions", completion(calls(opening(0, "{}")), "stop"))
    assert (body.get("stop_reason"), body.get("status")) in {
        ("tool_use", None),
        (None, "completed"),
    }


@FROM_CHAT
def test_case_31_a_filter_chunk_is_skipped(client_api: Api) -> None:
    first = frame(
        {"id": "", "object": "", "model": "", "choices": [], "prompt_filter_results": [{}]}
    )
    answer = got(client_api, "chat_completions", first + chunk({"content": "Hi"}, "stop") + DONE)

    assert (answer.text, answer.finish) == ("Hi", "stop")


REFUSED: Json = {"role": "assistant", "content": None, "refusal": "I cannot."}


def test_case_32_a_refusal_toward_messages() -> None:
    stream = chunk(REFUSED) + chunk({}, "stop") + DONE
    *_, finish, _ = data_of(streamed("messages", "chat_completions", stream))
    body = full("messages", "chat_completions", completion(REFUSED, "stop"))

    assert finish["delta"]["stop_reason"] == body["stop_reason"] == "refusal"
    assert body["content"] == [{"type": "text", "text": "I cannot."}]
    assert check("messages", streamed("messages", "chat_completions", stream)) == "incomplete"


def test_case_32_a_refusal_toward_responses() -> None:
    stream = chunk(REFUSED) + chunk({}, "stop") + DONE
    *_, last = data_of(streamed("responses", "chat_completions", stream))
    body = full("responses", "chat_completions", completion(REFUSED, "stop"))

    for response in (last["response"], body):
        assert response["status"] == "completed"
        assert response["output"][0]["content"] == [{"type": "refusal", "refusal": "I cannot."}]


@FROM_CHAT
@pytest.mark.parametrize("role", ["assistant", "", None, "absent"], ids=repr)
def test_case_33_a_role_in_every_delta_or_in_none(client_api: Api, role: Any) -> None:
    roles = {} if role == "absent" else {"role": role}
    stream = "".join(chunk({**roles, "content": word}) for word in ("Hi ", "you")) + DONE
    out = streamed(client_api, "chat_completions", stream)

    assert got(client_api, "chat_completions", stream).text == "Hi you"
    start = {"messages": b'"message_start"', "responses": b'"response.output_item.added"'}[
        client_api
    ]
    assert out.count(b'"type":' + start) == 1
    assert b'"role":"assistant"' in out and b"assistantassistant" not in out


@FROM_CHAT
def test_case_34_text_beside_the_finish_is_told_before_it(client_api: Api) -> None:
    answer = got(client_api, "chat_completions", chunk({"content": "Hi"}, "length") + DONE)

    assert (answer.text, answer.finish) == ("Hi", "length")


THOUGHTS: dict[str, Json] = {
    "reasoning_content": {"reasoning_content": "Hmm."},
    "reasoning": {"reasoning": "Hmm."},
    "details with text": {"reasoning_details": [{"type": "reasoning.text", "text": "Hmm."}]},
    "details with a summary": {
        "reasoning_details": [{"type": "reasoning.summary", "summary": "Hmm."}]
    },
    "all at once": {
        "reasoning_content": "Hmm.",
        "reasoning": "Hmm.",
        "reasoning_details": [{"type": "reasoning.text", "text": "Hmm."}],
    },
}


@FROM_CHAT
@pytest.mark.parametrize("thought", THOUGHTS.values(), ids=list(THOUGHTS))
def test_case_35_all_names_of_reasoning_mean_the_same(client_api: Api, thought: Json) -> None:
    answer = got(
        client_api, "chat_completions", chunk(thought) + chunk({"content": "Hi"}, "stop") + DONE
    )
    body = full(client_api, "chat_completions", completion({**thought, "content": "Hi"}, "stop"))

    assert (answer.thinking, answer.text) == ("Hmm.", "Hi")
    first = (body.get("content") or body["output"])[0]
    assert "Hmm." in {first.get("thinking"), *(part["text"] for part in first.get("summary", []))}


@FROM_CHAT
def test_case_36_obfuscation_is_dropped(client_api: Api) -> None:
    stream = chunk({"content": "Hi", "obfuscation": "x9Kq2"}, "stop", obfuscation="x9Kq2") + DONE

    assert got(client_api, "chat_completions", stream).text == "Hi"
    assert b"x9Kq2" not in streamed(client_api, "chat_completions", stream)
