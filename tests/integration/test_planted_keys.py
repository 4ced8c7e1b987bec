"""The search for planted keys in all output of the test suite (support/planted.py): that it finds them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support import planted
from support.asks import Ask, user
from support.dialects import Clients
from support.gateway import GatewayProcess, config, provider
from support.pairs import CLIENTS, model_of, reply_to
from support.planted import CLIENT_KEY, KEY, PROVIDER_KEY
from support.sockets import ask, create, opened
from support.streams import Answer, Api
from support.upstream import Upstream

TESTS = Path(__file__).parents[1]
LEAKING = f"""
import logging, sys
def test_that_prints():
    print("{PROVIDER_KEY}")
def test_that_logs():
    logging.getLogger("x").warning("sent with %s", "{CLIENT_KEY}")
def test_that_writes_to_stderr():
    print("{KEY}", file=sys.stderr)
def test_that_is_quiet():
    assert "{KEY}"
"""


def test_a_test_that_prints_a_planted_key_fails(tmp_path: Path) -> None:
    (tmp_path / "test_leaking.py").write_text(LEAKING)
    command = [sys.executable, "-m", "pytest", "-p", "support.planted", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "--rootdir", str(tmp_path), "-c", "/dev/null", "-rA", str(tmp_path)],
        env={"PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "3 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert done.stdout.count("a planted key was shown") >= 3


def test_a_key_in_a_gateway_s_output_is_found(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(f"print('a crash with {PROVIDER_KEY} in it')")
    entry = provider("http://127.0.0.1:9", "responses")
    with GatewayProcess(config(entry), environ={"PYTHONPATH": str(tmp_path)}) as gateway:
        assert PROVIDER_KEY in gateway.output
    (first, *_) = planted.taken()
    assert first == (
        "a gateway's output has a key that begins with sk-provi: a crash with <the key> in it"
    )


@CLIENTS
@pytest.mark.parametrize("stream", [True, False])
def test_a_key_that_a_client_is_told_is_found(
    clients: Clients, upstream: Upstream, client_api: Api, stream: bool
) -> None:
    """The one way left to a key: a model that knows it says it."""
    upstream.script(
        lambda request: reply_to(request, client_api, Answer(f"The key is {PROVIDER_KEY}!"))
    )
    clients.ask(client_api, model_of(client_api), Ask((user("Hi"),)), stream=stream)
    assert planted.taken()


def test_a_key_in_a_websocket_s_message_is_found(
    gateway: GatewayProcess, upstream: Upstream
) -> None:
    upstream.script(lambda request: reply_to(request, "responses", Answer(PROVIDER_KEY)))
    with opened(gateway.base_url) as socket:
        ask(socket, create(model_of("responses")))
    assert planted.taken()


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_key_in_pieces_is_found(size: int) -> None:
    class Stream:
        def __init__(self) -> None:
            self.left = f"{'x' * 50}{PROVIDER_KEY}{'y' * 50}".encode()

        def read(self, *_: object) -> bytes:
            data, self.left = self.left[:size], self.left[size:]
            return data

    watched = planted._WatchedStream(Stream())  # type: ignore[arg-type]
    while watched.read(1000):
        pass
    assert len(planted.taken()) == 1
