"""A client of Responses over a WebSocket that sends whatever it is told to: the bare library, no SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from support import planted
from support.dialects import CLIENT_KEY, PATHS
from support.streams import Json
from websockets.sync.client import ClientConnection, connect

PATIENCE = 60.0
"""Seconds that any message may take."""

ENDS = {"response.completed", "response.failed", "response.incomplete", "error"}


def url_of(base_url: str) -> str:
    """Where the WebSocket is opened."""
    return base_url.replace("http", "ws", 1) + PATHS["responses"]


@contextmanager
def opened(base_url: str, **options: Any) -> Iterator[ClientConnection]:
    """A socket, closed in the end."""
    headers = {"authorization": f"Bearer {CLIENT_KEY}"} | options.pop("headers", {})
    options = {"open_timeout": PATIENCE, "max_size": None, **options}
    with connect(url_of(base_url), additional_headers=headers, **options) as socket:
        yield socket


def create(model: str, text: str = "Hi", **more: Any) -> str:
    """A message that begins a turn."""
    return json.dumps({"type": "response.create", "model": model, "input": text, **more})


def events_of(socket: ClientConnection) -> Iterator[Json]:
    """The events of the turn that runs, up to its end."""
    while True:
        message = socket.recv(PATIENCE)
        planted.search("a message to a client", message)
        event: Json = json.loads(message)
        yield event
        if event["type"] in ENDS:
            return


def ask(socket: ClientConnection, message: str) -> Json:
    """One turn: its last event."""
    socket.send(message)
    return list(events_of(socket))[-1]


def text_of(event: Json) -> str:
    """The words of a response that is complete."""
    assert event["type"] == "response.completed", event
    items = event["response"]["output"]
    return "".join(
        part["text"] for item in items if item["type"] == "message" for part in item["content"]
    )


def error_of(event: Json) -> Json:
    """The error of a turn that failed."""
    assert event["type"] == "error", event
    error: Json = event["error"]
    assert {"code", "message", "param", "type"} <= error.keys(), event
    assert all(isinstance(error[name], str) and error[name] for name in ("code", "message"))
    return error
