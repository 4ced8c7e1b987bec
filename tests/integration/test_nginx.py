"""nginx with etc/nginx.conf before the gateway: what it passes on, and when.

Here: nginx from Debian as a real process. Not here: the gateway's answers themselves.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.asks import Ask, user
from support.dialects import Clients
from support.gateway import GatewayProcess, free_port, is_healthy
from support.pairs import PAIRS, model_of, reply_to
from support.streams import STREAMED, Answer, Api, frames_of
from support.upstream import PATIENCE, Piece, Upstream, sse_reply

CONFIG = Path(__file__).parents[2] / "etc" / "nginx.conf"
NGINX = shutil.which("nginx", path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))
WORDS = ("alpha", "bravo", "charlie")

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed: make nginx")


@pytest.fixture(scope="module")
def clients(gateway: GatewayProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    """The SDKs, pointed at nginx, which has our config but for its two ports."""
    assert NGINX
    folder = tmp_path_factory.mktemp("nginx")
    port = free_port()
    text = CONFIG.read_text()
    for ours, here in (
        ("server 127.0.0.1:12000;", f"server 127.0.0.1:{gateway.port};"),
        ("listen 8080;", f"listen 127.0.0.1:{port};"),
    ):
        assert ours in text
        text = text.replace(ours, here)
    config = folder / "nginx.conf"
    config.write_text(text)
    # root's nginx would work as a user that may not enter pytest's folders
    options = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
    command = [NGINX, "-p", str(folder), "-c", str(config), "-g", options]
    with (folder / "output.txt").open("wb") as output:
        nginx = subprocess.Popen(command, stdout=output, stderr=output)
    base_url = f"http://127.0.0.1:{port}"
    try:
        while not is_healthy(base_url):
            with pytest.raises(subprocess.TimeoutExpired):
                nginx.wait(0.05)  # it must not end
        yield Clients(base_url)
    finally:
        nginx.terminate()
        nginx.wait(PATIENCE)


@PAIRS
def test_each_event_arrives_before_the_next_is_sent(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api
) -> None:
    """The upstream sends a word only after the client has told that it has the word before."""
    arrived = {word: threading.Event() for word in WORDS}
    pieces: list[Piece] = []
    waiting = list(WORDS)
    for frame in frames_of(STREAMED[upstream_api](Answer(" ".join(WORDS)))):
        pieces.append(frame)
        if waiting and waiting[0].encode() in frame:
            pieces.append(arrived[waiting.pop(0)])
    assert not waiting
    upstream.script(sse_reply(pieces))

    expected = list(WORDS)
    with clients.open(client_api, model_of(upstream_api), Ask((user("Spell."),))) as reply:
        assert reply.status_code == 200
        for line in reply.iter_lines():
            if expected and expected[0] in line:
                assert all(word not in line for word in expected[1:])
                arrived[expected.pop(0)].set()

    assert not expected


def test_large_requests(upstream: Upstream, clients: Clients) -> None:
    """Images travel in the request: megabytes of them fit."""
    upstream.script(lambda request: reply_to(request, "messages", Answer("Seen.")))
    ask = Ask((user("x" * 20_000_000),))

    replies = [clients.raw("messages", "messages-model", ask) for _ in range(2)]

    assert [reply.status_code for reply in replies] == [200, 200]
    assert len(upstream.last.body) > 20_000_000


def test_upstreams_error_comes_through(upstream: Upstream, clients: Clients) -> None:
    reply = clients.raw("messages", "no-such-model", Ask((user("Hello"),)))

    assert reply.status_code == 404
    assert reply.json()["type"] == "error"
    assert not upstream.requests
