"""A cheap HTTP client on asyncio streams, which sees each piece of an answer when it arrives.

Here: one kept-alive connection, and a request's bytes. Not here: when requests are sent (latency.py, paced.py,
concurrency.py), and load that only counts (load.py).
"""

import asyncio
import contextlib
import gc
import os
from collections.abc import AsyncIterator, Iterator

from bench.cases import Case
from bench.gateways import Gateway
from bench.processes import LOAD_CORE

READ_SIZE = 262_144
LAST_CHUNK = b"0\r\n\r\n"


def wire(gateway: Gateway, case: Case) -> bytes:
    """The whole request as it is sent."""
    path, headers, body = gateway.request(case)
    lines = [f"POST {path} HTTP/1.1", f"host: 127.0.0.1:{gateway.server.port}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


class Connection:
    """Answers of status 200 in chunks, one after the other. Raises RuntimeError for any other, OSError if it breaks."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def exchange(self, request: bytes) -> AsyncIterator[bytes]:
        """The pieces of the answer's body, with the marks of their chunks, as they come."""
        self._writer.write(request)
        head = b""
        while b"\r\n\r\n" not in head:
            head += await self._read()
        head, _, piece = head.partition(b"\r\n\r\n")
        if b" 200 " not in head[:16] or b"chunked" not in head.lower():
            raise RuntimeError(f"{head[:40]!r} {piece[:200]!r}")
        end = b""
        while True:
            if piece:
                yield piece
            end = end[-len(LAST_CHUNK) :] + piece[-len(LAST_CHUNK) :]
            if end.endswith(LAST_CHUNK):
                return
            piece = await self._read()

    async def _read(self) -> bytes:
        data = await self._reader.read(READ_SIZE)
        if not data:
            raise RuntimeError("the answer broke off")
        return data

    def close(self) -> None:
        self._writer.close()


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """This process beside the load, without garbage collection: what it measures is not itself."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {LOAD_CORE})
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        os.sched_setaffinity(0, cores)
