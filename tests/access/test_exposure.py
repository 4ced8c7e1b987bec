"""An open gateway is not served where others reach it, unless its owner says so."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.gateway import free_port
from support.until import until

from wsgi_gateway import create_blueprint, load_config
from wsgi_gateway.access.exposure import Exposed, check_exposure, is_loopback
from wsgi_gateway.config import Config

ROOT = Path(__file__).parents[2]
CONFIG = "model_providers: [{model: openai/gpt-4o, access_key: k}]\n"
KEYS = "access: {keys: [{id: a, key: 0123456789abcdef}]}\n"


def config(**more: Any) -> Config:
    return load_config(
        {"model_providers": [{"model": "openai/gpt-4o", "access_key": "k"}], **more}, {}
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "/run/s"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)
    check_exposure(config(), [host], {})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.0.0.1", "example.com", "localhost.evil"])
def test_anything_else(host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(Exposed, match="serve --open"):
        check_exposure(config(), ["127.0.0.1", host], {})
    check_exposure(config(access="open"), [host], {})
    check_exposure(config(), [host], {"WSGI_GATEWAY_ACCESS": "open"})
    check_exposure(config(access={"keys": [{"id": "a", "key": "0123456789abcdef"}]}), [host], {})
    check_exposure(config(access={"key_file": "nowhere.json"}), [host], {})


def test_another_word_is_no_permission() -> None:
    with pytest.raises(ValueError, match="WSGI_GATEWAY_ACCESS is not open: yes"):
        check_exposure(config(), ["127.0.0.1"], {"WSGI_GATEWAY_ACCESS": "yes"})


def test_a_blueprint_is_as_open_as_its_application() -> None:
    create_blueprint(config())


def started(tmp_path: Path, text: str, *command: str, **environ: str) -> tuple[int, str]:
    """The exit code and the errors of a server that does not start; that it listens is an error of 0."""
    file = tmp_path / "config.yaml"
    file.write_text(text)
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "WSGI_GATEWAY_CONFIG": str(file),
            "WSGI_GATEWAY_PORT": str(port),
            **environ,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        until(lambda: has_ended(process) or listens(port))
        code = process.poll() or 0
    finally:
        process.kill()
    return code, process.communicate()[0].decode()


def has_ended(process: subprocess.Popen[bytes]) -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(0.05)
    return process.poll() is not None


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


SERVE = ("wsgi_gateway", "serve")
GUNICORN = ("gunicorn", "-c", "gunicorn.conf.py", "wsgi_gateway.wsgi:app")


@pytest.mark.parametrize("command", [SERVE, GUNICORN], ids=["serve", "gunicorn"])
def test_it_refuses_to_start_on_every_interface(tmp_path: Path, command: tuple[str, ...]) -> None:
    code, told = started(tmp_path, CONFIG, *command, WSGI_GATEWAY_HOST="0.0.0.0")
    assert code == 2
    assert "0.0.0.0 is not a loopback address" in told
    assert "Traceback" not in told


def test_gunicorn_s_own_settings_are_seen(tmp_path: Path) -> None:
    bind = f"--bind 0.0.0.0:{free_port()}"
    code, told = started(tmp_path, CONFIG, *GUNICORN, GUNICORN_CMD_ARGS=bind)
    assert code == 2
    assert "0.0.0.0 is not a loopback address" in told


def test_it_starts_when_it_is_told_to(tmp_path: Path) -> None:
    host = {"WSGI_GATEWAY_HOST": "0.0.0.0"}
    for text, command, environ in [
        (CONFIG, (*SERVE, "--open"), host),
        (CONFIG, GUNICORN, {**host, "WSGI_GATEWAY_ACCESS": "open"}),
        (CONFIG + "access: open\n", SERVE, host),
        (CONFIG + KEYS, SERVE, host),
    ]:
        code, told = started(tmp_path, text, *command, **environ)
        assert code == 0, told
