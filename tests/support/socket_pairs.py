"""A WebSocket without a server: the client's library on one end of a pair of sockets, the gateway's on the other."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from support.sockets import PATIENCE
from websockets.sync.client import ClientConnection, unix_connect

from wsgi_gateway.websocket.connection import Connection


def head_on(sock: socket.socket) -> dict[str, str]:
    """The headers of the request that comes, by names in lower case."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += sock.recv(1)
    lines = head.decode().split("\r\n")[1:-2]
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}


@contextmanager
def pair(
    serve: Callable[[Connection], None],
    message_size: int = 1000,
    ping_every: float | None = None,
) -> Iterator[ClientConnection]:
    """The client's end; ``serve`` has the other one, in a thread that has ended in the end."""
    ours, theirs = socket.socketpair()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            connection = Connection(theirs, message_size, ping_every)
            connection.accept(head_on(theirs))
            serve(connection)
        except BaseException as failure:  # noqa: BLE001 - raised again by the test
            failures.append(failure)
        finally:
            theirs.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    options = {"max_size": None, "open_timeout": PATIENCE, "close_timeout": PATIENCE}
    with unix_connect(None, "ws://gateway/", sock=ours, **options) as client:  # type: ignore[arg-type]
        yield client
    thread.join(PATIENCE)
    assert not thread.is_alive(), "the gateway's end did not end"
    for failure in failures:
        raise failure
