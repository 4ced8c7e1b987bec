"""Three client APIs by three upstream APIs by all that conversations are made of.

Every exchange goes through an official SDK, streamed ones through its accumulator, and is checked
at both ends: what the upstream was asked means what the client asked, what the client got is what
the upstream answered, and every stream obeys its API's rules to the letter. Golden streams come at
every chunking. How things fail: test_errors.py, test_truncation.py.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import pytest
from support.asks import READERS, Ask, Image, Tool, ToolResult, assistant, user
from support.dialects import PATHS, Clients, expected
from support.pairs import (
    GOLDEN,
    GOLDEN_ANSWERS,
    GOLDEN_TOOLS,
    PAIRS,
    PLAIN_AND_STREAM,
    model_of,
    reply_to,
    told_model,
)
from support.streams import PLAIN, Answer, Api, ToolCall
from support.upstream import Framing, Upstream, cut, json_reply, sse_reply
from support.validators import check

PIXEL = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
WEATHER = Tool("get_weather", "Weather of a city", ("city",))
NOW = Tool("now", "Time of day")
OSLO = ToolCall("call_a1", "get_weather", '{"city": "Oslo"}')
ROME = ToolCall(
    "call_b2",
    "get_weather",
    '{"city": "R\\u00f3m\\" \\\\", "n": 123456789012345678901234567890, "x": 1.0}',
)
CLOCK = ToolCall("call_c3", "now", "{}")

ODD = '\n\t "quoted" C:\\dir — 日本 😀 é \x7f\u2028 '
LONG = "".join(f"{number}. {ODD}" for number in range(200))
"""Several of it make a request long, of whose history most stays JSON on its way."""


@dataclass(frozen=True)
class Scenario:
    ask: Ask
    answer: Answer


SCENARIOS = {
    "text": Scenario(Ask((user("Hello"),)), Answer("Good day to you — 日本 😀.")),
    "turns": Scenario(
        Ask((user("My name is Alice."), assistant("Hello Alice."), user("Who", " am I?"))),
        Answer("Alice.\n\nOf course,  Alice."),
    ),
    "system": Scenario(Ask((user("Hello"),), system="Answer in Latin."), Answer("Salve!")),
    "one tool": Scenario(
        Ask((user("Weather in Oslo?"),), tools=(WEATHER, NOW), tool_choice="get_weather"),
        Answer(tool_calls=(OSLO,)),
    ),
    "parallel tools": Scenario(
        Ask((user("Compare Oslo and Rome."),), tools=(WEATHER, NOW), tool_choice="required"),
        Answer("Let me look.", tool_calls=(OSLO, ROME, CLOCK)),
    ),
    "tool results": Scenario(
        Ask(
            (
                user("Compare Oslo and Rome."),
                assistant("Let me look.", OSLO, ROME),
                user(ToolResult(OSLO.id, "rain"), ToolResult(ROME.id, '{"sun": true}')),
            ),
            tools=(WEATHER, NOW),
        ),
        Answer("Rome is nicer."),
    ),
    "thinking": Scenario(
        Ask((user("What is 2+2?"),), effort="medium"),
        Answer("It is 4.", thinking="Two and two make four."),
    ),
    "thinking and tools": Scenario(
        Ask((user("Weather in Oslo?"),), tools=(WEATHER,), effort="low"),
        Answer("Let me look.", thinking="They want the weather.", tool_calls=(OSLO,)),
    ),
    "image": Scenario(
        Ask((user("Compare", Image(PIXEL), Image("https://images.example/cat.png")),)),
        Answer("One is a cat."),
    ),
    "long history": Scenario(
        Ask(
            (
                user(LONG, f"Compare {LONG}"),
                assistant(f"Let me look. {LONG}", OSLO, ROME),
                user(ToolResult(OSLO.id, f"rain {LONG}"), ToolResult(ROME.id, LONG)),
                assistant(f"日本 {LONG}"),
                user(f"{LONG} And now?"),
            ),
            system=LONG,
            tools=(WEATHER, NOW),
        ),
        Answer("Rome is nicer."),
    ),
    "limit": Scenario(Ask((user("Tell me all"),), cap=1024), Answer("It began", at_limit=True)),
}


@PAIRS
@PLAIN_AND_STREAM
@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=list(SCENARIOS))
def test_exchange(
    upstream: Upstream,
    clients: Clients,
    client_api: Api,
    upstream_api: Api,
    scenario: Scenario,
    stream: bool,
) -> None:
    upstream.script(lambda request: reply_to(request, upstream_api, scenario.answer))

    got = clients.ask(client_api, model_of(upstream_api), scenario.ask, stream=stream)

    (request,) = upstream.requests
    assert request.path == PATHS[upstream_api]
    assert request.json["model"] == model_of(upstream_api)
    assert bool(request.json.get("stream")) == stream
    assert READERS[upstream_api](request.json) == scenario.ask
    told = told_model(client_api, upstream_api, scenario.answer)
    assert got == expected(scenario.answer, told)
    if stream:
        ending = check(client_api, bytes(clients.recorder.body), usage_asked=True)
        assert ending == ("incomplete" if scenario.answer.at_limit else "finished")
    assert clients.recorder.headers["x-gateway-provider"] == f"only-{upstream_api}"


@PAIRS
@pytest.mark.parametrize("framing", ["chunked", "close"])
@pytest.mark.parametrize(
    "size", [1, 7, random.Random(20_260_101), None], ids=["1", "7", "random", "whole"]
)
def test_golden_stream(
    upstream: Upstream,
    clients: Clients,
    client_api: Api,
    upstream_api: Api,
    size: int | random.Random | None,
    framing: Framing,
) -> None:
    pieces = cut(GOLDEN[upstream_api], size)
    upstream.script(sse_reply(pieces, framing))

    ask = Ask((user("Weather in Oslo?"),), tools=GOLDEN_TOOLS)
    got = clients.ask(client_api, model_of(upstream_api), ask, stream=True)

    answer = GOLDEN_ANSWERS[upstream_api]
    assert got == expected(answer, told_model(client_api, upstream_api, answer))
    raw = bytes(clients.recorder.body)
    assert check(client_api, raw, usage_asked=True) == "finished"
    if client_api == upstream_api:
        assert raw == GOLDEN[upstream_api]


@PAIRS
def test_full_reply_to_a_streamed_request_becomes_a_stream(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api
) -> None:
    scenario = SCENARIOS["thinking and tools"]
    upstream.script(json_reply(PLAIN[upstream_api](scenario.answer)))

    got = clients.ask(client_api, model_of(upstream_api), scenario.ask, stream=True)

    assert replace(got, model="") == replace(expected(scenario.answer), model="")
    raw = bytes(clients.recorder.body)
    assert check(client_api, raw, usage_asked=True) == "finished"


@PAIRS
def test_golden_stream_with_crlf_and_comments(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api
) -> None:
    golden = GOLDEN[upstream_api].replace(b"\n\n", b"\n: comment\n\n").replace(b"\n", b"\r\n")
    upstream.script(sse_reply(cut(golden, 5)))

    ask = Ask((user("Weather in Oslo?"),), tools=GOLDEN_TOOLS)
    got = clients.ask(client_api, model_of(upstream_api), ask, stream=True)

    answer = GOLDEN_ANSWERS[upstream_api]
    assert got == expected(answer, told_model(client_api, upstream_api, answer))
