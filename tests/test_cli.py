"""The wsgi-gateway command."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from wsgi_gateway import __version__
from wsgi_gateway.cli import main
from wsgi_gateway.serving import serve as serving

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
    path.write_text("model_providers: [{model: ollama/a}]\nmode: llm\n", "utf-8")
    result = run("check", str(path))
    assert result.exit_code == 0
    assert f"{path}:2: warning: mode: not served" in result.stderr
    assert "ok, 1 warning" in result.stdout


def test_check_refuses_what_serve_would_not_serve(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("model_providers: [{model: ollama/a}]\n", "utf-8")
    assert run("check", str(path)).exit_code == 0
    refused = run("check", str(path), WSGI_GATEWAY_HOST="0.0.0.0")
    assert (refused.exit_code, refused.stdout) == (2, "")
    path.write_text("listeners: [{address: 0.0.0.0}]\nmodel_providers: [{model: ollama/a}]\n")
    refused = run("check", str(path))
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "0.0.0.0 is not a loopback address, and clients need no key" in refused.stderr
    assert run("check", str(path), WSGI_GATEWAY_ACCESS="open").exit_code == 0


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
    monkeypatch.setattr(
        serving,
        "serve",
        lambda *arguments, is_open, watch: calls.append((*arguments, is_open, watch)),
    )
    assert run("serve", "-c", MOCK, "--port", "8000", "--workers", "2").exit_code == 0
    assert run("serve", "--open").exit_code == 0
    assert run("serve", "--watch").exit_code == 0
    assert calls == [
        (MOCK, None, 8000, 2, False, False),
        (None, None, None, None, True, False),
        (None, None, None, None, False, True),
    ]


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
