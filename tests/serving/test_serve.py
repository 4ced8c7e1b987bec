"""`wsgi_gateway.serving.serve`: what happens before gunicorn takes over."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wsgi_gateway.serving import serve as serving

CONFIG = """
version: v0.4.0
listeners: [{type: model, name: front, address: 127.0.0.2, port: 4711}]
model_providers:
  - {model: openai/gpt-4o, access_key: k}
"""


class Replaced(Exception):
    """Stands for the moment in which the process becomes another."""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG)
    return file


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the process became; its environment is `os.environ`, empty at first."""
    command: list[str] = []

    def execv(program: str, arguments: list[str]) -> None:
        command.extend([program, *arguments[1:]])
        raise Replaced

    monkeypatch.setattr(os, "environ", {})
    monkeypatch.setattr(os, "execv", execv)
    return command


def test_becomes_gunicorn(
    config: Path, executed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Replaced):
        serving.serve(str(config), None, None, None)

    assert executed[:3] == [sys.executable, "-m", "gunicorn"]
    assert executed[-1] == "wsgi_gateway.wsgi:app"
    ours = {name: value for name, value in os.environ.items() if name.startswith("WSGI_")}
    assert ours == {
        "WSGI_GATEWAY_CONFIG": str(config),
        "WSGI_GATEWAY_HOST": "127.0.0.2",
        "WSGI_GATEWAY_PORT": "4711",
    }
    printed = capsys.readouterr().out
    assert printed == f"wsgi-gateway: http://127.0.0.2:4711 with 1 model provider from {config}\n"


def test_command_line_wins_over_environment_and_config(config: Path, executed: list[str]) -> None:
    os.environ |= {"WSGI_GATEWAY_CONFIG": str(config), "WSGI_GATEWAY_PORT": "4712"}

    with pytest.raises(Replaced):
        serving.serve(None, "::1", None, 3)

    assert executed
    assert serving.bind_address(os.environ) == "[::1]:4712"
    assert os.environ["WSGI_GATEWAY_WORKERS"] == "3"


def test_relative_config_is_found_from_anywhere(
    config: Path, executed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(config.parent)

    with pytest.raises(Replaced):
        serving.serve("config.yaml", None, None, None)

    assert executed
    assert os.environ["WSGI_GATEWAY_CONFIG"] == str(config)


def test_without_a_file_the_keys_in_the_environment_decide(
    executed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    os.environ |= {"OPENAI_API_KEY": "k", "GROQ_API_KEY": "k"}

    with pytest.raises(Replaced):
        serving.serve(None, None, None, None)

    assert executed
    assert "http://127.0.0.1:12000 with 2 model providers from the keys" in capsys.readouterr().out


def test_warnings_are_printed_once(
    config: Path, executed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(CONFIG + "mode: llm\n")

    with pytest.raises(Replaced):
        serving.serve(str(config), None, None, None)

    assert executed
    assert capsys.readouterr().err.count("mode: not served") == 1


def test_broken_config_is_not_served(
    tmp_path: Path, executed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("version: v0.4.0\nmodel_providers: [{model: gpt-4o}]\n")

    with pytest.raises(SystemExit) as stopped:
        serving.serve(str(broken), None, None, None)

    assert stopped.value.code == 2
    assert not executed
    assert f"{broken}:2: error: model_providers[0].model" in capsys.readouterr().err


def test_command_ends_with_2_for_a_broken_config(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "wsgi_gateway", "serve", "--config", str(tmp_path / "none.yaml")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert "none.yaml" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "127.0.0.1:12000"),
        ({"WSGI_GATEWAY_CONFIG": "{config}"}, "127.0.0.2:4711"),
        ({"WSGI_GATEWAY_CONFIG": "{config}", "WSGI_GATEWAY_HOST": "0.0.0.0"}, "0.0.0.0:4711"),
        ({"WSGI_GATEWAY_CONFIG": "{config}", "WSGI_GATEWAY_PORT": "80"}, "127.0.0.2:80"),
        ({"WSGI_GATEWAY_HOST": "::", "WSGI_GATEWAY_PORT": "80"}, "[::]:80"),
        ({"WSGI_GATEWAY_HOST": "[::1]", "WSGI_GATEWAY_PORT": "80"}, "[::1]:80"),
        ({"WSGI_GATEWAY_CONFIG": "/does/not/exist"}, "127.0.0.1:12000"),
    ],
)
def test_address(config: Path, given: dict[str, str], expected: str) -> None:
    environ = {name: value.format(config=config) for name, value in given.items()}
    assert serving.bind_address(environ) == expected


@pytest.mark.parametrize("port", ["http", "-1", "65536"])
def test_port_that_is_none(port: str) -> None:
    with pytest.raises(SystemExit, match=f"WSGI_GATEWAY_PORT is not a port number: {port}"):
        serving.bind_address({"WSGI_GATEWAY_PORT": port})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WSGI_GATEWAY_WEBSOCKETS", "many"),
        ("WSGI_GATEWAY_WEBSOCKET_IDLE", "0"),
        ("WSGI_GATEWAY_WORKERS", "0"),
        ("WSGI_GATEWAY_WORKERS", "four"),
    ],
)
def test_numbers_that_make_no_sense(
    config: Path, executed: list[str], capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    os.environ[name] = value
    with pytest.raises(SystemExit) as ended:
        serving.serve(str(config), None, None, None)
    assert ended.value.code == 2
    assert name in capsys.readouterr().err
    assert not executed
