"""A tool loop of ten turns that the client goes through by ``previous_response_id`` alone, on every storage.

On the durable ones each turn is answered by a process that has seen none of the turns before it: five workers take one
turn each, then the gateway is killed and started anew. What the upstream is shown can come from the storage only.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import GatewayFactory
from support.asks import WRITERS, Ask, Tool, user
from support.gateway import GatewayProcess, config, provider
from support.pairs import model_of, reply_to
from support.sdk import client_of
from support.streams import Answer, Api, Json, ToolCall, chat_completion, message
from support.until import until
from support.upstream import Reply, Request, Upstream

TURNS = 10
LIVES = 2
"""Of the gateway."""
SPEAKS: tuple[Api, ...] = ("chat_completions", "messages")
QUESTION = "Where is it warm?"
TOOL = Tool("get_weather", "Weather of a city", ("city",))
FIRST = {**WRITERS["responses"](Ask((user(QUESTION),), tools=(TOOL,), effort="medium"))}


def answer_of(turn: int) -> Answer:
    """What the model says: a thought, some words, and calls of one tool or of two at once, until it knows."""
    calls = (
        ToolCall(f"call_{turn}_{n}", TOOL.name, f'{{"city": "City {turn}.{n}"}}') for n in (1, 2)
    )
    return Answer(
        f"Words {turn}.",
        f"Thought {turn}.",
        f"UFJPT0Yy{turn:04d}",
        tuple(calls)[: 1 + turn % 2] if turn < TURNS else (),
        id=f"{turn:024d}",
    )


def result_of(call_id: str) -> str:
    return f"Sun at {call_id}."


def history(api: Api, turn: int) -> list[Json]:
    """What the upstream is to be shown in a turn: its own words as it said them, and the results at their calls."""
    shown: list[Json] = [{"role": "user", "content": QUESTION}]
    for said in map(answer_of, range(1, turn)):
        results = [(call.id, result_of(call.id)) for call in said.tool_calls]
        if api == "messages":
            shown.append({"role": "assistant", "content": message(said)["content"]})
            content = [
                {"type": "tool_result", "tool_use_id": id_, "content": text}
                for id_, text in results
            ]
            shown.append({"role": "user", "content": content})
        else:
            (choice,) = chat_completion(said)["choices"]
            del choice["message"]["refusal"]
            shown.append(choice["message"])
            shown += [
                {"role": "tool", "tool_call_id": id_, "content": text} for id_, text in results
            ]
    return shown


def next_answer(request: Request) -> Reply:
    """By the number of turns that the request tells of, which ``history`` checks; so both APIs may ask in turn."""
    api: Api = "messages" if request.path.endswith("/messages") else "chat_completions"
    said = [entry for entry in request.json["messages"] if entry["role"] == "assistant"]
    return reply_to(request, api, answer_of(len(said) + 1))


@pytest.fixture
def source(storage: Json, upstream: Upstream) -> Json:
    upstream.script(next_answer)
    url = upstream.base_url
    # A host whose models read their thoughts back, which OpenAI's own do not.
    chat = provider(url, "chat_completions", model=f"deepseek/{model_of('chat_completions')}")
    return config(chat, provider(url, "messages"), state_storage=storage)


def ask(gateway: GatewayProcess, api: Api, **asked: Any) -> Any:
    client = client_of(gateway)
    asked = {**FIRST, **asked, "model": model_of(api)}
    with client.responses.stream(**asked) as events:
        return events.get_final_response()


class Loop:
    """One client's way through the turns."""

    def __init__(self, api: Api, upstream: Upstream) -> None:
        self._api = api
        self._upstream = upstream
        self._next: Json = {}
        self.turn = 0

    def go_on(self, gateway: GatewayProcess) -> None:
        """Asks for the next turn; checks what the upstream was shown and what the client is told."""
        self.turn += 1
        reply = ask(gateway, self._api, **self._next)

        sent = self._upstream.last.json
        assert _plain(sent["messages"]) == history(self._api, self.turn)
        assert sent["stream"] is True
        said = answer_of(self.turn)
        assert reply.output_text == said.text
        (thought,) = (item for item in reply.output if item.type == "reasoning")
        assert said.thinking in json.dumps(thought.to_dict())
        calls = [item for item in reply.output if item.type == "function_call"]
        assert [call.call_id for call in calls] == [call.id for call in said.tool_calls]
        results = [
            {"type": "function_call_output", "call_id": c.call_id, "output": result_of(c.call_id)}
            for c in calls
        ]
        self._next = {"input": results, "previous_response_id": reply.id}


def _plain(messages: list[Json]) -> list[Json]:
    """With text that is alone as a string."""
    for entry in messages:
        match entry["content"]:
            case [{"type": "text", "text": str(text), **others}] if not others:
                entry["content"] = text
    return messages


@pytest.mark.parametrize("kind", ["sqlite", "postgres", "redis"])
def test_each_turn_is_answered_by_a_process_that_knows_none_of_the_others(
    source: Json, upstream: Upstream
) -> None:
    loops = [Loop(api, upstream) for api in SPEAKS]
    for _ in range(LIVES):
        with GatewayProcess(source, workers=TURNS // LIVES) as gateway:
            until(lambda: len(gateway.children) == TURNS // LIVES)
            for worker in gateway.children:
                with gateway.only(worker):
                    for loop in loops:
                        loop.go_on(gateway)
            gateway.kill()
    assert [loop.turn for loop in loops] == [TURNS, TURNS]


@pytest.mark.parametrize("kind", ["memory"])
@pytest.mark.parametrize("api", SPEAKS)
def test_one_process_remembers_them_all(
    source: Json, upstream: Upstream, gateway_factory: GatewayFactory, api: Api
) -> None:
    loop, gateway = Loop(api, upstream), gateway_factory(source)
    for _ in range(TURNS):
        loop.go_on(gateway)
