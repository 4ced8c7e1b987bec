"""Two gateways behind nginx, with two workers each, are restarted one by one while clients ask without a pause.

Here: that no request fails and no stream is cut. Not here: what nginx makes of gateways that fail
(test_nginx_balancing.py), and how one gateway ends (test_drain.py).
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from itertools import count
from pathlib import Path

import httpx2
from support.asks import READERS, Ask, Text, user
from support.dialects import Clients
from support.gateway import GatewayProcess, config, free_port, provider
from support.load import Load
from support.nginx import NEEDS_NGINX, nginx_before
from support.pairs import APIS, model_of, reply_to
from support.streams import STREAMED, Answer, Api, frames_of
from support.until import until
from support.upstream import Piece, Reply, Request, Upstream, sse_reply
from support.validators import check

pytestmark = NEEDS_NGINX
NAMES = ("one", "two")
PATIENCE = 60.0
LONG = "long"
SEVERAL = 10
MOST = 20


def slowly(frames: list[bytes]) -> Iterator[Piece]:
    """So that at any moment some streams are under way."""
    for frame in frames:
        time.sleep(0.01)
        yield frame


class Model:
    """Repeats what it was told. Long streams stand still until the gate opens."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.asked = dict.fromkeys(NAMES, 0)
        """How many requests came from each gateway."""
        self.long = dict.fromkeys(NAMES, 0)

    def answer(self, request: Request) -> Reply:
        name = request.headers["x-api-key"].rpartition("-")[2]
        said = READERS["messages"](request.json).turns[-1].parts[0]
        assert isinstance(said, Text)
        answer = Answer(said.text)
        self.asked[name] += 1
        if not request.json.get("stream"):
            return reply_to(request, "messages", answer)
        frames = frames_of(STREAMED["messages"](answer))
        if not said.text.startswith(LONG):
            return sse_reply(slowly(frames))
        self.long[name] += 1
        return sse_reply([*frames[:-3], self.gate, *frames[-3:]])


def started(upstream: Upstream, name: str, port: int) -> GatewayProcess:
    entry = provider(upstream.base_url, "messages", access_key=f"sk-provider-{name}")
    environ = {"WSGI_GATEWAY_KEEPALIVE": "1"}
    return GatewayProcess(config(entry), port=port, workers=2, environ=environ)


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def asks(base_url: str) -> dict[str, Callable[[], None]]:
    """Clients of all three APIs, some of which want a stream."""
    number = count()

    def once(clients: Clients, api: Api, stream: bool) -> None:
        text = f"{api} number {next(number)} and nothing else"
        got = clients.ask(api, model_of("messages"), Ask((user(text),)), stream=stream)
        assert got.text == text

    return {
        f"{api}, {stream=}": partial(once, Clients(base_url), api, stream)
        for api in APIS
        for stream in (False, True)
    }


def test_no_request_fails_and_no_stream_is_cut(upstream: Upstream, tmp_path: Path) -> None:
    model = Model()
    upstream.script(model.answer)
    ports = {name: free_port() for name in NAMES}
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(len(NAMES)))
        begun = pool.map(partial(started, upstream), *zip(*ports.items(), strict=True))
        gateways = dict(zip(NAMES, begun, strict=True))
        stack.callback(lambda: [gateway.stop() for gateway in gateways.values()])
        base_url = stack.enter_context(nginx_before([*ports.values()], tmp_path, "1s"))
        clients = asks(base_url)
        load = stack.enter_context(Load(clients))
        load.until_answered(1, *clients)
        for name, port in ports.items():
            with ExitStack() as streams:
                model.gate, model.long = threading.Event(), dict.fromkeys(NAMES, 0)
                streams.callback(model.gate.set)
                opened = []
                # nginx gives them to the gateway that has the fewest requests just then.
                for api in APIS * MOST:
                    if len(opened) >= len(APIS) and all(model.long.values()):
                        break
                    opened.append((api, streams.enter_context(long_stream(base_url, api))))
                assert all(model.long.values()), "each gateway has some"
                gateways[name].drain()
                until(lambda: not accepts(port))  # noqa: B023 - called at once
                load.until_answered(2, *clients)
                model.gate.set()
                for api, stream in opened:
                    assert check(api, stream.read()) == "finished"
            assert gateways[name].wait(PATIENCE) == 0
            gateways[name].stop()
            gateways[name] = started(upstream, name, port)
            before = model.asked[name]
            until(lambda: model.asked[name] >= before + SEVERAL)  # noqa: B023 - called at once
        load.until_answered(1, *clients)


def long_stream(base_url: str, api: Api) -> AbstractContextManager[httpx2.Response]:
    return Clients(base_url).open(api, model_of("messages"), Ask((user(f"{LONG}, as can be"),)))
