"""A connection on a pair of sockets: one end is the upstream."""

import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgi_gateway.upstream.connection import BadReplyError, Connection

LONG = 30.0
"""Seconds that no test waits for."""
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


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", b"abc"),
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
def test_no_head_is_an_error(pair: Pair, reply: bytes) -> None:
    connection, upstream = pair
    upstream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1024 * 1024)
    upstream.sendall(reply)
    upstream.shutdown(socket.SHUT_WR)
    with pytest.raises(BadReplyError):
        connection.exchange(b"ask", LONG)


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
