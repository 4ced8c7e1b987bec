"""`wsgi_gateway.demo.processes`: children that start, fail and end."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest
from support.gateway import is_healthy

from wsgi_gateway.demo.processes import Child, ChildFailed, free_port

SERVER = """
import sys, signal
from http.server import BaseHTTPRequestHandler, HTTPServer
signal.signal(signal.SIGTERM, signal.{reaction})
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_): pass
HTTPServer(("127.0.0.1", {port}), Handler).serve_forever()
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.mark.parametrize("reaction", ["SIG_DFL", "SIG_IGN"])
def test_child_serves_until_the_block_ends(monkeypatch: pytest.MonkeyPatch, reaction: str) -> None:
    """Also one that does not react to SIGTERM."""
    monkeypatch.setattr("wsgi_gateway.demo.processes.STOP_SECONDS", 0.2)
    port = free_port()

    with Child("server", python(SERVER.format(port=port, reaction=reaction))) as child:
        waited = child.wait_healthy(f"http://127.0.0.1:{port}/healthz", 15)
        assert 0 < waited < 15

    assert not is_healthy(f"http://127.0.0.1:{port}")


def test_child_that_ends_tells_why() -> None:
    with (
        Child("server", python("import sys; sys.exit('no such model')")) as child,
        pytest.raises(ChildFailed, match=r"server did not start:\s+no such model"),
    ):
        child.wait_healthy(f"http://127.0.0.1:{free_port()}/", 15)


def test_silent_child_is_not_waited_for_for_ever() -> None:
    with (
        Child("server", python("import sys; sys.stdin.read()")) as child,
        pytest.raises(ChildFailed),
    ):
        child.wait_healthy(f"http://127.0.0.1:{free_port()}/", 0.1)


def test_child_learns_by_its_input_that_the_demo_is_gone(tmp_path: Path) -> None:
    """A demo that was killed cannot clean up; the model's server ends with its standard input."""
    last_words = tmp_path / "last-words"
    os.mkfifo(last_words)
    child = f"import sys; sys.stdin.read(); open({str(last_words)!r}, 'w').write('gone')"
    demo = f"""
import os
from wsgi_gateway.demo.processes import Child
child = Child("model", {python(child)!r})
os._exit(0)
"""
    reader = os.open(last_words, os.O_RDONLY | os.O_NONBLOCK)
    try:
        subprocess.run(python(demo), timeout=60, check=True)
        readable, _, _ = select.select([reader], [], [], 15)
        assert readable
        assert os.read(reader, 100) == b"gone"
    finally:
        os.close(reader)
