"""What the record of a request says, whatever way the request ends. Not here: what is made of it."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from support.asks import WRITERS, Ask, user
from support.gateway import config, provider
from support.pairs import APIS, PAIRS, PLAIN_AND_STREAM, asks_usage, model_of, reply_to
from support.streams import STREAMED, Answer, Api, Usage, frames_of
from support.until import until
from support.upstream import Upstream, closed_port, json_reply, sse_reply

from wsgi_gateway import load_config
from wsgi_gateway.client_watch import ClientGone, StopSwitch
from wsgi_gateway.exchange import call as exchange
from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.side_endpoints.counting import TokenCounter
from wsgi_gateway.side_endpoints.stored_responses import StoredResponses
from wsgi_gateway.state import ConnectionState
from wsgi_gateway.telemetry.record import Observer, Record

ASK = Ask((user("Hi"),))
ANSWER = Answer("Hello you there", model="served-1", usage=Usage(40, 0, 0, 20, 0))


class Observed:
    """A gateway, and the records of what it was asked."""

    def __init__(self, source: dict[str, Any], *others: Observer) -> None:
        self.records: list[Record] = []
        observers = (*others, self.records.append)
        self.gateway = Gateway(load_config(source, {}), observers=observers)

    def ask(self, api: Api, model: str, **more: Any) -> exchange.Answer:
        headers = more.pop("headers", {})
        client = more.pop("client", None)
        body = {"model": model, **WRITERS[api](ASK), **more}
        request = exchange.Request(body=json.dumps(body).encode(), headers=headers)
        if client is not None:
            request.client = client
        return self.gateway.answer(api, request)

    def told(self, api: Api, model: str, **more: Any) -> Record:
        """The record of a request whose client takes all that it gets."""
        return self.record_of(self.ask(api, model, **more))

    def record_of(self, answer: exchange.Answer) -> Record:
        assert self.records == [], "not before the client has its bytes"
        if isinstance(answer.body, bytes):
            assert answer.on_told is not None
            answer.on_told()
        else:
            b"".join(answer.body)
            answer.body.close()  # type: ignore[attr-defined]
        (record,) = self.records
        self.records.clear()
        return record


@pytest.fixture
def observed(upstream: Upstream) -> Observed:
    return Observed(config(*(provider(upstream.base_url, api) for api in APIS)))


@PAIRS
@PLAIN_AND_STREAM
def test_a_whole_reply(
    observed: Observed, upstream: Upstream, client_api: Api, upstream_api: Api, stream: bool
) -> None:
    upstream.script(lambda request: reply_to(request, upstream_api, ANSWER))
    usage = asks_usage(client_api) if stream else {}
    headers = {"traceparent": "00-a-b-01", "tracestate": "x=1"}
    model = model_of(upstream_api)
    record = observed.told(client_api, model, stream=stream, headers=headers, **usage)
    assert (record.api, record.upstream_api, record.method) == (client_api, upstream_api, "reply")
    assert (record.asked, record.provider) == (model, f"only-{upstream_api}")
    assert record.model == f"{upstream_api}-model"
    assert record.response_model == "served-1"
    assert record.streams is stream
    assert (record.status, record.ending, record.error) == (200, "finished", None)
    assert (record.traceparent, record.tracestate) == ("00-a-b-01", "x=1")
    assert record.usage is not None
    assert (record.usage.input, record.usage.output) == (40, 20)
    (attempt,) = record.attempts
    assert (attempt.provider, attempt.status, attempt.failure) == (record.provider, 200, None)
    assert attempt.sent is not None and attempt.answered is not None and attempt.begun is not None
    assert record.begun is not None and attempt.ended is not None
    times = [record.started, attempt.began, attempt.sent, attempt.answered, attempt.begun]
    times += [record.begun, attempt.ended, record.ended]
    assert times == sorted(times)
    assert 0 < record.own_time < record.begun - record.started
    assert record.id.startswith("req_")


def test_usage_is_not_asked_for_where_nobody_else_does(
    observed: Observed, upstream: Upstream
) -> None:
    upstream.script(lambda request: reply_to(request, "chat_completions", ANSWER))
    record = observed.told("chat_completions", model_of("chat_completions"), stream=True)
    assert "stream_options" not in upstream.last.json
    assert (record.ending, record.usage) == ("finished", None)


def test_refused_before_an_upstream_was_asked(observed: Observed) -> None:
    record = observed.told("messages", "no-such-model")
    assert (record.status, record.ending, record.error) == (404, "refused", "model_not_found")
    assert (record.asked, record.provider, record.attempts) == ("no-such-model", None, [])


def test_what_the_translation_lost_is_counted(observed: Observed, upstream: Upstream) -> None:
    upstream.script(lambda request: reply_to(request, "messages", ANSWER))
    record = observed.told("chat_completions", model_of("messages"), seed=1, oddity=1)
    assert record.losses == 2
    assert record.losses == record.approximated + record.dropped


@pytest.mark.parametrize("api", APIS)
def test_the_upstream_refuses(observed: Observed, upstream: Upstream, api: Api) -> None:
    upstream.script(json_reply({"error": {"message": "no", "type": "x"}}, 400))
    record = observed.told(api, model_of("messages"))
    assert (record.status, record.ending, record.error) == (400, "failed", "invalid_request")
    assert record.upstream_status == 400
    assert [attempt.failure for attempt in record.attempts] == ["request"]


@PAIRS
def test_a_stream_that_breaks_off(
    observed: Observed, upstream: Upstream, client_api: Api, upstream_api: Api
) -> None:
    frames = frames_of(STREAMED[upstream_api](ANSWER))
    upstream.script(sse_reply(frames[:3], broken=True))
    record = observed.told(client_api, model_of(upstream_api), stream=True)
    assert (record.status, record.ending, record.error) == (200, "broke", "upstream_invalid")
    assert [attempt.failure for attempt in record.attempts] == ["broken stream"]


@pytest.mark.parametrize("upstream_api", APIS)
def test_a_client_that_leaves_a_stream(
    observed: Observed, upstream: Upstream, upstream_api: Api
) -> None:
    frames, gate = frames_of(STREAMED[upstream_api](ANSWER)), threading.Event()
    upstream.script(sse_reply([*frames[:3], gate, *frames[3:]]))
    answer = observed.ask("messages", model_of(upstream_api), stream=True)
    next(iter(answer.body))  # type: ignore[call-overload]
    answer.body.close()  # type: ignore[union-attr]
    answer.body.close()  # type: ignore[union-attr]
    gate.set()
    (record,) = observed.records
    assert (record.status, record.ending, record.error) == (200, "client_gone", None)
    assert (record.usage is not None) is (upstream_api == "messages"), "it tells input at once"


def test_a_client_that_left_before_its_answer(observed: Observed) -> None:
    class Gone(StopSwitch):
        def wait(self, call: Any) -> Any:  # noqa: ARG002
            raise ClientGone

    record = observed.told("messages", model_of("messages"), client=Gone())
    assert (record.status, record.ending, record.error) == (499, "client_gone", None)


def test_each_attempt_is_told(upstream: Upstream) -> None:
    with closed_port() as port:
        entries = [
            provider(f"http://127.0.0.1:{port}", "messages", name="dead"),
            provider(upstream.base_url, "chat_completions"),
        ]
        targets = [{"target": "dead"}, {"target": "only-chat_completions", "priority": 2}]
        aliases = {"both": {"deployments": targets}}
        source = {**config(*entries, model_aliases=aliases), "retries": {"max_retries": 1}}
        upstream.script(lambda request: reply_to(request, "chat_completions", ANSWER))
        record = Observed(source).told("messages", "both")
    assert [(one.provider, one.failure, one.status) for one in record.attempts] == [
        ("dead", "unreachable", None),
        ("only-chat_completions", None, 200),
    ]
    assert (record.ending, record.error, record.asked) == ("finished", None, "both")
    assert (record.provider, record.upstream_api) == ("only-chat_completions", "chat_completions")


def test_which_limit_refused(upstream: Upstream) -> None:
    keys = [{"id": "a", "key": "sk-0123456789abcdef", "requests": "1/h"}]
    source = config(provider(upstream.base_url, "messages"), access={"keys": keys})
    observed = Observed(source)
    upstream.script(lambda request: reply_to(request, "messages", ANSWER))
    headers = {"x-api-key": "sk-0123456789abcdef"}
    first = observed.told("messages", model_of("messages"), headers=headers)
    assert (first.ending, first.limit, first.client_id) == ("finished", None, "a")
    second = observed.told("messages", model_of("messages"), headers=headers)
    assert (second.status, second.ending, second.limit) == (429, "refused", "requests")
    stranger = observed.told("messages", model_of("messages"))
    assert (stranger.status, stranger.error, stranger.client_id) == (401, "authentication", None)


def test_a_bug_of_the_gateway_s(observed: Observed, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(observed.gateway, "_route", broken)
    record = observed.told("messages", model_of("messages"))
    assert (record.status, record.ending, record.error) == (500, "refused", "server")


def test_a_worker_that_is_cut(observed: Observed, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(observed.gateway, "send", cut)
    with pytest.raises(SystemExit):
        observed.ask("messages", model_of("messages"))
    assert [record.ending for record in observed.records] == ["cut"]


def test_a_stream_that_is_cut(observed: Observed, upstream: Upstream) -> None:
    upstream.script(lambda request: reply_to(request, "messages", ANSWER))
    answer = observed.ask("messages", model_of("messages"), stream=True)
    with pytest.raises(SystemExit):
        _serve_until_the_stop(answer)
    assert [record.ending for record in observed.records] == ["cut"]


def _serve_until_the_stop(answer: exchange.Answer) -> None:
    """As servers do it."""
    try:
        for _ in answer.body:
            raise SystemExit
    finally:
        answer.body.close()  # type: ignore[union-attr]


@pytest.mark.parametrize("stream", [False, True])
def test_a_response_in_the_background_is_over_when_its_work_is(
    observed: Observed, upstream: Upstream, stream: bool
) -> None:
    upstream.script(lambda request: reply_to(request, "messages", ANSWER))
    answer = observed.ask(
        "responses", model_of("messages"), stream=stream, background=True, store=True
    )
    assert answer.on_told is None
    until(lambda: len(observed.records) == 1)
    (record,) = observed.records
    assert (record.background, record.status, record.ending) == (True, 200, "finished")
    assert record.usage is not None
    assert record.usage.output == 20
    assert record.attempts[0].begun is not None


def test_a_response_in_the_background_that_fails(observed: Observed, upstream: Upstream) -> None:
    upstream.script(json_reply({"error": {"message": "no"}}, 500))
    observed.ask("responses", model_of("messages"), background=True, store=True)
    until(lambda: len(observed.records) == 1)
    (record,) = observed.records
    assert (record.status, record.ending, record.error) == (200, "failed", "server")


def test_questions_beside_a_reply(observed: Observed, upstream: Upstream) -> None:
    upstream.script(json_reply({"input_tokens": 7}))
    body = json.dumps({"model": model_of("messages"), **WRITERS["messages"](ASK)}).encode()
    counter = TokenCounter(observed.gateway)
    counted = observed.record_of(
        counter.answer("messages", exchange.Request(body=body, headers={}))
    )
    assert (counted.method, counted.ending, counted.usage) == ("count_tokens", "finished", None)
    stored = StoredResponses(observed.gateway)
    missing = observed.record_of(stored.retrieve(exchange.Request(body=b"", headers={}), "resp_1"))
    assert (missing.method, missing.status, missing.model) == ("stored_response", 404, None)


def test_a_known_client_is_named_whatever_was_refused() -> None:
    keys = [{"id": "a", "key": "sk-0123456789abcdef"}]
    observed = Observed(config(provider("http://none", "messages"), access={"keys": keys}))
    full = ApiError("overloaded", "no place")
    for headers, client in (
        ({"x-api-key": "sk-0123456789abcdef"}, "a"),
        ({"x-api-key": "sk-nobody-knows-this"}, None),
        ({}, None),
    ):
        record = observed.record_of(observed.gateway.refuse("messages", full, headers, ""))
        assert (record.error, record.client_id) == ("overloaded", client)


@pytest.fixture
def broken_log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.ERROR, "wsgi_gateway.exchange.recording"):
        yield caplog


def test_an_observer_that_fails_breaks_nothing(
    upstream: Upstream, broken_log: pytest.LogCaptureFixture
) -> None:
    def broken(_: Record) -> None:
        raise RuntimeError("no disk")

    upstream.script(lambda request: reply_to(request, "messages", ANSWER))
    observed = Observed(config(provider(upstream.base_url, "messages")), broken)
    for _ in range(2):
        assert observed.told("messages", model_of("messages")).ending == "finished"
    assert len(broken_log.records) == 1, "told once"


def test_without_observers_there_is_no_record(upstream: Upstream) -> None:
    upstream.script(lambda request: reply_to(request, "messages", ANSWER))
    observed = Observed(config(provider(upstream.base_url, "messages")))
    observed.gateway = Gateway(load_config(config(provider(upstream.base_url, "messages")), {}))
    answer = observed.ask("messages", model_of("messages"))
    assert (answer.status, answer.on_told) == (200, None)


def test_a_turn_on_a_websocket(observed: Observed, upstream: Upstream) -> None:
    upstream.script(lambda request: reply_to(request, "messages", ANSWER))
    body = json.dumps({"model": model_of("messages"), "input": "Hi", "stream": True}).encode()
    request = exchange.Request(body=body, headers={}, connection=ConnectionState())
    record = observed.record_of(observed.gateway.answer("responses", request))
    assert (record.websocket, record.ending, record.streams) == (True, "finished", True)


def test_what_a_compaction_on_the_way_used_is_kept_apart(
    observed: Observed, upstream: Upstream
) -> None:
    summary = Answer("Much was said.", usage=Usage(900, 0, 0, 30, 0))
    answers = iter([summary, ANSWER])
    upstream.script(lambda request: reply_to(request, "messages", next(answers)))
    said = [{"role": "user", "content": f"{number} {'word ' * 300}"} for number in range(6)]
    for number in (1, 3):
        said[number]["role"] = "assistant"
    management = [{"type": "compaction", "compact_threshold": 1000}]
    body = {"model": model_of("messages"), "input": said, "context_management": management}
    request = exchange.Request(body=json.dumps(body).encode(), headers={})
    record = observed.record_of(observed.gateway.answer("responses", request))
    assert (record.status, record.ending) == (200, "finished")
    ((_, model, used),) = record.earlier
    assert (model, used.input, used.output) == ("messages-model", 900, 30)
    assert record.usage is not None
    assert record.usage.input == 40


def test_cost_is_of_all_that_was_used_or_not_told(upstream: Upstream) -> None:
    entries = [
        provider(upstream.base_url, "messages", model=f"mine/{model}", name=model)
        for model in ("claude-sonnet-4-20250514", "nobody-s-model")
    ]
    observed = Observed(config(*entries, cost="always"))
    upstream.script(lambda request: reply_to(request, "messages", ANSWER))
    answer = observed.ask("messages", "claude-sonnet-4-20250514")
    assert answer.headers["x-gateway-cost"] == "0.00042"
    assert observed.record_of(answer).cost == 420_000
    answer = observed.ask("messages", "nobody-s-model")
    assert "x-gateway-cost" not in answer.headers
    assert observed.record_of(answer).cost is None, "which is not the same as free"
