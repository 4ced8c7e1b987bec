"""Who works on a response in the background, without a server. Not here: what clients see (tests/integration)."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from support.frames import named_events
from support.gateway import config, provider
from support.pairs import model_of, reply_to
from support.streams import Answer, chat_stream
from support.until import until
from support.upstream import Reply, Upstream, sse_reply

from wsgi_gateway import load_config
from wsgi_gateway.client_watch import NoWatch
from wsgi_gateway.exchange import background
from wsgi_gateway.exchange.call import Request
from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.side_endpoints.stored_responses import StoredResponses
from wsgi_gateway.state import Runs, StoreDown, Turn, last_event, told

HEADERS = {"authorization": "Bearer sk-client"}


@pytest.fixture
def gateway(upstream: Upstream) -> Gateway:
    source = config(provider(upstream.base_url, "chat_completions"))
    return Gateway(load_config(source, {}), keepalive=0.05)


def start(gateway: Gateway, **more: Any) -> Any:
    body = {"model": model_of("chat_completions"), "input": "Hi", "background": True, **more}
    request = Request(body=json.dumps(body).encode(), headers=HEADERS)
    return gateway.answer("responses", request)


def begun(gateway: Gateway) -> str:
    answer = start(gateway)
    assert answer.status == 200
    id_: str = json.loads(answer.body)["id"]
    return id_


def get(gateway: Gateway, id_: str) -> Any:
    answer = StoredResponses(gateway).retrieve(Request(body=b"", headers=HEADERS), id_)
    assert isinstance(answer.body, bytes)
    return json.loads(answer.body)


def hanging(upstream: Upstream) -> threading.Event:
    go_on = threading.Event()
    stream = chat_stream(Answer("one two"), usage=True).encode()
    upstream.script(sse_reply([stream[:200], go_on, stream[200:]]))
    return go_on


def test_only_so_many_at_once(upstream: Upstream) -> None:
    source = config(provider(upstream.base_url, "chat_completions"), background={"max_running": 1})
    gateway = Gateway(load_config(source, {}))
    go_on = hanging(upstream)
    first = begun(gateway)
    refused = start(gateway)
    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    go_on.set()
    until(lambda: get(gateway, first)["status"] == "completed")
    until(lambda: start(gateway).status == 200)


def test_a_worker_shows_that_it_lives_and_hears_of_an_end(
    gateway: Gateway, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "BEAT", 0.01)
    beats: list[list[str]] = []
    monkeypatch.setattr(Runs, "beat", lambda _, ids: beats.append(list(ids)))
    go_on = hanging(upstream)
    id_ = begun(gateway)
    until(lambda: len(beats) > 3)
    assert beats[-1] == [id_]
    switch = gateway.background.running[id_].switch
    assert not switch.is_stopped
    assert Runs(gateway.state_of(HEADERS)).end(id_)
    until(lambda: switch.is_stopped)
    go_on.set()
    until(lambda: gateway.background.running == {})


def test_a_gateway_that_fails_says_so(
    gateway: Gateway, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.script(lambda request: reply_to(request, "chat_completions", Answer("one")))

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(gateway.translator, "stream", fail)
    id_ = begun(gateway)
    until(lambda: get(gateway, id_)["status"] == "failed")
    assert get(gateway, id_)["error"]["message"] == "the gateway failed on this response"


def test_a_conversation_that_is_gone_does_not_keep_a_response_from_its_end(
    gateway: Gateway, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.script(lambda request: reply_to(request, "chat_completions", Answer("one")))
    keep = Turn.keep
    tries: list[object] = []

    def down_at_first(self: Turn, response: Any) -> None:
        tries.append(response)
        if len(tries) == 1:
            raise StoreDown
        keep(self, response)

    monkeypatch.setattr(Turn, "keep", down_at_first)
    monkeypatch.setattr(background, "_PAUSE", 0.0)
    id_ = begun(gateway)
    until(lambda: get(gateway, id_)["status"] == "completed")
    assert len(tries) == 2


def test_a_stream_s_log_is_bounded_but_for_its_last_event(
    gateway: Gateway, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "_MOST_LOGGED", 0)
    upstream.script(lambda request: reply_to(request, "chat_completions", Answer("one two")))
    stream = b"".join(start(gateway, stream=True).body)
    assert stream.count(b"event: ") == stream.count(b"event: response.completed\n") == 1


def test_silence_is_bridged(gateway: Gateway, upstream: Upstream) -> None:
    go_on = hanging(upstream)
    pieces = iter(start(gateway, stream=True).body)
    assert b"response.created" in next(pieces)
    while (piece := next(pieces)) != b": keepalive\n\n":
        assert b"response.completed" not in piece
    go_on.set()
    assert b"response.completed" in list(pieces)[-1]


def test_an_end_that_was_kept_but_not_logged_is_told_by_who_follows(
    gateway: Gateway, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The storage died between the two, for longer than anybody tries again."""
    log = Runs.log

    def forgetful(self: Runs, id_: str, data: bytes) -> None:
        if b"response.completed" not in data:
            log(self, id_, data)

    monkeypatch.setattr(Runs, "log", forgetful)
    monkeypatch.setattr(background, "_PACE", 0.0)
    upstream.script(lambda request: reply_to(request, "chat_completions", Answer("one two")))
    *_, before, last = named_events(b"".join(start(gateway, stream=True).body))
    assert last["type"] == "response.completed"
    assert last["sequence_number"] == before["sequence_number"] + 1
    assert last["response"]["output"][0]["content"][0]["text"] == "one two"


def test_who_follows_is_told_when_the_storage_is_gone(
    gateway: Gateway, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.script(Reply([], wait_for_peer_to_leave=True, framing="chunked"))

    def gone(*_: object) -> None:
        raise StoreDown

    answer = start(gateway, stream=True)
    monkeypatch.setattr(Runs, "logged", gone)
    (told,) = answer.body
    assert b'"code":"state_storage_unavailable"' in told


def test_what_is_deleted_while_its_end_is_kept_stays_deleted(
    gateway: Gateway, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = hanging(upstream)
    id_ = begun(gateway)
    keep = Turn.keep
    told: list[int] = []

    def deleted_first(self: Turn, response: Any) -> None:
        if response.id == id_:  # and no other test's that is still made
            asked = Request(body=b"", headers=HEADERS)
            told.append(StoredResponses(gateway).delete(asked, id_).status)
        keep(self, response)

    monkeypatch.setattr(Turn, "keep", deleted_first)
    go_on.set()
    until(lambda: gateway.background.running == {})
    assert told == [200]
    assert get(gateway, id_)["error"]["message"] == f"Response with id '{id_}' not found."


@pytest.mark.parametrize("asked", ["cancel", "delete"])
def test_a_worker_that_has_not_heard_of_an_end_yet_leaves_nothing_behind_it(
    gateway: Gateway, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    """Another worker was asked, and this one goes on until it looks."""
    monkeypatch.setattr(background, "_PACE", 0.0)
    go_on = hanging(upstream)
    start(gateway, stream=True)
    (id_,) = gateway.background.running
    runs = Runs(gateway.state_of(HEADERS))
    until(lambda: len(upstream.requests) == 1)
    assert getattr(runs, asked)(id_)
    go_on.set()
    until(lambda: gateway.background.running == {})
    if asked == "delete":
        assert not runs.has_log(id_)
        return
    asking = Request(body=b"", headers=HEADERS, query={"stream": "true"})
    told = named_events(b"".join(StoredResponses(gateway).retrieve(asking, id_).body))
    assert [event["type"] for event in told][-1] == "response.cancelled"


@pytest.mark.parametrize("after", [-1, 0, 1])
def test_a_cancellation_under_a_number_that_its_worker_took_too_is_told(
    gateway: Gateway, after: int
) -> None:
    """Who cancelled saw event 0, and the worker logged its event 1 before the cancellation's."""
    state = gateway.state_of(HEADERS)
    runs = Runs(state)
    cancelled = {"id": "resp_1", "status": "cancelled", "background": True, "output": []}
    Turn({"input": "Hi", "background": True}, state).keep(told(cancelled))
    for number, kind in enumerate(["response.created", "response.output_text.delta"]):
        event = {"type": kind, "sequence_number": number}
        runs.log("resp_1", sse.encode(encode(event), kind))
    runs.log("resp_1", last_event(cancelled, 1))
    stream = gateway.background.follow(state, "resp_1", after, NoWatch())
    events = [(event["sequence_number"], event["type"]) for event in named_events(b"".join(stream))]
    whole = [
        (0, "response.created"),
        (1, "response.output_text.delta"),
        (2, "response.cancelled"),
    ]
    assert events == ([] if after == 1 else whole[after + 1 :])
