"""Clients that do not read what they asked for: their upstream is let go, and meanwhile they hold next to nothing.

Not here: clients that leave (test_streaming.py), and that are slow to ask (test_slow_requests.py).
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from conftest import GatewayFactory
from support.answers import answering
from support.asks import WRITERS, Ask, user
from support.dialects import PATHS
from support.gateway import GatewayProcess, config, provider
from support.pairs import CLIENTS, model_of
from support.raw_http import answer_on, begun_on, chunked, connected, plain
from support.sockets import PATIENCE, create, events_of, opened
from support.streams import STREAMED, Answer, Api, chat_completion, frames_of
from support.until import until
from support.upstream import Piece, Upstream, json_reply, sse_reply

_LOOKS = 20
LARGE = 32_000_000
"""Bytes, which no buffers of sockets hold between them."""
UPSTREAM: Api = "chat_completions"


@pytest.fixture
def impatient(upstream: Upstream, gateway_factory: GatewayFactory) -> GatewayProcess:
    """It gives a client that reads nothing a quarter of a second."""
    overload = {"send_timeout": "250ms"}
    return gateway_factory(config(provider(upstream.base_url, UPSTREAM), overload=overload))


@pytest.fixture
def patient(upstream: Upstream, gateway_factory: GatewayFactory) -> GatewayProcess:
    return gateway_factory(config(provider(upstream.base_url, UPSTREAM)))


class Endless:
    """A stream without an end, and how many bytes of it have left."""

    def __init__(self) -> None:
        frames = frames_of(STREAMED[UPSTREAM](Answer("one two three")))
        self._opening, middle = frames[:3], next(frame for frame in frames if b'"two ' in frame)
        self._more = middle * 100
        self.sent = 0
        self.is_enough = threading.Event()

    def __iter__(self) -> Iterator[Piece]:
        yield from self._opening
        while not self.is_enough.is_set():
            yield self._more
            self.sent += len(self._more)


def body_of(api: Api, *, stream: bool) -> bytes:
    said = WRITERS[api](Ask((user("Hi"),)))
    return json.dumps({"model": model_of(UPSTREAM), **said, "stream": stream}).encode()


def in_flight(gateway: GatewayProcess) -> int:
    text = httpx2.get(f"{gateway.base_url}/metrics").text
    return sum(int(n) for n in re.findall(r"requests_in_flight\{.*\} (\d+)", text))


def memory_of(gateway: GatewayProcess) -> int:
    """Bytes that its one worker holds."""
    (worker,) = gateway.children
    pages = int(Path(f"/proc/{worker}/statm").read_text().split()[1])
    return pages * 4096


@CLIENTS
@pytest.mark.parametrize("framed", [plain, chunked])
def test_the_upstream_of_a_stream_that_nobody_reads_is_let_go(
    impatient: GatewayProcess, upstream: Upstream, client_api: Api, framed: type
) -> None:
    upstream.script(sse_reply(Endless()))
    with connected(impatient.port) as connection:
        connection.sendall(framed(PATHS[client_api], body_of(client_api, stream=True)))
        assert begun_on(connection).status == 200
        assert upstream.last.abandoned.wait(PATIENCE)
        until(lambda: in_flight(impatient) == 0)
    assert "Traceback" not in impatient.output


def test_a_turn_that_nobody_reads_ends_its_websocket(
    impatient: GatewayProcess, upstream: Upstream
) -> None:
    upstream.script(sse_reply(Endless()))
    with opened(impatient.base_url, max_queue=1, close_timeout=0.1) as socket:
        socket.send(create(model_of(UPSTREAM)))
        assert next(events_of(socket))["type"] == "response.created"
        assert upstream.last.abandoned.wait(PATIENCE)
        until(lambda: in_flight(impatient) == 0)
    assert "Traceback" not in impatient.output


@pytest.mark.parametrize("framed", [plain, chunked])
def test_a_reply_that_nobody_reads_is_dropped(
    upstream: Upstream, gateway_factory: GatewayFactory, framed: type
) -> None:
    """It has the only place, which comes back."""
    overload = {"send_timeout": "250ms", "max_in_flight": 1, "max_queued": 0}
    gateway = gateway_factory(config(provider(upstream.base_url, UPSTREAM), overload=overload))
    upstream.script(json_reply(chat_completion(Answer("x" * LARGE))))
    path, body = PATHS[UPSTREAM], body_of(UPSTREAM, stream=False)
    with connected(gateway.port) as connection:
        connection.sendall(framed(path, body))
        assert begun_on(connection).status == 200
        upstream.script(answering(Answer("Hi")))

        def is_served() -> bool:
            with connected(gateway.port) as other:
                other.sendall(framed(path, body))
                return answer_on(other).status == 200

        until(is_served)
    assert "Traceback" not in gateway.output


@CLIENTS
def test_a_stream_that_nobody_reads_takes_no_more_from_its_upstream(
    patient: GatewayProcess, upstream: Upstream, client_api: Api
) -> None:
    endless = Endless()
    upstream.script(sse_reply(endless))
    before = memory_of(patient)
    with connected(patient.port) as connection:
        connection.sendall(plain(PATHS[client_api], body_of(client_api, stream=True)))
        assert begun_on(connection).status == 200
        held = _until_it_stands(endless)
        grown = memory_of(patient) - before
        # The client reads on, and so does the gateway.
        while endless.sent < held + LARGE // 4:
            assert connection.recv(65_536)
        endless.is_enough.set()
    assert held < LARGE
    assert grown < LARGE // 4


def _until_it_stands(endless: Endless) -> int:
    """How many bytes had left when no more did for a while. Whoever looks too early has seen fewer."""
    sent, same = 0, 0
    while same < _LOOKS:
        time.sleep(0.02)
        same = same + 1 if endless.sent == sent > 0 else 0
        sent = endless.sent
    return sent
