"""The wait for a reply's next bytes, on a pair of sockets: one end is the upstream."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http.client import HTTPResponse

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from wsgi_gateway.upstream.arrival import Arrival

CHUNKED = b"transfer-encoding: chunked"
LONG = 30.0
"""Seconds that no test waits for."""
MOMENT = 1e-6


class Exchange:
    """A reply whose head has been read, and the socket on which its body comes."""

    def __init__(
        self,
        header: bytes,
        ours: socket.socket,
        theirs: socket.socket,
        timeout: float | None = None,
    ) -> None:
        self.ours, self.theirs = ours, theirs
        ours.settimeout(timeout)
        theirs.sendall(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % header)
        response = HTTPResponse(ours)
        response.begin()
        self.reply = urllib3.HTTPResponse(response, dict(response.headers), preload_content=False)
        self.arrival = Arrival(self.reply)

    def read(self) -> bytes:
        return self.reply.read1(65_536)


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def chunked(sockets: tuple[socket.socket, socket.socket]) -> Exchange:
    return Exchange(CHUNKED, *sockets)


def test_a_body_of_no_bytes_is_not_waited_for(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    exchange = Exchange(b"content-length: 0", *sockets)
    assert exchange.arrival.wait(LONG)
    assert exchange.read() == b""
    assert exchange.arrival.wait(LONG)


def test_silence_ends_a_wait_and_loses_nothing(chunked: Exchange) -> None:
    for word in (b"one", b"two"):
        assert not chunked.arrival.wait(MOMENT)
        assert not chunked.arrival.wait(0.01)
        chunked.theirs.sendall(b"3\r\n%b\r\n" % word)
        assert chunked.arrival.wait(LONG)
        assert chunked.read() == word


def test_what_was_read_ahead_is_not_waited_for(chunked: Exchange) -> None:
    chunked.theirs.sendall(b"3\r\none\r\n3\r\ntwo\r\n")
    assert chunked.read() == b"one"
    assert chunked.arrival.wait(MOMENT)
    assert chunked.read() == b"two"
    assert not chunked.arrival.wait(MOMENT)


def test_the_halves_of_a_line_end_may_come_apart(chunked: Exchange) -> None:
    chunked.theirs.sendall(b"3\r\none\r")
    assert chunked.read() == b"one"
    assert chunked.arrival.wait(MOMENT)
    chunked.theirs.sendall(b"\n3\r\ntwo")
    assert chunked.read() == b"two"
    assert not chunked.arrival.wait(MOMENT)


@pytest.mark.parametrize("header", [b"content-length: 9", b"connection: close", CHUNKED])
def test_a_break_has_arrived(sockets: tuple[socket.socket, socket.socket], header: bytes) -> None:
    exchange = Exchange(header, *sockets)
    exchange.theirs.shutdown(socket.SHUT_WR)
    assert exchange.arrival.wait(LONG)


@pytest.mark.parametrize("told", [b"", b"all"])
def test_the_end_of_a_body_of_known_length_is_not_waited_for(
    sockets: tuple[socket.socket, socket.socket], told: bytes
) -> None:
    """Though the connection stays open."""
    exchange = Exchange(b"content-length: %d" % len(told), *sockets)
    exchange.theirs.sendall(told)
    assert exchange.arrival.wait(LONG)
    assert exchange.read() == told
    assert exchange.arrival.wait(MOMENT)


def test_an_end_that_was_read_has_arrived(chunked: Exchange) -> None:
    chunked.theirs.sendall(b"0\r\n\r\n")
    assert chunked.arrival.wait(LONG)
    assert chunked.read() == b""
    assert chunked.arrival.wait(LONG)


def test_waits_in_a_row_are_no_longer_than_the_sockets_timeout(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    chunked = Exchange(CHUNKED, *sockets, timeout=0.02)
    assert not chunked.arrival.wait(0.01)
    chunked.theirs.sendall(b"3\r\none\r\n")
    assert chunked.arrival.wait(LONG)
    assert chunked.read() == b"one"

    assert not chunked.arrival.wait(0.015)
    with pytest.raises(TimeoutError):
        chunked.arrival.wait(LONG)


@pytest.mark.parametrize("news", [b"3", b"3;x", b"0\r\n"])
def test_a_read_that_needs_more_has_the_sockets_own_timeout(
    sockets: tuple[socket.socket, socket.socket], news: bytes
) -> None:
    chunked = Exchange(CHUNKED, *sockets, timeout=LONG)
    assert not chunked.arrival.wait(MOMENT)
    chunked.theirs.sendall(news)
    assert chunked.arrival.wait(1)
    assert chunked.ours.gettimeout() == LONG


def test_so_has_one_of_packed_data(sockets: tuple[socket.socket, socket.socket]) -> None:
    packed = Exchange(CHUNKED + b"\r\ncontent-encoding: gzip", *sockets, timeout=LONG)
    packed.theirs.sendall(b"3\r\none\r\n")
    assert packed.arrival.wait(1)
    assert packed.ours.gettimeout() == LONG


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=5), st.data())
def test_any_cut_of_a_body_is_read_as_it_was_sent(chunks: list[bytes], data: st.DataObject) -> None:
    """After each piece all is read that does not block, as the waits say."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    cuts = sorted(data.draw(st.sets(st.integers(1, len(body) - 1), max_size=6)))
    ours, theirs = socket.socketpair()
    received = b""
    with ours, theirs:
        exchange = Exchange(CHUNKED, ours, theirs, timeout=LONG)
        sent = 0
        for cut in cuts:
            theirs.sendall(body[sent:cut])
            sent = cut
            exchange.arrival.wait(MOMENT)
        theirs.sendall(body[sent:])
        while exchange.arrival.wait(LONG) and (piece := exchange.read()):
            received += piece
    assert received == b"".join(chunks)
