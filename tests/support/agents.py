"""Real coding agents: Claude Code and Codex.

Here: where they are found, and how they are started for one prompt with nothing of our environment.
Not here: what the model says to them (weather.py), what is asserted (test_clients.py).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache/clients"
"""Where `make clients` installs."""

NODE_MODULES = CACHE / "node/node_modules"

PATIENCE = 120.0
"""Seconds a client may take; a run takes one or two."""


def find_agent(name: str) -> str | None:
    """The agent's program: of WSGI_GATEWAY_AGENTS_BIN, of .cache/clients, or of the PATH."""
    named = os.environ.get("WSGI_GATEWAY_AGENTS_BIN")
    places = [named] if named else [str(NODE_MODULES / ".bin"), os.environ["PATH"]]
    return shutil.which(name, path=os.pathsep.join(places))


@dataclass(frozen=True)
class Run:
    """What a program did."""

    code: int
    out: str
    err: str


def run_in(folder: Path, command: list[str], environ: dict[str, str], stdin: str = "") -> Run:
    """Runs a program in a folder, with an empty home below it and nothing of our environment."""
    home = folder / "home"
    home.mkdir()
    base = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**base, **environ},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as endless:
        return Run(-1, "", str(endless))
    return Run(done.returncode, done.stdout, done.stderr)


def run_claude(program: str, folder: Path, base_url: str, model: str, prompt: str) -> Run:
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
    command = [program, "-p", prompt, "--model", model, "--allowedTools", "Bash"]
    return run_in(folder, command, environ)


def run_codex(
    program: str,
    folder: Path,
    base_url: str,
    model: str,
    prompt: str,
    *,
    websocket: bool = False,
    compact_limit: int | None = None,
) -> Run:
    """Codex, one prompt, allowed to run commands. Over a WebSocket it says in ``err`` what it does.

    With ``compact_limit``, in tokens, it takes the gateway for OpenAI, which compacts for it.
    """
    name = "gateway" if compact_limit is None else "OpenAI"
    gateway = f'name="{name}", base_url="{base_url}/v1", wire_api="responses", env_key="KEY"'
    environ = {"KEY": "sk-client-codex"}
    if websocket:
        gateway += ", supports_websockets=true"
        environ["RUST_LOG"] = "codex_api=trace"
    command = [program, "exec", "--skip-git-repo-check", "--model", model]
    command += ["--dangerously-bypass-approvals-and-sandbox"]
    for setting in (
        'model_provider="gateway"',
        f"model_providers.gateway={{{gateway}}}",
        "check_for_update_on_startup=false",
        "analytics.enabled=false",
    ):
        command += ["-c", setting]
    if compact_limit is not None:
        command += ["-c", f"model_auto_compact_token_limit={compact_limit}"]
    return run_in(folder, [*command, prompt], environ)
