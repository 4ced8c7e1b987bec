"""A cheap HTTP client on asyncio streams that reads whole answers, and can leave in the middle of one.

Here: one kept-alive connection. Not here: what is asked and what should come (soak_mix.py).
"""

import asyncio
import re
from dataclasses import dataclass

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")


@dataclass(frozen=True)
class Answer:
    """``body`` is without the marks of its chunks."""

    status: int
    head: bytes
    body: bytes


class Client:
    """Opens its connection when it needs one. Raises OSError or asyncio.IncompleteReadError where it breaks."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> Answer:
        """The whole answer."""
        reader = await self._send(request)
        head = await reader.readuntil(b"\r\n\r\n")
        match = _STATUS.match(head)
        if match is None:
            raise ConnectionError(f"no HTTP: {head[:80]!r}")
        length = _LENGTH.search(head)
        if length:
            body = await reader.readexactly(int(length[1]))
        else:
            body = await self._chunks(reader)
        if b"\r\nconnection: close" in head.lower():
            self.close()
        return Answer(int(match[1]), head, body)

    async def leave(self, request: bytes, pieces: int, patience: float) -> None:
        """Send it, read so many pieces of what comes, for so many seconds at most, and close the connection."""
        reader = await self._send(request)
        try:
            async with asyncio.timeout(patience):
                for _ in range(pieces):
                    await reader.read(512)
        except TimeoutError:
            pass
        self.close()

    def close(self) -> None:
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].transport.abort()

    async def _send(self, request: bytes) -> asyncio.StreamReader:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=2**20)
        reader, writer = self._streams
        writer.write(request)
        return reader

    @staticmethod
    async def _chunks(reader: asyncio.StreamReader) -> bytes:
        body = bytearray()
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
        return bytes(body)
