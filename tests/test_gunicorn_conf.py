"""`wsgi_gateway.gunicorn_conf`: the settings, and the server they make."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from conftest import CLAUDE_MODEL
from support import planted
from support.asks import Ask, user
from support.dialects import Clients
from support.gateway import children, free_port, is_healthy
from support.gunicorn import COMMAND, ROOT, environment, settings_of
from support.streams import STREAMED, Answer, frames_of
from support.upstream import Upstream, sse_reply

PATIENCE = 15.0


@contextmanager
def gunicorn(environ: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """gunicorn as a deployment starts it: by its own command, with the settings in the repository."""
    server = subprocess.Popen(COMMAND, cwd=ROOT, env=environ, stderr=subprocess.PIPE)
    try:
        yield server
    finally:
        server.kill()
        planted.search("gunicorn's output", server.communicate()[1])


def wait_healthy(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_healthy(f"http://127.0.0.1:{port}"):
        assert time.monotonic() < deadline, "gunicorn does not answer"


def test_settings(tmp_path: Path) -> None:
    settings = settings_of(environment(tmp_path, WSGI_GATEWAY_WORKERS="3"))

    assert settings["bind"] == "['0.0.0.0:12000']", "the first listener of the config"
    assert settings["workers"] == "3"
    assert settings["worker_class"] == "wsgi_gateway.serving.gevent_worker.Worker"
    assert settings["preload_app"] == "False"
    assert settings["max_requests"] == "0", "it would cut streams"
    assert settings.get("control_socket_disable", "True") == "True", "older ones have none"
    assert int(settings["keepalive"]) > 60, "nginx and load balancers must be the ones that close"


def test_is_patched_before_the_gateway_is_imported(tmp_path: Path) -> None:
    code = """
import gunicorn.app.wsgiapp, sys, warnings
warnings.simplefilter("error")
import wsgi_gateway.gunicorn_conf
from gevent import monkey
assert monkey.is_module_patched("ssl") and monkey.is_module_patched("socket")
assert "requests" not in sys.modules and "urllib3" not in sys.modules
import wsgi_gateway.wsgi
"""
    subprocess.run([sys.executable, "-c", code], env=environment(tmp_path), timeout=30, check=True)


def test_gunicorns_own_command_serves_and_tells_systemd(tmp_path: Path) -> None:
    port = free_port()
    told = tmp_path / "notify"
    environ = environment(tmp_path, WSGI_GATEWAY_PORT=str(port), NOTIFY_SOCKET=str(told))

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(told))
        systemd.settimeout(PATIENCE)
        with gunicorn(environ) as server:
            wait_healthy(port)
            assert systemd.recv(1000).startswith(b"READY=1")
            server.terminate()
            assert server.wait(PATIENCE) == 0

    assert list(tmp_path.iterdir()) == [told], "nothing is written into the home directory"


def test_dead_worker_is_replaced(tmp_path: Path) -> None:
    port = free_port()
    with gunicorn(environment(tmp_path, WSGI_GATEWAY_PORT=str(port))) as server:
        wait_healthy(port)
        (worker,) = children(server.pid)
        os.kill(worker, signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE
        while children(server.pid) in ([worker], []):
            assert time.monotonic() < deadline, "no new worker"
        wait_healthy(port)


def test_workers_share_what_the_master_has_loaded(tmp_path: Path) -> None:
    """Most of a worker's memory is no second time there."""
    port = free_port()
    with gunicorn(environment(tmp_path, WSGI_GATEWAY_PORT=str(port))) as server:
        wait_healthy(port)
        (worker,) = children(server.pid)
        lines = Path(f"/proc/{worker}/smaps_rollup").read_text().splitlines()[1:]
        size = {name: int(value.split()[0]) for name, value in (line.split(":") for line in lines)}
        assert size["Private_Dirty"] < size["Rss"] / 2


def test_stop_waits_for_streams_but_not_for_idle_connections(tmp_path: Path) -> None:
    """SIGTERM while one client holds a connection that it may use again, and another one streams."""
    port = free_port()
    finish = threading.Event()
    first, *rest = frames_of(STREAMED["messages"](Answer("Still here.")))
    with Upstream(sse_reply([first, finish, *rest])) as upstream:
        ports = {"WSGI_GATEWAY_PORT": str(port), "MOCK_UPSTREAM_URL": upstream.base_url}
        with (
            gunicorn(environment(tmp_path, **ports)) as server,
            socket.socket() as idle,
        ):
            wait_healthy(port)
            idle.settimeout(PATIENCE)
            idle.connect(("127.0.0.1", port))
            idle.sendall(b"GET /healthz HTTP/1.1\r\nhost: gateway\r\n\r\n")
            answer = idle.makefile("rb")
            assert answer.readline().startswith(b"HTTP/1.1 200")

            clients = Clients(f"http://127.0.0.1:{port}")
            with clients.open("messages", CLAUDE_MODEL, Ask((user("Hi"),))) as reply:
                lines = reply.iter_lines()
                assert "message_start" in next(lines)
                server.terminate()
                assert answer.read().endswith(b"ok\n"), "reads until the connection is closed"
                finish.set()
                told = "\n".join(lines)

            assert "here." in told
            assert "message_stop" in told
            assert server.wait(PATIENCE) == 0


def test_gunicorns_own_variable_wins(tmp_path: Path) -> None:
    options = "--graceful-timeout 5"
    settings = settings_of(environment(tmp_path, GUNICORN_CMD_ARGS=options))
    assert settings["graceful_timeout"] == "5"
