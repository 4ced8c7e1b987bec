"""Claude Code and Codex do a task with a tool, through the gateway, before models of any API.

The model is scripted: it has the agent run a command that reads a file with a nonce, and repeats
it. The agents are the programs that npm installs; where they are missing these tests are skipped.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import GatewayFactory
from support.agents import Run, find, model_that_reads_the_file, run_claude, run_codex, tool_results
from support.dialects import PATHS
from support.gateway import config, provider
from support.pairs import UPSTREAMS, model_of
from support.streams import Api
from support.upstream import Upstream

pytestmark = pytest.mark.agents

CLAUDE_MODELS = ("claude-sonnet-4-20250514", "claude-opus-4-8")
"""One that thinks by budget, one that thinks adaptively and puts system messages in between."""

CODEX_MODELS = ("gpt-5", "gpt-5.5")
"""One that Codex doesn't know, one to which it offers custom tools too."""

PROOF = "UFJPT0Y="


@dataclass(frozen=True)
class Agent:
    program: str
    native_api: Api
    run: Callable[[str, Path, str, str], Run]


CLAUDE_CODE = Agent("claude", "messages", run_claude)
CODEX = Agent("codex", "responses", run_codex)


@pytest.fixture
def task(tmp_path: Path) -> str:
    """Puts a nonce into the file that the agent is to read; returns the nonce."""
    nonce = f"nonce-{secrets.token_hex(8)}"
    work = tmp_path / "work"
    work.mkdir()
    (work / "secret.txt").write_text(f"{nonce}\n")
    return nonce


def gateway_for(factory: GatewayFactory, upstream: Upstream, api: Api) -> str:
    """Base URL of a gateway that knows the agents' models as aliases of the scripted one."""
    target = {"target": model_of(api)}
    aliases = dict.fromkeys(CLAUDE_MODELS + CODEX_MODELS, target)
    return factory(config(provider(upstream.base_url, api), model_aliases=aliases)).base_url


def complete_task(
    agent: Agent,
    model: str,
    api: Api,
    *,
    folder: Path,
    nonce: str,
    upstream: Upstream,
    factory: GatewayFactory,
) -> None:
    """Runs an agent and asserts that it did the task, and that its model saw what it did."""
    program = find(agent.program)
    if program is None:
        pytest.skip(f"{agent.program} is not installed: npm install --prefix .cache/npm")
    upstream_name = model if api == agent.native_api else "its-upstream-name"
    upstream.script(model_that_reads_the_file(api, nonce, PROOF, upstream_name))

    done = agent.run(program, folder, gateway_for(factory, upstream, api), model)

    asked = [request for request in upstream.requests if request.method == "POST"]
    told = f"{done.out}\n{done.err}\n{[request.target for request in asked]}"
    assert done.code == 0, told
    assert f"The file says {nonce}." in done.out, told
    assert {request.path for request in asked} == {PATHS[api]}
    (result,) = tool_results(api, asked[-1].json)
    assert "call_read_1" in result
    if api != "chat_completions":
        history = json.dumps(asked[-1].json)
        assert PROOF in history, "the thought came back without its proof"


@UPSTREAMS
@pytest.mark.parametrize("model", CLAUDE_MODELS)
def test_claude_code(
    tmp_path: Path,
    task: str,
    upstream: Upstream,
    gateway_factory: GatewayFactory,
    model: str,
    upstream_api: Api,
) -> None:
    complete_task(
        CLAUDE_CODE,
        model,
        upstream_api,
        folder=tmp_path,
        nonce=task,
        upstream=upstream,
        factory=gateway_factory,
    )


@UPSTREAMS
@pytest.mark.parametrize("model", CODEX_MODELS)
def test_codex(
    tmp_path: Path,
    task: str,
    upstream: Upstream,
    gateway_factory: GatewayFactory,
    model: str,
    upstream_api: Api,
) -> None:
    complete_task(
        CODEX,
        model,
        upstream_api,
        folder=tmp_path,
        nonce=task,
        upstream=upstream,
        factory=gateway_factory,
    )
