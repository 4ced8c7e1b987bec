"""Edge cases 52 to 55 and 58 to 61 of the protocols digest: replies of Messages, replies toward Responses, odd JSON.

Here: an odd reply in, through a reader and a writer, the client's bytes out; for case 61 requests too. Not here:
replies of Chat Completions hosts (test_replies.py), other requests (test_requests.py).
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.events import translation
from support.pairs import GOLDEN, TRANSLATED
from support.streams import (
    STREAMED,
    Answer,
    Api,
    Json,
    ToolCall,
    frame,
    message_events,
    named,
)
from support.translated import Told, data_of, full, got, streamed
from support.validators import check

from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.table import PROTOCOLS

FROM_MESSAGES = pytest.mark.parametrize("client_api", ["chat_completions", "responses"])


# --- Messages upstreams


def replaced(answer: Answer, kind: str, *instead: Json) -> str:
    """The stream of an answer, with other events in place of those of a kind."""
    events: list[Json] = []
    for event in message_events(answer):
        events += instead if event["type"] == kind else [event]
    return named(events)


def finish(reason: str, output_tokens: int = 20, **more: Any) -> Json:
    delta = {"stop_reason": reason, "stop_sequence": None, **more}
    return {"type": "message_delta", "delta": delta, "usage": {"output_tokens": output_tokens}}


@FROM_MESSAGES
def test_case_52_what_is_late_or_unknown_is_passed_over(client_api: Api) -> None:
    at: Json = {"type": "content_block_delta", "index": 0}
    odd = [
        {"type": "content_block_stop", "index": 0},
        {**at, "delta": {"type": "text_delta", "text": "late"}},
        {**at, "delta": {"type": "delta_of_2031", "text": "odd"}},
        {"type": "event_of_2031", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "block_of_2031"}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "odd"}},
        {"type": "content_block_stop", "index": 1},
        {"type": "content_block_stop", "index": 7},
    ]
    answer = got(client_api, "messages", replaced(Answer("Hi you"), "content_block_stop", *odd))

    assert (answer.text, answer.finish) == ("Hi you", "stop")


@FROM_MESSAGES
@pytest.mark.parametrize("first", [{}, {"usage": {"output_tokens": 1}}], ids=["without", "with"])
def test_case_53_the_last_message_delta_wins(client_api: Api, first: Json) -> None:
    early = {**finish("end_turn"), "usage": None, **first}
    stream = replaced(Answer("Hi"), "message_delta", early, finish("max_tokens", 77))
    answer = got(client_api, "messages", stream)

    assert (answer.finish, answer.usage.output) == ("length", 77)


REASONS: dict[str, tuple[str, tuple[str, str | None]]] = {
    "pause_turn": ("stop", ("completed", None)),
    "model_context_window_exceeded": ("length", ("incomplete", "max_output_tokens")),
    "refusal": ("content_filter", ("incomplete", "content_filter")),
    "reason_of_2031": ("stop", ("completed", None)),
}


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("plain", [True, False], ids=["plain", "stream"])
def test_case_54_reasons(reason: str, plain: bool) -> None:
    details = {"type": "refusal", "category": "bio", "explanation": "Too dangerous."}
    more = {"stop_details": details} if reason == "refusal" else {}
    stream = replaced(Answer("Hi"), "message_delta", finish(reason, **more))
    whole = {**next(message_events(Answer()))["message"], "stop_reason": reason, **more}
    whole["content"] = [{"type": "text", "text": "Hi"}]
    if plain:
        choice = full("chat_completions", "messages", whole)["choices"][0]
        response = full("responses", "messages", whole)
        told = choice["message"]["refusal"]
    else:
        out = streamed("chat_completions", "messages", stream)
        chunks = [event["choices"][0] for event in data_of(out) if event["choices"]]
        choice = chunks[-1]
        told = "".join(piece["delta"].get("refusal") or "" for piece in chunks) or None
        response = data_of(streamed("responses", "messages", stream))[-1]["response"]

    expected, (status, why) = REASONS[reason]
    assert choice["finish_reason"] == expected
    assert response["status"] == status
    assert (response["incomplete_details"] or {}).get("reason") == why
    assert told == ("Too dangerous." if reason == "refusal" else None)
    assert ("Too dangerous." in json.dumps(response["output"])) is (reason == "refusal")


SIGNED = Answer("Hi", "Hmm.", "U0lHTkFUVVJF")


def split_signature() -> str:
    whole = f'"signature":"{SIGNED.proof}"'
    event = next(f for f in named(message_events(SIGNED)).split("\n\n") if whole in f)
    halves = [event.replace(SIGNED.proof, half) for half in (SIGNED.proof[:5], SIGNED.proof[5:])]
    return named(message_events(SIGNED)).replace(event, "\n\n".join(halves))


def test_case_55_a_signature_in_two_deltas_is_one_and_returns_whole() -> None:
    (reasoning, *_) = data_of(streamed("responses", "messages", split_signature()))[-1]["response"][
        "output"
    ]
    turn = [{"role": "user", "content": "1"}, reasoning, {"role": "assistant", "content": "Hi"}]
    asked = {"model": "m", "input": [*turn, {"role": "user", "content": "2"}]}
    conversation = PROTOCOLS["responses"].read_request(asked, Loss("responses"))
    body = PROTOCOLS["messages"].write_request(conversation, translation("responses"))

    thinking = {"type": "thinking", "thinking": "Hmm.", "signature": SIGNED.proof}
    assert body["messages"][1]["content"][0] == thinking


def test_case_55_a_split_signature_does_not_pass_through() -> None:
    tap = PROTOCOLS["messages"].tap()
    out = tap.feed(split_signature().encode()) + tap.finish()

    with Told(out).anthropic.messages.stream(model="m", max_tokens=9, messages=[]) as stream:
        assert stream.get_final_message().content[0].signature == SIGNED.proof


# --- Responses clients

KNOWN_EVENTS = {
    *(
        f"response.{name}"
        for name in ("created", "in_progress", "completed", "incomplete", "failed")
    ),
    *(
        f"response.{area}.{step}"
        for area in ("output_item", "content_part")
        for step in ("added", "done")
    ),
    *(f"response.reasoning_summary_part.{step}" for step in ("added", "done")),
    *(
        f"response.{area}.{step}"
        for area in ("output_text", "refusal", "reasoning_summary_text", "function_call_arguments")
        for step in ("delta", "done")
    ),
}


@pytest.mark.parametrize("upstream_api", ["chat_completions", "messages"])
def test_case_58_responses_begin_with_created_and_have_no_other_events(upstream_api: Api) -> None:
    ping, news = {"type": "ping"}, {"type": "event_of_2031"}
    odd = {"messages": named([ping, news]), "chat_completions": ": hi\n\n" + frame({"choices": []})}
    stream = odd[upstream_api] + GOLDEN[upstream_api].decode()
    kinds = [event["type"] for event in data_of(streamed("responses", upstream_api, stream))]

    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert set(kinds) <= KNOWN_EVENTS


@pytest.mark.parametrize("upstream_api", ["chat_completions", "messages"])
def test_case_59_ids_and_numbers_of_a_response_agree(upstream_api: Api) -> None:
    events = data_of(streamed("responses", upstream_api, GOLDEN[upstream_api]))

    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert len({event["response"]["id"] for event in events if "response" in event}) == 1
    output = events[-1]["response"]["output"]
    for step in ("added", "done"):
        items = [e for e in events if e["type"] == f"response.output_item.{step}"]
        found = {event["output_index"]: event["item"] for event in items}
        assert sorted(found) == list(range(len(output)))
        assert [found[n]["id"] for n in sorted(found)] == [item["id"] for item in output]
        assert [found[n].get("call_id") for n in sorted(found)] == [
            i.get("call_id") for i in output
        ]
    call_ids = [item["call_id"] for item in output if "call_id" in item]
    assert len(set(call_ids)) == len(call_ids) == 2


CALL = ToolCall("c1", "look", '{"at": "north"}')
CUT = '{"at": "no'


def cut_call(upstream_api: Api) -> str:
    """A call that the limit cut short in its arguments."""
    whole = STREAMED[upstream_api](Answer(tool_calls=(CALL,), at_limit=True))
    assert whole.count('rth\\"}') == 1
    return whole.replace('rth\\"}', "")


@pytest.mark.parametrize("upstream_api", ["chat_completions", "messages"])
def test_case_60_a_call_that_the_limit_cut_short_is_incomplete(upstream_api: Api) -> None:
    out = streamed("responses", upstream_api, cut_call(upstream_api))
    *_, item_done, last = data_of(out)
    (item,) = last["response"]["output"]

    assert check("responses", out) == "incomplete"
    assert last["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    assert (item["status"], item["arguments"]) == ("incomplete", '{"at": "no')
    assert item_done["item"] == item


def test_case_60_so_it_is_in_a_full_reply() -> None:
    function = {"name": "look", "arguments": CUT}
    message = {"tool_calls": [{"id": "c1", "type": "function", "function": function}]}
    choice = {"index": 0, "message": message, "finish_reason": "length"}
    response = full("responses", "chat_completions", {"id": "c", "choices": [choice]})

    (item,) = response["output"]
    assert (response["status"], item["status"]) == ("incomplete", "incomplete")
    assert item["arguments"] == CUT


# --- odd JSON

VERBATIM = '{"n": 123456789012345678901234567890, "k": 1, "k": 2, "f": 0.10, "s": "\\ud83d\\ude00"}'
NESTED = '{"a":' * 500 + "1" + "}" * 500
DEEP = '{"a":' * 2000 + "1" + "}" * 2000
"""Deeper than Python's JSON decoders go."""


@TRANSLATED
@pytest.mark.parametrize("arguments", [VERBATIM, NESTED], ids=["odd", "nested"])
def test_case_61_arguments_stream_as_they_are(
    client_api: Api, upstream_api: Api, arguments: str
) -> None:
    """Cut anywhere, also between the halves of a surrogate pair."""
    whole = STREAMED[upstream_api](Answer(tool_calls=(ToolCall("c1", "look", arguments),)))

    events = data_of(streamed(client_api, upstream_api, whole))

    assert "".join(_argument_deltas(client_api, events)) == arguments


def _argument_deltas(client_api: Api, events: list[Json]) -> list[str]:
    if client_api == "responses":
        return [event["delta"] for event in events if event["type"].endswith("arguments.delta")]
    if client_api == "messages":
        deltas = [event["delta"] for event in events if "index" in event and "delta" in event]
        return [delta["partial_json"] for delta in deltas]
    deltas = [event["choices"][0]["delta"] for event in events if event["choices"]]
    calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
    return [call["function"]["arguments"] for call in calls]


@TRANSLATED
def test_case_61_halves_of_a_pair_in_two_deltas_are_joined_or_replaced(
    client_api: Api, upstream_api: Api
) -> None:
    """Responses repeats the whole text at its end, where the halves are together."""
    stream = STREAMED[upstream_api](Answer("one@ @two"))
    first, _, second = stream.partition("@ ")
    halved = first + "\\ud83d " + second.replace("@two", "\\ude00two", 1)
    out = streamed(client_api, upstream_api, halved.replace("@", ""))

    text = out.decode()
    assert check(client_api, out, usage_asked=True) == "finished"
    assert "one\ufffd " in text and "\ufffdtwo" in text and "\\ud83d" not in text


def loop(client_api: Api, arguments: str) -> Json:
    """A request whose history has a call with these arguments."""
    if client_api == "responses":
        call = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": arguments}
        result = {"type": "function_call_output", "call_id": "c1", "output": "seen"}
        return {"model": "m", "input": [{"role": "user", "content": "Hi"}, call, result]}
    function = {"name": "look", "arguments": arguments}
    made = [{"id": "c1", "type": "function", "function": function}]
    said = [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": made}]
    said.append({"role": "tool", "tool_call_id": "c1", "content": "seen"})
    return {"model": "m", "messages": said}


def sent(client_api: Api, upstream_api: Api, body: Json) -> Json:
    conversation = PROTOCOLS[client_api].read_request(body, Loss(client_api))
    return PROTOCOLS[upstream_api].write_request(conversation, translation(client_api))


@pytest.mark.parametrize("arguments", [VERBATIM, DEEP, CUT], ids=["odd", "deep", "cut"])
def test_case_61_arguments_of_the_history_stay_as_they_are(arguments: str) -> None:
    response = sent("chat_completions", "responses", loop("chat_completions", arguments))
    completion = sent("responses", "chat_completions", loop("responses", arguments))

    assert response["input"][1]["arguments"] == arguments
    (call,) = completion["messages"][1]["tool_calls"]
    assert call["function"]["arguments"] == arguments


@FROM_MESSAGES
def test_case_61_arguments_become_an_input_byte_for_byte(client_api: Api) -> None:
    body = encode(sent(client_api, "messages", loop(client_api, VERBATIM)))

    assert b'"input":' + VERBATIM.encode() in body


@FROM_MESSAGES
@pytest.mark.parametrize("arguments", [DEEP, CUT], ids=["deep", "cut"])
def test_case_61_what_is_no_object_becomes_an_input_of_text(
    client_api: Api, arguments: str
) -> None:
    body = sent(client_api, "messages", loop(client_api, arguments))

    assert body["messages"][1]["content"][0]["input"] == {"_raw": arguments}


@pytest.mark.parametrize("upstream_api", ["chat_completions", "responses"])
def test_case_61_an_inputs_numbers_keep_their_digits(upstream_api: Api) -> None:
    number = 123456789012345678901234567890
    call = {"type": "tool_use", "id": "t1", "name": "look", "input": {"n": number}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "seen"}
    said = [("user", "Hi"), ("assistant", [call]), ("user", [result])]
    messages = [{"role": role, "content": content} for role, content in said]

    body = sent("messages", upstream_api, {"model": "m", "max_tokens": 99, "messages": messages})

    assert str(number).encode() in encode(body)
