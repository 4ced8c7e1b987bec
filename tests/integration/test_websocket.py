"""Responses over a WebSocket: turn after turn on one connection, as Open Responses has it, on every upstream API.

Here: what a turn is and what it goes on from. Not here: what ends a connection (test_websocket_endings.py), who may
open one and through what (test_websocket_ways.py).
"""

from __future__ import annotations

import json
import threading

import openai
import pytest
from support.asks import WRITERS, Ask, Tool, user
from support.dialects import Clients
from support.gateway import PROVIDER_KEY, GatewayProcess
from support.pairs import UPSTREAMS, model_of, reply_to, word_by_word
from support.sockets import PATIENCE, ask, create, error_of, events_of, opened, text_of
from support.streams import STREAMED, Answer, Api, Json, ToolCall, frames_of
from support.upstream import Reply, Request, Upstream, json_reply, sse_reply

WORDS = ("alpha", "beta", "gamma")


def echoing(upstream: Upstream, api: Api) -> None:
    """Each answer repeats all that was said so far, and has an id of its own."""

    def answer(request: Request) -> Reply:
        said = json.dumps(request.json.get("messages") or request.json["input"])
        return reply_to(request, api, Answer(said, id=f"{len(upstream.requests):024d}"))

    upstream.script(answer)


@UPSTREAMS
def test_turns_one_after_the_other(
    gateway: GatewayProcess, upstream: Upstream, upstream_api: Api
) -> None:
    upstream.script(lambda request: reply_to(request, upstream_api, Answer("One two")))
    with opened(gateway.base_url) as socket:
        for _ in range(3):
            socket.send(create(model_of(upstream_api)))
            events = list(events_of(socket))
            kinds = [event["type"] for event in events]
            assert kinds[:2] == ["response.created", "response.in_progress"]
            assert kinds[-1] == "response.completed"
            assert [event["sequence_number"] for event in events] == list(range(len(events)))
            deltas = [e["delta"] for e in events if e["type"] == "response.output_text.delta"]
            assert "".join(deltas) == text_of(events[-1]) == "One two"
    assert [request.json["stream"] for request in upstream.requests] == [True] * 3


@UPSTREAMS
def test_the_events_are_those_of_the_stream(
    gateway: GatewayProcess, clients: Clients, upstream: Upstream, upstream_api: Api
) -> None:
    answer = Answer("Words.", "A thought.", tool_calls=(ToolCall("call_1", "now"),))
    upstream.script(lambda request: reply_to(request, upstream_api, answer))
    question = Ask((user("Hi"),), tools=(Tool("now", "Time of day"),))
    model = model_of(upstream_api)
    stream = clients.raw("responses", model, question, stream=True).content

    with opened(gateway.base_url) as socket:
        fields = WRITERS["responses"](question)
        socket.send(json.dumps({"type": "response.create", "model": model, **fields}))
        told = list(events_of(socket))

    events = [json.loads(data[6:]) for data in stream.splitlines() if data.startswith(b"data: ")]
    assert [event["type"] for event in told] == [event["type"] for event in events]
    for there, here in zip(events, told, strict=True):
        here.pop("gateway", None)
        assert there.keys() == here.keys()


@UPSTREAMS
def test_each_event_is_sent_as_it_comes(
    gateway: GatewayProcess, upstream: Upstream, upstream_api: Api
) -> None:
    """The upstream sends a word only after the client has told that it has the word before."""
    spelled, seen = word_by_word(upstream_api, WORDS)
    upstream.script(spelled)

    expected = list(WORDS)
    with opened(gateway.base_url) as socket:
        socket.send(create(model_of(upstream_api)))
        for event in events_of(socket):
            if expected and expected[0] in json.dumps(event):
                seen[expected.pop(0)].set()
    assert not expected


@UPSTREAMS
@pytest.mark.parametrize("store", [False, True])
def test_the_conversation_goes_on(
    gateway: GatewayProcess, upstream: Upstream, upstream_api: Api, store: bool
) -> None:
    echoing(upstream, upstream_api)
    is_theirs = upstream_api == "responses" and store
    previous = None
    with opened(gateway.base_url) as socket:
        for word in WORDS:
            message = create(
                model_of(upstream_api), word, store=store, previous_response_id=previous
            )
            last = ask(socket, message)
            if not is_theirs:
                assert last["response"]["previous_response_id"] == previous
            if upstream_api != "responses":
                assert last["response"]["store"] is store
            before, previous = previous, last["response"]["id"]
    if is_theirs:
        assert upstream.last.json["previous_response_id"] == before
        assert "alpha" not in text_of(last)
    else:
        assert all(word in text_of(last) for word in WORDS)
        assert "previous_response_id" not in upstream.last.json


@UPSTREAMS
def test_what_is_stored_nowhere_is_known_on_its_connection_only(
    gateway: GatewayProcess, upstream: Upstream, upstream_api: Api
) -> None:
    model = model_of(upstream_api)
    echoing(upstream, upstream_api)
    with opened(gateway.base_url) as first, opened(gateway.base_url) as second:
        id_ = ask(first, create(model, "alpha", store=False))["response"]["id"]
        message = create(model, "beta", store=False, previous_response_id=id_)
        assert "alpha" in text_of(ask(first, message))
        if upstream_api == "responses":
            # Nobody here knows the id: the upstream is asked, which may know it.
            upstream.script(json_reply(not_found_at_openai(id_), 400))
        error = error_of(ask(second, message))
        assert error["code"] == "previous_response_not_found"
        assert error["param"] == "previous_response_id"
        echoing(upstream, upstream_api)
        assert text_of(ask(second, create(model, "anew", store=False)))


def not_found_at_openai(id_: str) -> Json:
    return {
        "error": {
            "message": f"Previous response with id '{id_}' not found.",
            "type": "invalid_request_error",
            "param": "previous_response_id",
            "code": "previous_response_not_found",
        }
    }


def test_what_is_stored_is_known_everywhere(
    gateway: GatewayProcess, clients: Clients, upstream: Upstream
) -> None:
    model = model_of("chat_completions")
    echoing(upstream, "chat_completions")
    over_http = clients.openai.responses.create(model=model, input="alpha")
    with opened(gateway.base_url) as socket:
        last = ask(socket, create(model, "beta", previous_response_id=over_http.id))
    with opened(gateway.base_url) as socket:
        id_ = last["response"]["id"]
        last = ask(socket, create(model, "gamma", store=False, previous_response_id=id_))
    assert all(word in text_of(last) for word in WORDS)
    again = clients.openai.responses.create(model=model, input="more", previous_response_id=id_)
    assert "beta" in again.output_text
    assert "gamma" not in again.output_text


def test_an_upstream_of_the_same_api_is_asked_to_go_on_from_what_it_stored(
    gateway: GatewayProcess, upstream: Upstream
) -> None:
    """Only what it was told not to store is told again."""
    model = model_of("responses")
    echoing(upstream, "responses")
    with opened(gateway.base_url) as socket:
        stored = ask(socket, create(model, "alpha"))["response"]["id"]
        second = ask(socket, create(model, "beta", store=False, previous_response_id=stored))
        assert upstream.last.json["previous_response_id"] == stored
        third = create(model, "gamma", store=False, previous_response_id=second["response"]["id"])
        last = ask(socket, third)
    assert upstream.last.json["previous_response_id"] == stored
    assert "beta" in text_of(last)
    assert last["response"]["previous_response_id"] == second["response"]["id"]


def test_the_conversation_moves_between_models(gateway: GatewayProcess, upstream: Upstream) -> None:
    previous = None
    with opened(gateway.base_url) as socket:
        for api, word in zip(("responses", "chat_completions", "messages"), WORDS, strict=True):
            echoing(upstream, api)  # type: ignore[arg-type]
            message = create(
                model_of(api),  # type: ignore[arg-type]
                word,
                store=False,
                previous_response_id=previous,
            )
            last = ask(socket, message)
            previous = last["response"]["id"]
    assert all(word in text_of(last) for word in WORDS)


@UPSTREAMS
@pytest.mark.parametrize("store", [False, True])
def test_a_failed_turn_takes_what_it_went_on_from(
    gateway: GatewayProcess, upstream: Upstream, upstream_api: Api, store: bool
) -> None:
    """What is stored nowhere. What is stored stays."""
    model = model_of(upstream_api)
    echoing(upstream, upstream_api)
    with opened(gateway.base_url) as socket:
        id_ = ask(socket, create(model, "alpha", store=store))["response"]["id"]
        message = create(model, "beta", store=False, previous_response_id=id_)
        upstream.script(json_reply({"error": {"message": "Out of order."}}, 500))
        error = error_of(ask(socket, message))
        assert error["message"]
        if upstream_api == "responses" and not store:
            upstream.script(json_reply(not_found_at_openai(id_), 400))
        else:
            echoing(upstream, upstream_api)
        last = ask(socket, message)
    if store:
        assert text_of(last)
    else:
        assert error_of(last)["code"] == "previous_response_not_found"
        assert last["status"] == 400


@UPSTREAMS
def test_a_tool_loop_of_ten_turns(
    gateway: GatewayProcess, upstream: Upstream, upstream_api: Api
) -> None:
    """With thinking, streamed, by the id of the turn before alone."""
    tool = Tool("get_weather", "Weather of a city", ("city",))

    def answer(request: Request) -> Reply:
        number = len(upstream.requests)
        call = ToolCall(f"call_{number}", "get_weather", f'{{"city":"City {number}"}}')
        calls = (call,) if number < 10 else ()
        return reply_to(
            request,
            upstream_api,
            Answer(
                f"Step {number}.", f"Thought {number}.", f"UFJPT0Y{number}", calls, id=f"{number}"
            ),
        )

    upstream.script(answer)
    ask_first = Ask((user("Compare."),), tools=(tool,), effort="medium")
    fields = {**WRITERS["responses"](ask_first), "model": model_of(upstream_api), "store": False}
    fields["include"] = ["reasoning.encrypted_content"]
    with opened(gateway.base_url) as socket:
        for number in range(1, 11):
            last = ask(socket, json.dumps({"type": "response.create", **fields}))
            assert last["type"] == "response.completed", last
            outputs = [
                {"type": "function_call_output", "call_id": item["call_id"], "output": f"R{number}"}
                for item in last["response"]["output"]
                if item["type"] == "function_call"
            ]
            fields |= {"previous_response_id": last["response"]["id"], "input": outputs}
    assert text_of(last) == "Step 10."
    asked = json.dumps(upstream.last.json)
    for number in range(1, 10):
        assert all(f"{word}{number}" in asked for word in ("City ", "R", "Step "))
        if upstream_api != "chat_completions":
            assert f"UFJPT0Y{number}" in asked


@UPSTREAMS
def test_a_turn_without_output_prepares_the_next(
    gateway: GatewayProcess, upstream: Upstream, upstream_api: Api
) -> None:
    echoing(upstream, upstream_api)
    model = model_of(upstream_api)
    with opened(gateway.base_url) as socket:
        socket.send(create(model, "alpha", store=False, generate=False, instructions="Be kind."))
        events = list(events_of(socket))
        assert [event["type"] for event in events] == [
            "response.created",
            "response.in_progress",
            "response.completed",
        ]
        prepared = events[-1]["response"]
        assert (prepared["output"], prepared["usage"]["total_tokens"]) == ([], 0)
        assert not upstream.requests
        message = create(model, "beta", store=False, previous_response_id=prepared["id"])
        last = ask(socket, message)
    assert "alpha" in text_of(last)
    assert "beta" in text_of(last)
    assert last["response"]["previous_response_id"] == prepared["id"]


@UPSTREAMS
def test_messages_may_come_together(
    gateway: GatewayProcess, upstream: Upstream, upstream_api: Api
) -> None:
    echoing(upstream, upstream_api)
    with opened(gateway.base_url) as socket:
        for word in WORDS:
            socket.send(create(model_of(upstream_api), word, stream_id=f"lane {word}"))
        for word in WORDS:
            events = list(events_of(socket))
            assert word in text_of(events[-1])
            assert {event["stream_id"] for event in events} == {f"lane {word}"}


@pytest.mark.parametrize("size", [1, 1000, 100_000])
def test_messages_in_pieces_and_of_any_size(
    gateway: GatewayProcess, upstream: Upstream, size: int
) -> None:
    upstream.script(lambda request: reply_to(request, "messages", Answer("Seen.")))
    text = "ä€😀" * (size * 3)
    message = create(model_of("messages"), text)
    with opened(gateway.base_url) as socket:
        assert text_of(ask(socket, message)) == "Seen."
        socket.send([message[:size], message[size : 2 * size], message[2 * size :]])
        assert text_of(list(events_of(socket))[-1]) == "Seen."
        socket.send(message.encode())  # as a binary message
        assert text_of(list(events_of(socket))[-1]) == "Seen."
    assert json.loads(upstream.last.body)["messages"][-1]["content"][0]["text"] == text


@UPSTREAMS
def test_errors_of_the_upstream(
    gateway: GatewayProcess, upstream: Upstream, upstream_api: Api
) -> None:
    message = f"Slow down, {PROVIDER_KEY}."
    body = {"error": {"message": message, "type": "rate_limit_error"}}
    upstream.script(json_reply(body, 429, {"retry-after": "7", "set-cookie": "a=b"}))
    with opened(gateway.base_url) as socket:
        event = ask(socket, create(model_of(upstream_api), stream_id="lane"))
        assert (event["type"], event["status"], event["stream_id"]) == ("error", 429, "lane")
        assert event["error"]["code"]
        assert event["error"]["headers"]["retry-after"] == "7"
        assert "set-cookie" not in event["error"]["headers"]
        assert PROVIDER_KEY not in json.dumps(event)
        upstream.script(lambda request: reply_to(request, upstream_api, Answer("Now.")))
        assert text_of(ask(socket, create(model_of(upstream_api)))) == "Now."


@UPSTREAMS
def test_a_stream_that_breaks_off(
    gateway: GatewayProcess, upstream: Upstream, upstream_api: Api
) -> None:
    frames = frames_of(STREAMED[upstream_api](Answer("one two three")))
    upstream.script(sse_reply(frames[: len(frames) // 2], broken=True))
    with opened(gateway.base_url) as socket:
        socket.send(create(model_of(upstream_api)))
        assert list(events_of(socket))[-1]["type"] in ("error", "response.failed")
        upstream.script(lambda request: reply_to(request, upstream_api, Answer("Whole.")))
        socket.send(create(model_of(upstream_api)))
        events = list(events_of(socket))
    assert events[0]["type"] == "response.created", "the turn that failed had a second end"
    assert text_of(events[-1]) == "Whole."


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        ("", "invalid_json", None),
        ("{", "invalid_json", None),
        ("[]", "invalid_json", None),
        ("\ufffe", "invalid_json", None),
        ("[" * 100_000, "invalid_json", None),
        ("{}", "unknown_message_type", "type"),
        ('{"type":"response.cancel"}', "unknown_message_type", "type"),
        ('{"type":7}', "invalid_request_error", "type"),
        (create("messages-model", stream=False), "invalid_request_error", "stream"),
        (create("messages-model", background=True), "invalid_request_error", "background"),
        (create("messages-model", stream_id=7), "invalid_request_error", "stream_id"),
        (create("messages-model", generate="no"), "invalid_request_error", "generate"),
        (create("no-such-model"), "model_not_found", "model"),
        (create("messages-model", temperature="hot"), "invalid_request_error", "temperature"),
    ],
)
def test_messages_that_are_wrong(
    gateway: GatewayProcess, upstream: Upstream, message: str, code: str, param: str | None
) -> None:
    upstream.script(lambda request: reply_to(request, "messages", Answer("Fine.")))
    with opened(gateway.base_url) as socket:
        event = ask(socket, message)
        error = error_of(event)
        assert 400 <= event["status"] < 500
        assert (error["code"], error["param"]) == (code, param)
        assert error["type"] == "invalid_request_error"
        assert not upstream.requests
        assert text_of(ask(socket, create("messages-model"))) == "Fine."


def test_who_answered_and_what_was_lost_is_told(
    gateway: GatewayProcess, upstream: Upstream
) -> None:
    """HTTP tells it in headers, a socket with a turn's first event."""
    upstream.script(lambda request: reply_to(request, "messages", Answer("Hi.")))
    with opened(gateway.base_url) as socket:
        socket.send(create("messages-model", prompt_cache_key="a"))
        first, *others = events_of(socket)
    told = first["gateway"]
    assert told["x-gateway-provider"] == "only-messages"
    assert told["x-gateway-model"] == "messages-model"
    assert told["x-gateway-request-id"].startswith("req_")
    assert "prompt_cache_key" in told["x-gateway-warning"]
    assert all("gateway" not in event for event in others)


def test_the_sdk(gateway: GatewayProcess, upstream: Upstream) -> None:
    upstream.script(lambda request: reply_to(request, "chat_completions", Answer("Hi there.")))
    client = openai.OpenAI(base_url=f"{gateway.base_url}/v1", api_key="any")
    with client.responses.connect() as connection:
        for _ in range(2):
            connection.response.create(
                model="chat_completions-model", input="Hello", store=False, stream_id="main"
            )
            deltas = ""
            for event in connection:
                if event.type == "response.output_text.delta":
                    deltas += event.delta
                if event.type == "response.completed":
                    assert event.stream_id == "main"
                    assert event.response.output_text == deltas == "Hi there."
                    break
        connection.response.create(model="no-such-model", input="Hello")
        event = connection.recv()
        assert event.type == "error"
        assert (event.status, event.error.code) == (404, "model_not_found")


def test_a_silent_upstream(gateway: GatewayProcess, upstream: Upstream) -> None:
    """Pings are answered while a turn waits."""
    go_on = threading.Event()
    frames = frames_of(STREAMED["messages"](Answer("late")))
    upstream.script(sse_reply([frames[0], go_on, *frames[1:]]))
    with opened(gateway.base_url) as socket:
        socket.send(create("messages-model"))
        events = events_of(socket)
        assert next(events)["type"] == "response.created"
        assert socket.ping().wait(PATIENCE)
        go_on.set()
        assert text_of(list(events)[-1]) == "late"
