"""Very many streams at once, each with a text of its own, before upstreams of which one stalls and one flaps.

Here: the upstreams and the clients, all on one asyncio loop so that thousands of them are cheap. Not here: what is
asserted of them.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from support.gateway import PROVIDER_KEY
from support.raw_http import plain
from support.streams import Json

STEADY, STALLING, FLAPPING, OTHER = "steady", "stalling", "flapping", "other"
KINDS = (STEADY, STALLING, FLAPPING, OTHER)
PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages"}
WORDS = 10
PAUSE = 0.2
"""Seconds between two words of a stream."""
_HEAD = "HTTP/1.1 200 OK\r\ncontent-type: {}\r\ntransfer-encoding: chunked\r\n\r\n"


def words_of(name: str) -> list[str]:
    """What the upstream says to whoever calls itself that: nobody else is told this."""
    return [f"{name}/{number} " for number in range(WORDS)]


def providers(port: int) -> list[Json]:
    """Config entries: a model of each kind."""
    return [
        {
            "model": f"{kind}/{kind}-model",
            "base_url": f"http://127.0.0.1:{port}/{kind}",
            "access_key": PROVIDER_KEY,
            "upstream_apis": ["chat_completions"],
        }
        for kind in KINDS
    ]


@dataclass
class Upstreams:
    """One server for all four. Steady streams go on when ``go_on`` is set; stalling ones never do."""

    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    begun: int = 0
    """Steady streams that have."""
    stalled: int = 0
    """Those that are open."""
    _turn: itertools.count[int] = field(default_factory=itertools.count)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: a request after the other."""
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether another request may follow."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        body = json.loads(await reader.readexactly(length))
        kind = head.split("/")[1].split("/")[0]
        words = words_of(_name_in(body))
        if kind == OTHER:
            writer.write(_plain("".join(words)))
            return True
        way = next(self._turn) % 4 if kind == FLAPPING else 3
        if way == 0:
            writer.write(b"HTTP/1.1 503 Unavailable\r\ncontent-length: 2\r\n\r\n{}")
            return True
        if way == 1:
            return False
        writer.write(_HEAD.format("text/event-stream").encode() + _event(words[0]))
        if kind == STALLING:
            self.stalled += 1
            try:
                await reader.read()
            finally:
                self.stalled -= 1
            return False
        if kind == STEADY:
            self.begun += 1
            await self.go_on.wait()
        for word in words[1 : WORDS // 2 if way == 2 else WORDS]:
            await asyncio.sleep(PAUSE)
            writer.write(_event(word))
            await writer.drain()
        if way == 2:
            return False
        writer.write(_event("", finish="stop") + _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")
        return True


def _name_in(body: Json) -> str:
    content = body["messages"][-1]["content"]
    name: str = content if isinstance(content, str) else content[0]["text"]
    return name


def _plain(text: str) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}}
    body = _completion("chat.completion", {**choice, "finish_reason": "stop"})
    head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n"
    return head.format(len(body)).encode() + body


def _event(word: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": word}, "finish_reason": finish}
    return _chunk(b"data: %b\n\n" % _completion("chat.completion.chunk", choice))


def _completion(kind: str, choice: Json) -> bytes:
    body = {"id": "c", "object": kind, "created": 1, "model": "m", "choices": [choice]}
    return json.dumps(body).encode()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@dataclass
class Client:
    """One request that calls itself ``name``, and all that came back."""

    name: str
    kind: str
    api: str = "chat"
    streams: bool = True
    status: int = 0
    body: bytes = b""
    has_begun: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether its first word came."""

    @property
    def request(self) -> bytes:
        messages = [{"role": "user", "content": self.name}]
        said = {"model": f"{self.kind}-model", "messages": messages, "stream": self.streams}
        return plain(PATHS[self.api], json.dumps(said | {"max_tokens": 99}).encode())

    async def ask(self, port: int) -> None:
        """Until the answer's end, or until the connection's."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(self.request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            self.status = int(head.split()[1])
            async for piece in _body(head, reader):
                self.body += piece
                if not self.has_begun.is_set() and self.text:
                    self.has_begun.set()
        finally:
            self.has_begun.set()
            writer.close()

    @property
    def text(self) -> str:
        """The words that came."""
        if not self.streams:
            message = json.loads(self.body)["choices"][0]["message"]
            return str(message["content"])
        events = [line[6:] for line in self.body.splitlines() if line.startswith(b"data: {")]
        return "".join(_word(json.loads(event)) for event in events)

    @property
    def has_failed(self) -> bool:
        """Whether it was told so."""
        return b'"error"' in self.body


def _word(event: Json) -> str:
    choices: list[Any] = event.get("choices") or [{}]
    delta = choices[0].get("delta") or event.get("delta") or {}
    return str(delta.get("content") or delta.get("text") or "")


async def _body(head: str, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    if "content-length:" in head:
        yield await reader.readexactly(int(head.split("content-length:")[1].split("\r\n")[0]))
        return
    while size := int(await reader.readuntil(b"\r\n"), 16):
        yield (await reader.readexactly(size + 2))[:-2]
