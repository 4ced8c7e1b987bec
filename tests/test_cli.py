"""The wsgi-gateway command."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from wsgi_gateway import __version__, serving
from wsgi_gateway.cli import main

MOCK = str(Path(__file__).parents[1] / "etc/config_mock_llm.yaml")


def run(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(main, arguments, env={"WSGI_GATEWAY_CONFIG": None, **environ})


def test_version() -> None:
    assert run("--version").output == f"wsgi-gateway, version {__version__}\n"


def test_check_prints_names_and_urls_but_no_key() -> None:
    result = run("check", MOCK, OPENAI_API_KEY="sk-secret", MOCK_UPSTREAM_URL="http://mock:1")
    assert result.exit_code == 0
    assert "arch.summarize.v1 (alias)" in result.stdout
    assert "http://mock:1/v1/responses" in result.stdout
    assert result.stdout.endswith("config_mock_llm.yaml: ok\n")
    assert "sk-secret" not in result.output


def test_check_prints_warnings_to_standard_error(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("model_providers: [{model: ollama/a}]\ntracing: {}\n", "utf-8")
    result = run("check", str(path))
    assert result.exit_code == 0
    assert f"{path}:2: warning: tracing: not served" in result.stderr
    assert "ok, 1 warning" in result.stdout


def test_a_config_that_is_not_there() -> None:
    result = run("check", "nowhere.yaml")
    assert result.exit_code == 2
    assert "nowhere.yaml: error: no such file" in result.stderr


def test_models_of_a_config_and_of_the_environment() -> None:
    assert "arch.v1 (alias)" in run("models", "-c", MOCK).stdout
    assert "arch.v1 (alias)" in run("models", WSGI_GATEWAY_CONFIG=MOCK).stdout
    assert "ollama/*" in run("models", OLLAMA_HOST="localhost").stdout


def test_schema_and_providers() -> None:
    assert json.loads(run("schema").stdout)["title"] == "wsgi_gateway config"
    assert "| `groq` |" in run("providers").stdout


def test_serve_hands_over_to_gunicorn(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[object, ...]] = []
    monkeypatch.setattr(serving, "serve", lambda *arguments: calls.append(arguments))
    assert run("serve", "-c", MOCK, "--port", "8000", "--workers", "2").exit_code == 0
    assert calls == [(MOCK, None, 8000, 2)]


@pytest.mark.parametrize("option", [("--port", "0"), ("--port", "x"), ("--workers", "0")])
def test_serve_refuses_wrong_options(option: tuple[str, str]) -> None:
    assert run("serve", *option).exit_code == 2


def test_serve_refuses_a_broken_config(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("model_providers: [{model: nothing}]\n", "utf-8")
    result = run("serve", "-c", str(path))
    assert result.exit_code == 2
    assert "must be provider/id" in result.stderr


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "wsgi_gateway", "--version"], capture_output=True, check=True
    )
    assert done.stdout.decode().split() == ["wsgi-gateway,", "version", __version__]


def test_start_up_imports_nothing_heavy() -> None:
    heavy = ("flask", "gevent", "requests", "msgspec", "yaml")
    code = f"import sys, wsgi_gateway.cli; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "[]"
