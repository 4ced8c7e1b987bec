"""What replies tell of their usage, and the ears that listen for it."""

from __future__ import annotations

import json

import pytest
from support.streams import PLAIN, STREAMED, Answer, Api
from support.streams import Usage as Told

from wsgi_gateway.protocols.events import Usage
from wsgi_gateway.protocols.reply_usage import (
    asking_for_usage,
    counted_tap,
    lacks_usage,
    usage_of,
)

APIS: tuple[Api, ...] = ("chat_completions", "messages", "responses")
ANSWER = Answer("Hello you there", usage=Told(30, 10, 5, 20, 8))


@pytest.mark.parametrize("api", APIS)
def test_full_replies(api: Api) -> None:
    usage = usage_of(api, PLAIN[api](ANSWER))
    assert usage is not None
    assert (usage.input, usage.output, usage.cache_read) == (30, 20, 10)
    for odd in ({}, {"usage": None}, {"usage": {}}, {"usage": "much"}, {"usage": [1]}):
        assert usage_of(api, odd) is None
    assert usage_of(api, {"usage": {"unknown": 1}}) == Usage(
        cache_read=0, cache_write=0, reasoning=None
    )


def test_who_asks_for_usage() -> None:
    asked = {"stream_options": {"include_usage": True}}
    assert not lacks_usage("chat_completions", asked)
    for body in ({}, {"stream_options": None}, {"stream_options": {"include_usage": False}}):
        assert lacks_usage("chat_completions", body)
        assert not lacks_usage("messages", body)
        assert not lacks_usage("responses", body)


def test_all_else_in_a_request_stays_as_it_is() -> None:
    body = b'{"model":"m", "n": 1.50, "messages": [{"a":1e3}],"stream_options":{"x":1}}'
    changed = asking_for_usage(body, {"x": 1})
    assert b'"n":1.50' in changed
    assert b'[{"a":1e3}]' in changed
    assert json.loads(changed)["stream_options"] == {"x": 1, "include_usage": True}
    assert json.loads(asking_for_usage(b"{}", "odd")) == {"stream_options": {"include_usage": True}}


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("api", APIS)
def test_an_ear_counts_and_changes_nothing(api: Api, size: int) -> None:
    data = STREAMED[api](ANSWER).encode()
    tap = counted_tap(api, hides_usage=False)
    passed = b"".join(tap.feed(data[at : at + size]) for at in range(0, len(data), size))
    assert passed + tap.finish() == data
    assert tap.usage is not None
    assert (tap.usage.input, tap.usage.output, tap.ended) == (30, 20, True)
    assert tap.events == data.count(b"\n\n")


@pytest.mark.parametrize("size", [1, 50, 100_000])
def test_usage_that_nobody_asked_for_is_hidden(size: int) -> None:
    data = STREAMED["chat_completions"](ANSWER).encode()
    tap = counted_tap("chat_completions", hides_usage=True)
    passed = b"".join(tap.feed(data[at : at + size]) for at in range(0, len(data), size))
    events = data.split(b"\n\n")
    (hidden,) = (event for event in events if b'"choices":[]' in event)
    kept = [event for event in events if event != hidden]
    read = [json.loads(each[6:]) for each in kept if each.startswith(b"data: {")]
    told = [json.loads(each[6:]) for each in passed.split(b"\n\n") if each.startswith(b"data: {")]
    assert told == read
    assert passed.endswith(b"data: [DONE]\n\n")
    assert tap.usage is not None
    assert tap.usage.output == 20


def test_what_tells_more_than_usage_is_not_hidden() -> None:
    tap = counted_tap("chat_completions", hides_usage=True)
    events = [
        b'data: {"choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"prompt_tokens":1}}\n\n',
        b'data: {"choices":[],"usage":null}\n\n',
        b'data: {"choices":[],"prompt_filter_results":[]}\n\n',
        b'data: {"error":{"message":"x"},"usage":{"prompt_tokens":1}}\n\n',
        b'data: "usage"\n\n',
    ]
    for event in events:
        assert tap.feed(event) == event
