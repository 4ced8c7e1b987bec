"""A connection on a pair of sockets: one end is the upstream."""

import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgi_gateway.upstream import connection as connection_module
from wsgi_gateway.upstream.connection import BadReplyError, Connection

LONG = 30.0
"""Seconds that no test waits for."""
SHORT = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"
LARGE = b"ask" * 3_000_000
"""A request that no buffer takes whole."""
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
Pair = tuple[Connection, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with theirs:
        connection = Connection(ours)
        yield connection, theirs
        connection.close()


def body_of(connection: Connection) -> bytes:
    return b"".join(iter(connection.receive, None))


class Dripping:
    """A socket on which a byte comes every second of a clock of its own."""

    def __init__(self) -> None:
        self.now = 100.0
        self._timeout = 0.0

    def settimeout(self, seconds: float) -> None:
        self._timeout = seconds

    def send(self, data: bytes) -> int:
        return len(data)

    def sendall(self, data: bytes) -> None:
        """Takes it."""

    def recv(self, _: int) -> bytes:
        if self._timeout < 1:
            self.now += self._timeout
            raise TimeoutError
        self.now += 1
        return b"HTTP/1.1 200 OK and so on without end"[int(self.now) % 30 :][:1]

    def close(self) -> None:
        """Takes it."""


def test_a_head_that_drips_gets_no_more_time_for_every_byte(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sock: Any = Dripping()
    monkeypatch.setattr(connection_module, "monotonic", lambda: sock.now)
    monkeypatch.setattr(Connection, "_feed", lambda *_: None)
    with pytest.raises(TimeoutError):
        Connection(sock).exchange(b"ask", 10.0)
    assert sock.now <= 100 + 2 * 10


def test_a_body_that_drips_is_not_drained_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    sock: Any = Dripping()
    monkeypatch.setattr(connection_module, "monotonic", lambda: sock.now)
    monkeypatch.setattr(Connection, "_feed", lambda *_: None)
    Connection(sock).drain(10.0)
    assert sock.now <= 100 + 10


def test_a_reply_before_the_request_is_whole_is_read_though_the_connection_was_reset() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        connection = Connection(socket.create_connection(server.getsockname()))
        upstream, _ = server.accept()
        with upstream:
            upstream.sendall(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nno!")
            upstream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.exchange(b"ask", LONG)
    assert (connection.status, body_of(connection)) == (413, b"no!")
    assert not connection.is_reusable
    connection.close()


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_a_refusal_is_heard_though_nobody_reads_the_request(pair: Pair, before: bytes) -> None:
    connection, upstream = pair
    upstream.sendall(before + b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nno!")
    connection.exchange(LARGE, LONG)
    assert (connection.status, body_of(connection)) == (413, b"no!")
    assert not connection.was_sent
    assert not connection.is_reusable


@pytest.mark.parametrize("reply", [b"HTTP/1.1 100 Continue\r\n\r\n", SHORT])
def test_what_is_no_refusal_ends_no_request(pair: Pair, reply: bytes) -> None:
    connection, upstream = pair
    with ThreadPoolExecutor() as pool:
        upstream.sendall(reply)
        asked = pool.submit(upstream.recv, len(LARGE), socket.MSG_WAITALL)
        if reply is not SHORT:
            asked.add_done_callback(lambda _: upstream.sendall(SHORT))
        connection.exchange(LARGE, LONG)
        assert asked.result() == LARGE
    assert body_of(connection) == b"abc"
    assert connection.is_reusable


def test_a_request_that_nobody_takes_is_a_timeout(pair: Pair) -> None:
    connection, _ = pair
    with pytest.raises(TimeoutError):
        connection.exchange(LARGE, 0.01)


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (SHORT, b"abc"),
        (CHUNKED + b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n", b"abcdef"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
    ids=["content-length", "chunked", "interim reply", "no body"],
)
def test_a_whole_reply_leaves_the_connection_for_another(
    pair: Pair, reply: bytes, body: bytes
) -> None:
    connection, upstream = pair
    for _ in range(2):
        upstream.sendall(reply)
        connection.exchange(b"ask", LONG)
        assert body_of(connection) == body
        assert connection.is_reusable
    assert not connection.is_stale()
    assert upstream.recv(100) == b"askask"


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc",
        b"HTTP/1.0 200 OK\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",
    ],
    ids=["until the end", "HTTP/1.0", "close", "more than was asked for"],
)
def test_such_a_reply_is_the_last(pair: Pair, reply: bytes) -> None:
    connection, upstream = pair
    upstream.sendall(reply)
    upstream.shutdown(socket.SHUT_WR)
    connection.exchange(b"ask", LONG)
    assert body_of(connection) == b"abc"
    assert not connection.is_reusable


@pytest.mark.parametrize(
    "reply",
    [CHUNKED + b"3\r\nabc\r\nZZ\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"],
    ids=["no chunk", "too short"],
)
def test_what_came_before_a_flaw_is_handed_over_first(pair: Pair, reply: bytes) -> None:
    connection, upstream = pair
    upstream.sendall(reply)
    upstream.shutdown(socket.SHUT_WR)
    connection.exchange(b"ask", LONG)
    assert connection.receive() == b"abc"
    with pytest.raises(BadReplyError):
        connection.receive()
    assert not connection.is_reusable


@pytest.mark.parametrize(
    "reply",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 50_000,
    ],
    ids=["garbage", "no header", "upgrade", "half a head", "nothing", "endless"],
)
@pytest.mark.parametrize("request_bytes", [b"ask", LARGE], ids=["small", "large"])
def test_no_head_is_an_error(pair: Pair, reply: bytes, request_bytes: bytes) -> None:
    connection, upstream = pair
    upstream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1024 * 1024)
    upstream.sendall(reply)
    upstream.shutdown(socket.SHUT_WR)
    with pytest.raises(BadReplyError):
        connection.exchange(request_bytes, LONG)


@pytest.mark.parametrize("patience", [None, LONG])
@pytest.mark.parametrize("trailer", [b"x: y\r\n" * 80_000, b"x: " + b"y" * 480_000])
def test_trailers_without_end_are_not_kept(
    pair: Pair, trailer: bytes, patience: float | None
) -> None:
    connection, upstream = pair
    upstream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1024 * 1024)
    upstream.sendall(CHUNKED + b"2\r\nok\r\n0\r\n" + trailer)
    connection.exchange(b"ask", LONG)
    assert connection.receive() == b"ok"
    with pytest.raises(BadReplyError):
        while connection.receive(patience) == b"":
            continue
    assert connection.headers == {"transfer-encoding": "chunked"}
    assert not connection.is_reusable


def test_framing_that_comes_alone_each_time_is_fine(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "_LONGEST_HEAD", 50)
    connection, upstream = pair
    upstream.sendall(CHUNKED)
    connection.exchange(b"ask", LONG)
    for _ in range(30):
        upstream.sendall(b"3\r\n")
        assert connection.receive(LONG) == b""
        upstream.sendall(b"yes\r\n")
        assert connection.receive(LONG) == b"yes"


def test_headers_are_named_in_lower_case_and_joined(pair: Pair) -> None:
    connection, upstream = pair
    upstream.sendall(b"HTTP/1.1 429 Too\r\nX-A: 1\r\nx-a: \xe9\r\nContent-Length: 0\r\n\r\n")
    connection.exchange(b"ask", LONG)
    assert connection.status == 429
    assert connection.headers == {"x-a": "1, \xe9", "content-length": "0"}


def test_silence_ends_a_wait_and_loses_nothing(pair: Pair) -> None:
    connection, upstream = pair
    upstream.sendall(CHUNKED)
    connection.exchange(b"ask", LONG)
    for word in (b"one", b"two"):
        assert connection.receive(1e-4) == b""
        upstream.sendall(b"3\r\n%b\r\n" % word)
        assert connection.receive(LONG) == word


def test_waits_in_a_row_are_no_longer_than_the_timeout(pair: Pair) -> None:
    connection, upstream = pair
    upstream.sendall(CHUNKED)
    connection.exchange(b"ask", 0.02)
    assert connection.receive(0.015) == b""
    with pytest.raises(TimeoutError):
        connection.receive(LONG)


def test_an_idle_connection_that_was_closed_is_stale(pair: Pair) -> None:
    connection, upstream = pair
    upstream.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
    connection.exchange(b"ask", LONG)
    assert not connection.is_stale()
    upstream.close()
    assert connection.is_stale()


def test_an_answer_that_came_before_the_request_was_read(pair: Pair) -> None:
    connection, upstream = pair
    upstream.sendall(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n")
    upstream.close()
    connection.exchange(b"ask", LONG)
    assert connection.status == 413
    assert not connection.is_reusable


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=5), st.data())
def test_any_cut_of_a_reply_is_read_as_it_was_sent(
    pieces: list[bytes], data: st.DataObject
) -> None:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    reply = CHUNKED + chunks + b"0\r\n\r\n"
    cuts = sorted(data.draw(st.sets(st.integers(len(CHUNKED), len(reply)), max_size=6)))
    ours, theirs = socket.socketpair()
    connection = Connection(ours)
    received = b""
    with theirs:
        theirs.sendall(CHUNKED)
        connection.exchange(b"ask", LONG)
        sent = len(CHUNKED)
        for cut in cuts:
            theirs.sendall(reply[sent:cut])
            sent = cut
            received += connection.receive(1e-6) or b""
        theirs.sendall(reply[sent:])
        received += body_of(connection)
        assert connection.is_reusable
        connection.close()
    assert received == b"".join(pieces)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_reply_or_an_error(noise: bytes) -> None:
    ours, theirs = socket.socketpair()
    connection = Connection(ours)
    with theirs:
        theirs.sendall(b"HTTP/1.1 200 OK\r\n" + noise)
        theirs.shutdown(socket.SHUT_WR)
        try:
            connection.exchange(b"ask", LONG)
            body_of(connection)
        except BadReplyError:
            assert not connection.is_reusable
        connection.close()
