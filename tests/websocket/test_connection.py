"""One WebSocket on a pair of sockets: whole messages, bounds, and how it ends."""

from __future__ import annotations

import json
import socket
import struct
import threading
from contextlib import suppress

import pytest
from support.socket_pairs import pair
from support.sockets import PATIENCE
from support.until import until
from websockets.exceptions import ConnectionClosed

from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.websocket.connection import Connection

HANDSHAKE = {
    "connection": "keep-alive, Upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-extensions": "permessage-deflate",
    "cookie": "ä",
}


def echo(connection: Connection) -> None:
    for message in connection.messages():
        connection.send([message, b"!"])
    with suppress(OSError):
        connection.await_end()


def test_messages_go_both_ways() -> None:
    with pair(echo) as client:
        client.send("ä" * 10)
        assert [client.recv(PATIENCE), client.recv(PATIENCE)] == ["ä" * 10, "!"]
        client.send(["a", "", "b", ""])
        assert client.recv(PATIENCE) == "ab"


def test_it_is_not_compressed() -> None:
    with pair(echo) as client:
        assert client.protocol.extensions == []


def test_pieces_of_a_message_that_is_too_large_together() -> None:
    with pair(echo, message_size=100) as client:
        client.send("a" * 100)
        assert client.recv(PATIENCE) == "a" * 100
        assert client.recv(PATIENCE) == "!"
        with pytest.raises(ConnectionClosed) as closed:
            client.send(["a" * 60, "a" * 60])
            error = json.loads(client.recv(PATIENCE))
            assert error["status"] == 413
            client.recv(PATIENCE)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


def test_empty_pieces_take_no_room() -> None:
    with pair(echo) as client:
        client.socket.sendall(b"\x01\x80mask" + b"\x00\x80mask" * 10_000 + b"\x80\x80mask")
        assert client.recv(PATIENCE) == ""


@pytest.mark.parametrize(
    "frames",
    [
        b"\x81\x01a",
        b"\xf1\x80mask",
        b"\x80\x80mask",
        b"\x83\x80mask",
        b"\x01\x80mask\x81\x80mask",
        b"\x89\xfe\x00\x7emask" + b"x" * 126,
    ],
    ids=["not masked", "reserved bits", "no beginning", "opcode", "two beginnings", "long ping"],
)
def test_frames_that_are_wrong(frames: bytes) -> None:
    with pair(echo) as client:
        client.socket.sendall(frames)
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(PATIENCE)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1002


class _Held:
    """A lock as it is while another one sends, until it is released; tells that somebody waits for it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.lock.acquire()
        self.is_awaited = threading.Event()

    def acquire(self, blocking: bool = True) -> bool:
        if blocking:
            self.is_awaited.set()
        return self.lock.acquire(blocking)

    def release(self) -> None:
        self.lock.release()


def test_a_client_that_pings_and_reads_nothing_fills_no_memory() -> None:
    pings = b"\x89\x80mask" * 60_000
    held, most = _Held(), 0

    def serve(connection: Connection) -> None:
        nonlocal most
        connection._sending = held  # type: ignore[assignment]
        flush = connection._flush

        def watched(*, wait: bool) -> None:
            nonlocal most
            most = max(most, len(connection._unsent))
            flush(wait=wait)

        connection._flush = watched  # type: ignore[method-assign]
        with suppress(OSError):
            for _ in connection.messages():
                return

    with pair(serve) as client:
        feeder = threading.Thread(target=client.socket.sendall, args=(pings,), daemon=True)
        feeder.start()
        until(lambda: held.is_awaited.is_set() or not feeder.is_alive())
        held.release()
        feeder.join(PATIENCE)
        assert not feeder.is_alive(), "it is read again once it reads"
        client.close()
    assert most < 30_000


def test_our_last_word_is_heard() -> None:
    """Also by a client that is still sending."""

    def serve(connection: Connection) -> None:
        next(connection.messages())
        connection.close(1001, "going")
        connection.close(1000, "again")
        with pytest.raises(OSError, match="connection is closing"):
            connection.send([b"too late"])
        with pytest.raises(OSError, match="connection is over"):
            connection.ping()
        connection.await_end()

    with pair(serve) as client:
        client.send("a")
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                client.recv(PATIENCE)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1001, "going")


def test_a_silent_client_is_pinged() -> None:
    pinged = threading.Event()

    def serve(connection: Connection) -> None:
        assert list(connection.messages()) == [b"pinged"]

    with pair(serve, ping_every=0.05) as client:
        received = client.protocol.receive_data

        def receive_data(data: bytes) -> None:
            received(data)
            if b"\x89\x00" in data:
                pinged.set()

        client.protocol.receive_data = receive_data  # type: ignore[method-assign]
        assert pinged.wait(PATIENCE)
        client.send("pinged")


def test_a_reader_is_woken() -> None:
    reading = threading.Event()

    def serve(connection: Connection) -> None:
        messages = connection.messages()
        assert next(messages) == b"a"
        threading.Thread(target=lambda: reading.wait(PATIENCE) and connection.abort()).start()
        reading.set()
        assert list(messages) == []

    with pair(serve) as client:
        client.send("a")
        with pytest.raises(ConnectionClosed):
            client.recv(PATIENCE)


def test_two_that_send_at_the_same_time() -> None:
    """No message is torn, although the client does not read: pongs go between them."""
    size = 300_000

    def serve(connection: Connection) -> None:
        threads = [
            threading.Thread(target=lambda: connection.send([b"x" * size] * 10)) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        assert list(connection.messages()) == [b"done"]
        for thread in threads:
            thread.join(PATIENCE)

    with pair(serve) as client:
        for _ in range(20):
            client.ping()
        lengths = [len(client.recv(PATIENCE)) for _ in range(40)]
        assert lengths == [size] * 40
        client.send("done")


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"upgrade": "h2c"}, 426),
        ({"connection": "close"}, 426),
        ({"sec-websocket-version": "8"}, 400),
        ({"sec-websocket-key": "?"}, 400),
        ({"sec-websocket-key": "a\x7fb"}, 400),
    ],
)
def test_handshakes_that_are_wrong(changed: dict[str, str], status: int) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with pytest.raises(ApiError) as refused:
            Connection(theirs, 1000, None).accept(HANDSHAKE | changed)
        assert refused.value.openai().status == 400
        assert refused.value.status in (status, None)
        theirs.close()
        assert ours.recv(1) == b"", "something was said already"


def test_a_handshake() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        Connection(theirs, 1000, None).accept(HANDSHAKE)
        answer = ours.recv(10_000)
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer, "RFC 6455, 1.3"
    assert b"deflate" not in answer


def test_a_client_that_is_gone() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        connection = Connection(theirs, 1000, None)
        connection.accept(HANDSHAKE)
        linger = struct.pack("ii", 1, 0)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        ours.close()
        with suppress(OSError):
            assert list(connection.messages()) == []
        with pytest.raises(OSError):
            connection.send([b"a"])
        connection.close(1001, "")
        connection.abort()
