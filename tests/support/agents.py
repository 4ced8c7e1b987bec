"""Real coding agents, and a model that leads them through one task.

Here: where Claude Code and Codex are found, how they are started with nothing of our environment,
and the scripted model that has them read a file. Not here: what is asserted (test_agents.py).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from support.pairs import reply_to
from support.streams import Answer, Api, Json, ToolCall
from support.upstream import Reply, Request

PROMPT = "What does secret.txt in this directory say?"
PATIENCE = 90.0
"""Seconds an agent may take; a run takes one or two."""

THOUGHT = "I should read the file first."

SHELLS: dict[str, Json] = {
    "Bash": {"command": "cat secret.txt", "description": "Read the file"},
    "exec_command": {"cmd": "cat secret.txt"},
}
"""The tool by which each agent runs a command, and how it is told to read the file."""


def find(name: str) -> str | None:
    """The agent's program: of WSGI_GATEWAY_AGENTS_BIN, of .cache/npm, or of the PATH."""
    cache = Path(__file__).parents[2] / ".cache" / "npm" / "node_modules" / ".bin"
    named = os.environ.get("WSGI_GATEWAY_AGENTS_BIN")
    places = [named] if named else [str(cache), os.environ["PATH"]]
    return shutil.which(name, path=os.pathsep.join(places))


@dataclass(frozen=True)
class Run:
    """What an agent did."""

    code: int
    out: str
    err: str


def _run(command: list[str], folder: Path, environ: dict[str, str]) -> Run:
    home, work = folder / "home", folder / "work"
    home.mkdir()
    base = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}
    done = subprocess.run(
        command,
        cwd=work,
        env={**base, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return Run(done.returncode, done.stdout, done.stderr)


def run_claude(program: str, folder: Path, base_url: str, model: str) -> Run:
    """Claude Code, one prompt, allowed to run commands."""
    environ = {
        "ANTHROPIC_BASE_URL": base_url,
        "ANTHROPIC_API_KEY": "sk-client-claude",
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": model,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "DISABLE_AUTOUPDATER": "1",
        "IS_SANDBOX": "1",
    }
    command = [program, "-p", PROMPT, "--model", model, "--allowedTools", "Bash"]
    return _run(command, folder, environ)


def run_codex(program: str, folder: Path, base_url: str, model: str) -> Run:
    """Codex, one prompt, allowed to run commands."""
    gateway = f'{{name="gateway", base_url="{base_url}/v1", wire_api="responses", env_key="KEY"}}'
    command = [program, "exec", "--skip-git-repo-check", "--model", model]
    command += ["--dangerously-bypass-approvals-and-sandbox"]
    for setting in (
        'model_provider="gateway"',
        f"model_providers.gateway={gateway}",
        "check_for_update_on_startup=false",
        "analytics.enabled=false",
    ):
        command += ["-c", setting]
    return _run([*command, PROMPT], folder, {"KEY": "sk-client-codex"})


# --- the model


def offered_tools(api: Api, body: Json) -> set[str]:
    """Names of the tools that a request offers; some of Responses' built-in tools have none."""
    tools: list[Json] = body.get("tools", [])
    if api == "chat_completions":
        tools = [tool["function"] for tool in tools]
    return {tool["name"] for tool in tools if "name" in tool}


def tool_results(api: Api, body: Json) -> list[str]:
    """What the tools of this conversation have said so far, as JSON text."""
    results: list[Json]
    if api == "responses":
        results = [item for item in body["input"] if item.get("type") == "function_call_output"]
    elif api == "messages":
        lists = [m["content"] for m in body["messages"] if isinstance(m["content"], list)]
        results = [block for blocks in lists for block in blocks if block["type"] == "tool_result"]
    else:
        results = [message for message in body["messages"] if message["role"] == "tool"]
    return [json.dumps(result) for result in results]


def model_that_reads_the_file(
    api: Api, nonce: str, proof: str, name: str
) -> Callable[[Request], Reply]:
    """A model that thinks, has the file read, and then repeats the nonce if it was in the result.

    It calls itself `name`. Claude Code sends thoughts back only to the model that it asked for.
    """

    def answer(request: Request) -> Reply:
        if request.method != "POST":
            return Reply()
        body = request.json
        tools = sorted(offered_tools(api, body) & set(SHELLS))
        results = tool_results(api, body)
        if not tools:
            return reply_to(request, api, Answer("A side question, it seems."))
        if not results:
            call = ToolCall("call_read_1", tools[0], json.dumps(SHELLS[tools[0]]))
            said = Answer("Let me read it.", THOUGHT, proof, (call,), model=name)
        else:
            seen = nonce if any(nonce in result for result in results) else "nothing that I can see"
            said = Answer(f"The file says {seen}.", model=name)
        return reply_to(request, api, said)

    return answer
