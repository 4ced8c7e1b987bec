"""No key leaves by a way that an operator, a client or another provider can see, also where everything fails.

What is printed and answered is searched for all planted keys, as in every other test (support/planted.py); these tests
go the ways that no other goes. Not here: which headers carry keys (test_passthrough.py), keys that upstreams quote in
each API (test_errors.py).
"""

from __future__ import annotations

import json
import logging
import subprocess
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner
from support import planted
from support.asks import WRITERS, Ask, user
from support.dialects import PATHS
from support.gateway import GatewayProcess, config, free_port, provider
from support.gunicorn import COMMAND, ROOT, environment
from support.pairs import APIS, error_body, model_of
from support.planted import KEY, PROVIDER_KEY
from support.sockets import ask, create, error_of, opened
from support.streams import Api, Json
from support.upstream import Reply, Request, Upstream, json_reply

from wsgi_gateway import create_app
from wsgi_gateway.cli import main
from wsgi_gateway.exchange.call import Call
from wsgi_gateway.exchange.gateway import Gateway

ASK = Ask((user("Hi"),))
TOKEN = f"{PROVIDER_KEY}-of-a-header"
AUTHORIZATION = {"authorization": f"Bearer {KEY}"}


def keyed_config(url: str) -> Json:
    entries = [provider(url, api, headers={"x-tenant-token": TOKEN}) for api in APIS]
    return config(*entries, access={"keys": [{"id": "a", "key": KEY}]})


def quoting(request: Request) -> Reply:
    """An upstream that quotes all that it was sent."""
    api: Api = next(api for api, path in PATHS.items() if request.path.startswith(path))
    quoted = f"https://h/v1?key={PROVIDER_KEY} got {json.dumps(dict(request.headers))}"
    return json_reply(error_body(api, quoted, "server_error", quoted[:150]), 500)


def test_the_most_talkative_logs_have_none(upstream: Upstream) -> None:
    upstream.script(quoting)
    environ = {"GUNICORN_CMD_ARGS": "--log-level=debug --access-logfile=-", "PYTHONDEVMODE": "1"}
    with GatewayProcess(keyed_config(upstream.base_url), environ=environ) as gateway:
        with httpx2.Client(base_url=gateway.base_url, headers=AUTHORIZATION) as http:
            for api, path in PATHS.items():
                for stream in (False, True):
                    body = {"model": model_of(api), **WRITERS[api](ASK), "stream": stream}
                    told = http.post(path, json=body)
                    assert told.status_code >= 500
                    assert "****" in told.text
            for path in ("/v1/models", "/metrics", "/v1/responses/resp_x", "/nowhere"):
                http.get(path)
        with opened(gateway.base_url, headers=AUTHORIZATION) as socket:
            assert "****" in error_of(ask(socket, create(model_of("responses"))))["message"]
        assert "POST /v1/messages" in gateway.output, "requests are logged"


def test_a_crash_inside_tells_none(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its traceback is logged, with whatever objects the error has printed."""

    def crash(gateway: Gateway, call: Call, *_: object, **__: object) -> None:
        raise RuntimeError(f"{call!r}, {call.request!r}, {gateway.providers!r}, {vars(gateway)!r}")

    monkeypatch.setattr(Gateway, "send", crash)
    client = create_app(keyed_config(upstream.base_url)).test_client()
    with caplog.at_level(logging.DEBUG):
        for api, path in PATHS.items():
            body = {"model": model_of(api), **WRITERS[api](ASK)}
            told = client.post(path, json=body, headers=AUTHORIZATION)
            assert told.status_code == 500
            assert "RuntimeError" not in told.text
    assert caplog.text.count("RuntimeError: Call(") == len(PATHS)
    assert "x-tenant-token" in caplog.text
    for secret in (PROVIDER_KEY, KEY, TOKEN):
        assert secret not in caplog.text


def test_a_crash_at_start_tells_none(tmp_path: Path) -> None:
    """The config is in a local variable then."""
    file = tmp_path / "config.yaml"
    file.write_text(json.dumps(keyed_config("http://127.0.0.1:9")))
    port = str(free_port())
    variables = {"CONFIG": str(file), "PORT": port, "KEEPALIVE": "soon"}
    named = {f"WSGI_GATEWAY_{name}": value for name, value in variables.items()}
    environ = environment(tmp_path, PYTHONDEVMODE="1") | named
    done = subprocess.run(
        COMMAND, cwd=ROOT, env=environ, capture_output=True, timeout=60, check=False
    )
    output = done.stdout + done.stderr
    assert done.returncode not in (0, 2)
    assert b"ValueError" in output
    planted.search("gunicorn's output", output)


@pytest.mark.parametrize("command", ["check", "models"])
@pytest.mark.parametrize("is_broken", [True, False])
def test_the_command_line_tells_none(tmp_path: Path, command: str, is_broken: bool) -> None:
    """Not in what a config leads to, nor in what is wrong with one."""
    written = keyed_config("http://127.0.0.1:9")
    written["state_storage"] = {"url": f"redis://:{PROVIDER_KEY}@127.0.0.1:9/0"}
    if is_broken:
        written["model_providers"][0] |= {"access_key": f"{KEY} ", "headers": {"x y": TOKEN}}
        written["model_providers"][1]["access_key"] = f"{PROVIDER_KEY} é"
        written["model_providers"][2]["base_url"] = f"https://u:{PROVIDER_KEY}@h/"
        written["access"]["keys"] += [{"id": "a", "key": KEY}, {"id": KEY, "requests": KEY}]
        written["state_storage"]["url"] = f"redis://{PROVIDER_KEY}@{PROVIDER_KEY}@h"
        written["unknown"] = PROVIDER_KEY
    file = tmp_path / "config.yaml"
    file.write_text(json.dumps(written))
    option = [str(file)] if command == "check" else ["-c", str(file)]
    done = CliRunner().invoke(main, [command, *option])
    assert done.exit_code == (2 if is_broken else 0), done.output
    planted.search(f"the output of {command}", done.output)
