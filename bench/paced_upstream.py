"""An upstream that sends ten events a second in each stream, and in each event the time when it was sent.

Here: a server on asyncio, a process of its own (`python -m bench.paced_upstream PORT`). The first part of a request's
path is the number of events. Not here: what the events look like (replies.py), who follows them (paced.py).
"""

import asyncio
import itertools
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.cases import APIS, PATHS, Api
from bench.processes import LOAD_CORE, Server, free_port
from bench.replies import REPLIES

PAUSE = 0.1
"""Seconds between the events of a stream."""
BEATS = 100
"""Moments within a pause at which streams have their events: at other moments than their neighbours."""
STAMP = re.compile(rb"@(\d+);")
"""The text of an event: CLOCK_MONOTONIC in ns, which all processes of a machine share."""
_MARK = "@0;"
_REQUEST = re.compile(rb"POST /(\d+)(/v1/[a-z/]+) ")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_API_OF: dict[str, Api] = {PATHS[api]: api for api in APIS}


def start(folder: Path) -> Server:
    """The server, beside the load."""
    port = free_port()
    command = [sys.executable, "-m", "bench.paced_upstream", str(port)]
    root = str(Path(__file__).parents[1])
    return Server(command, port, folder, LOAD_CORE, environ={"PYTHONPATH": root})


@dataclass(frozen=True)
class _Reply:
    """A stream's events. What surrounds the stamp in an event is made once, so that thousands of streams are cheap."""

    opening: bytes
    deltas: list[list[bytes]]
    closing: Callable[[str], bytes]


@cache
def _reply(api: Api, events: int) -> _Reply:
    reply = REPLIES[api](f"{api}-{events}")
    deltas = [reply.delta(number, _MARK).split(_MARK.encode()) for number in range(events)]
    return _Reply(reply.opening(), deltas, lambda text: reply.closing(events, text))


class _Streams(asyncio.Protocol):
    """One connection: one stream after the other."""

    def __init__(self, beats: "_Beats") -> None:
        self._beats = beats
        self._received = b""
        self._stamps: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._beats.remove(self)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, _, body = self._received.partition(b"\r\n\r\n")
        request, length = _REQUEST.match(head), _LENGTH.search(head)
        if request and length and len(body) >= int(length[1]):
            self._received = b""
            self._reply = _reply(_API_OF[request[2].decode()], int(request[1]))
            self._stamps.clear()
            self._transport.write(_HEAD + _chunk(self._reply.opening))
            self._beats.add(self)

    def send(self) -> None:
        """The next event, with the end behind the last."""
        stamp = f"@{time.monotonic_ns()};"
        self._transport.write(_chunk(stamp.encode().join(self._reply.deltas[len(self._stamps)])))
        self._stamps.append(stamp)
        if len(self._stamps) == len(self._reply.deltas):
            self._transport.write(_chunk(self._reply.closing("".join(self._stamps))) + b"0\r\n\r\n")
            self._beats.remove(self)


class _Beats:
    """All streams, each with its moment within a pause; neighbours in time are not neighbours in their moments."""

    def __init__(self) -> None:
        self._beats: list[set[_Streams]] = [set() for _ in range(BEATS)]
        self._moments: dict[_Streams, set[_Streams]] = {}
        self._count = 0

    def add(self, stream: _Streams) -> None:
        self._count += 1
        moment = self._moments[stream] = self._beats[self._count * 37 % BEATS]
        moment.add(stream)

    def remove(self, stream: _Streams) -> None:
        self._moments.pop(stream, set()).discard(stream)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        for number in itertools.count():
            await asyncio.sleep(start + number * PAUSE / BEATS - loop.time())
            for stream in [*self._beats[number % BEATS]]:
                stream.send()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def _main(port: int) -> None:
    beats = _Beats()
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: _Streams(beats), "127.0.0.1", port, backlog=4096)
    await beats.run()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1])))
