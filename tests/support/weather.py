"""A model that compares the weather of two cities, for whatever client asks it.

Here: the scripted model, which thinks, calls the client's tool for both cities at once, and repeats
what their results say; and what it could see of the client by that. Not here: the clients
(clients.py, agents.py).
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from support.dialects import PATHS
from support.pairs import reply_to
from support.streams import Answer, Api, Json, ToolCall
from support.upstream import Reply, Request

CITIES = ("Oslo", "Rome")
THOUGHTS = ("They want both cities, so I ask for both.", "Both are known now.")
PROOF = "UFJPT0Y="

TOOLS: dict[str, Callable[[str], Json]] = {
    "get_weather": lambda city: {"city": city},
    "Bash": lambda city: {"command": f"cat {city}.txt", "description": f"Read about {city}"},
    "exec_command": lambda city: {"cmd": f"cat {city}.txt"},
}
"""What a client may offer, and how it is called for a city: the tool of our own programs, and those
by which Claude Code and Codex run a command.
"""


@dataclass(frozen=True)
class Task:
    """One question and the weather that only the tool knows."""

    name: str
    weather: dict[str, str]

    @property
    def prompt(self) -> str:
        return f"What is the weather in Oslo and Rome? Oslo.txt and Rome.txt tell. ({self.name})"

    @property
    def answer(self) -> str:
        """What the model says once it has seen both results, each at its call."""
        return "".join(f"In {city} it is {weather}. " for city, weather in self.weather.items())


def new_task() -> Task:
    """A task that no other request can be taken for."""
    weather = {city: f"weather-{secrets.token_hex(8)}" for city in CITIES}
    return Task(f"task-{secrets.token_hex(4)}", weather)


def call_id(city: str) -> str:
    return f"call_{city}_1"


# --- the model


def offered_tools(api: Api, body: Json) -> set[str]:
    """Names of the tools that a request offers; some of Responses' built-in tools have none."""
    tools: list[Json] = body.get("tools") or []
    if api == "chat_completions":
        tools = [tool["function"] for tool in tools]
    return {tool["name"] for tool in tools if "name" in tool}


def tool_results(api: Api, body: Json) -> dict[str, str]:
    """What the tools of this conversation have said so far: a call's id -> JSON text."""
    if api == "responses":
        items = [item for item in body["input"] if item.get("type") == "function_call_output"]
        return {item["call_id"]: json.dumps(item["output"]) for item in items}
    if api == "messages":
        lists = [m["content"] for m in body["messages"] if isinstance(m["content"], list)]
        blocks = [block for blocks in lists for block in blocks if block["type"] == "tool_result"]
        return {block["tool_use_id"]: json.dumps(block["content"]) for block in blocks}
    messages = [message for message in body["messages"] if message["role"] == "tool"]
    return {message["tool_call_id"]: json.dumps(message["content"]) for message in messages}


def _api_of(request: Request) -> Api:
    (api,) = [api for api, path in PATHS.items() if path == request.path]
    return api


def model(request: Request) -> Reply:
    """Answers a client of any API: calls its tool for both cities, then repeats the results."""
    if request.method != "POST":
        return Reply()
    api, body = _api_of(request), request.json
    tools = sorted(offered_tools(api, body) & set(TOOLS))
    if not tools:
        return reply_to(request, api, Answer("A side question, it seems."))
    first, second = THOUGHTS
    results = tool_results(api, body)
    if results:
        seen = Task("", {city: _weather_in(results.get(call_id(city), "")) for city in CITIES})
        return reply_to(request, api, Answer(seen.answer, second, PROOF, id="gw2"))
    arguments = {city: json.dumps(TOOLS[tools[0]](city)) for city in CITIES}
    calls = tuple(ToolCall(call_id(city), tools[0], text) for city, text in arguments.items())
    return reply_to(request, api, Answer("Let me look.", first, PROOF, calls))


def _weather_in(result: str) -> str:
    found = re.search(r"weather-[0-9a-f]{16}", result)
    return found[0] if found else "not told"


# --- what it saw


@dataclass(frozen=True)
class Loop:
    """A task's requests as the model got them."""

    turns: int
    streamed: bool
    apis: frozenset[Api]
    thought_returned: bool
    proof_returned: bool


def loop_of(task: Task, requests: Iterable[Request]) -> Loop:
    """Finds a task's requests among those that an upstream recorded."""
    marks = [mark.encode() for mark in (task.name, *task.weather.values())]
    asked = [request for request in requests if any(mark in request.body for mark in marks)]
    turns = [r for r in asked if offered_tools(_api_of(r), r.json) & set(TOOLS)]
    history = json.dumps(turns[-1].json) if turns else ""
    return Loop(
        turns=len(turns),
        streamed=all(request.json.get("stream") for request in turns),
        apis=frozenset(_api_of(request) for request in asked),
        thought_returned=THOUGHTS[0] in history,
        proof_returned=PROOF in history,
    )
