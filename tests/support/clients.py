"""The clients that people use, each led through the same task before models of all three APIs.

Here: the list of clients, how they are run, and how a run is judged.
Not here: the programs themselves (tests/clients), how agents are started (agents.py), the model
that they ask (weather.py).
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from support.agents import CACHE, NODE_MODULES, Run, find_agent, run_claude, run_codex, run_in
from support.dialects import CLIENT_KEY
from support.gateway import config, provider
from support.pairs import APIS, model_of
from support.streams import Api, Json
from support.upstream import Upstream
from support.weather import CITIES, THOUGHTS, Loop, Task, loop_of, new_task

PROGRAMS = Path(__file__).parents[1] / "clients/programs"

GPT = "gpt-5"
CLAUDE = "claude-sonnet-4-20250514"


@dataclass(frozen=True)
class Way:
    """One way in which a client asks, and why it may lose something."""

    api: Api
    model: str
    stored: bool = False
    """Whether the client leaves it to the Responses API to keep what was said."""
    note: str = ""

    @property
    def name(self) -> str:
        return f"{self.api}, stored" if self.stored else f"{self.api}, {self.model}"


@dataclass(frozen=True)
class Job:
    """A task to be done in one way, through a gateway before an upstream of one API."""

    way: Way
    upstream_api: Api
    task: Task


@dataclass(frozen=True)
class Seen:
    """What a client made of a job. What it doesn't tell is None."""

    text: str
    thinking: str | None = None
    cities: tuple[str, ...] | None = None
    error: str = ""


@dataclass(frozen=True)
class Result:
    """A job as both sides saw it."""

    job: Job
    version: str
    seen: Seen
    loop: Loop

    def failure(self) -> str:
        """Why the tool loop did not come to its end; empty if it did."""
        seen, loop = self.seen, self.loop
        if seen.error:
            return seen.error
        if loop.apis != {self.job.upstream_api} or loop.turns != 2:
            return f"asked the model {loop.turns} times, by {sorted(loop.apis)}"
        if not loop.streamed:
            return "did not stream"
        if seen.cities is not None and sorted(seen.cities) != sorted(CITIES):
            return f"called the tool for {seen.cities}"
        return "" if self.job.task.answer.strip() in seen.text else f"said {seen.text!r}"

    def verdict(self) -> str:
        """How far the task came, in the words that docs/clients.md explains."""
        if self.failure():
            return "fails"
        proven = self.loop.proof_returned or self.job.upstream_api == "chat_completions"
        facets = {
            "tools": True,
            "shown": self.seen.thinking == "".join(THOUGHTS),
            "returned": self.loop.thought_returned and proven,
            "kept": self.job.way.stored and self.job.way.api == self.job.upstream_api,
        }
        return ", ".join(name for name, true in facets.items() if true)


@dataclass(frozen=True)
class Program:
    """A client of ours on a library: a file of tests/clients, and the environment it runs in."""

    name: str
    file: str
    environment: str
    ways: tuple[Way, ...]

    @property
    def _interpreter(self) -> Path:
        if self.file.endswith(".mjs"):
            return NODE_MODULES / ".bin/node"
        return CACHE / self.environment / "bin/python"

    def is_installed(self) -> bool:
        return self._interpreter.exists()

    def run(self, jobs: list[Job], gateways: Mapping[Api, str]) -> tuple[str, list[Seen]]:
        """Does all jobs in one process; returns the versions of its libraries, and what it saw."""
        given = [
            {
                "api": job.way.api,
                "model": job.way.model,
                "base_url": gateways[job.upstream_api],
                "key": CLIENT_KEY,
                "stored": job.way.stored,
                "prompt": job.task.prompt,
                "weather": job.task.weather,
            }
            for job in jobs
        ]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for program in PROGRAMS.glob(f"*{Path(self.file).suffix}"):
                shutil.copy(program, folder)  # Node looks for libraries from where the program is
            (folder / "node_modules").symlink_to(NODE_MODULES)
            done = run_in(folder, [str(self._interpreter), self.file], {}, json.dumps(given))
        if done.code:
            return "?", [Seen("", error=f"ended with {done.code}: {done.err}")] * len(jobs)
        told = json.loads(done.out)
        versions = [f"{name} {version}" for name, version in told["versions"].items()]
        return ", ".join(versions), [_seen(task) for task in told["tasks"]]


def _seen(task: Json) -> Seen:
    return Seen(task["text"], task["thinking"], tuple(task["cities"]), task["error"])


@dataclass(frozen=True)
class Agent:
    """A program that people run: it reads the weather out of files, by its own tool."""

    name: str
    command: str
    package: str
    start: Callable[[str, Path, str, str, str], Run]
    ways: tuple[Way, ...]

    def is_installed(self) -> bool:
        return find_agent(self.command) is not None

    def run(self, jobs: list[Job], gateways: Mapping[Api, str]) -> tuple[str, list[Seen]]:
        """Does each job in a process of its own; returns the agent's version, and what it saw."""
        manifest = NODE_MODULES / self.package / "package.json"
        version = json.loads(manifest.read_text())["version"] if manifest.exists() else "?"
        return f"{self.package} {version}", [
            self._do(job, gateways[job.upstream_api]) for job in jobs
        ]

    def _do(self, job: Job, base_url: str) -> Seen:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for city, weather in job.task.weather.items():
                (folder / f"{city}.txt").write_text(f"{weather}\n")
            program = find_agent(self.command)
            assert program
            done = self.start(program, folder, base_url, job.way.model, job.task.prompt)
        return Seen(done.out, error=done.err if done.code else "")


Client = Program | Agent

CHAT = Way("chat_completions", GPT)
RESPONSES = Way("responses", GPT)
STORED = replace(RESPONSES, stored=True)
MESSAGES = Way("messages", CLAUDE)

_BLIND_CHAT = replace(CHAT, note="its model for this API knows no `reasoning_content`")

CLIENTS: tuple[Client, ...] = (
    Program("openai (Python)", "openai_sdk.py", "sdks", (CHAT, RESPONSES, STORED)),
    Program("openai (Python), older", "openai_sdk.py", "sdks-older", (CHAT, RESPONSES, STORED)),
    Program("anthropic (Python)", "anthropic_sdk.py", "sdks", (MESSAGES,)),
    Program("anthropic (Python), older", "anthropic_sdk.py", "sdks-older", (MESSAGES,)),
    Program(
        "openai (Node)",
        "openai_sdk.mjs",
        "node",
        (
            replace(
                CHAT, note="its stream helper keeps only the last piece of `reasoning_content`"
            ),
            RESPONSES,
            STORED,
        ),
    ),
    Program("@anthropic-ai/sdk (Node)", "anthropic_sdk.mjs", "node", (MESSAGES,)),
    Program("Vercel AI SDK", "ai_sdk.mjs", "node", (_BLIND_CHAT, RESPONSES, STORED, MESSAGES)),
    Program(
        "LangChain",
        "langchain_client.py",
        "langchain",
        (_BLIND_CHAT, RESPONSES, STORED, MESSAGES),
    ),
    Program(
        "Pydantic AI", "pydantic_ai_client.py", "pydantic-ai", (CHAT, RESPONSES, STORED, MESSAGES)
    ),
    Program(
        "OpenAI Agents SDK",
        "openai_agents_client.py",
        "openai-agents",
        (
            replace(CHAT, note="sends `reasoning_content` back only to a model called deepseek"),
            RESPONSES,
            STORED,
        ),
    ),
    Agent(
        "Claude Code",
        "claude",
        "@anthropic-ai/claude-code",
        run_claude,
        (MESSAGES, replace(MESSAGES, model="claude-opus-4-8")),
    ),
    Agent(
        "Codex",
        "codex",
        "@openai/codex",
        run_codex,
        (RESPONSES, replace(RESPONSES, model="gpt-5.5")),
    ),
)
"""Agents have two models each: to the second, Claude Code thinks adaptively and puts system messages
in between, and Codex offers custom tools too.
"""


def config_for(upstream: Upstream, api: Api) -> Json:
    """The config of a gateway that knows the clients' models as aliases of an upstream's one."""
    models = {way.model for client in CLIENTS for way in client.ways}
    aliases = {name: {"target": model_of(api)} for name in sorted(models)}
    # a host whose models think openly and, unlike OpenAI's own, read their thoughts back
    more = {"model": f"deepseek/{model_of(api)}"} if api == "chat_completions" else {}
    return config(provider(upstream.base_url, api, **more), model_aliases=aliases)


def drive(client: Client, gateways: Mapping[Api, str], upstream: Upstream) -> list[Result]:
    """Has a client do the task in all its ways through the gateway before each API.

    `gateways` has their base URLs; behind them is `upstream`, whose script is `weather.model`.
    """
    jobs = [Job(way, api, new_task()) for way in client.ways for api in APIS]
    version, seen = client.run(jobs, gateways)
    return [
        Result(job, version, what, loop_of(job.task, upstream.requests))
        for job, what in zip(jobs, seen, strict=True)
    ]
