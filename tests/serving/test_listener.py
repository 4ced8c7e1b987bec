"""`wsgi_gateway.serving.listener`: no connection is lost when a listener closes."""

from __future__ import annotations

import sys

import gevent
import pytest
from gevent import socket
from gevent.pool import Pool

from wsgi_gateway.serving.listener import Listener, close_all, refuse_openings


def answering(pool: Pool) -> tuple[Listener, tuple[str, int]]:
    """A listener that has not begun to accept, and says "hi" to everybody."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(10)
    address = sock.getsockname()
    listener = Listener(sock, handle=lambda client, _: client.sendall(b"hi"), spawn=pool)
    listener.init_socket()
    return listener, address


def test_what_waits_is_served_before_the_listener_closes() -> None:
    pool = Pool(10)
    listener, address = answering(pool)
    waiting = [socket.create_connection(address) for _ in range(3)]
    close_all([listener], is_last=False)
    assert [client.recv(10) for client in waiting] == [b"hi"] * 3
    assert listener.closed
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_no_more_than_there_is_room_for() -> None:
    listener, address = answering(Pool(2))
    waiting = [socket.create_connection(address) for _ in range(3)]
    close_all([listener], is_last=False)
    assert [client.recv(10) for client in waiting[:2]] == [b"hi"] * 2
    with pytest.raises(ConnectionResetError):
        waiting[2].recv(10)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's filter is Linux's")
def test_a_late_client_is_refused_and_not_reset() -> None:
    listener, address = answering(Pool(10))
    early = socket.create_connection(address)
    refuse_openings(listener.socket)
    late = gevent.spawn(socket.create_connection, address, 20)
    assert not late.ready()
    close_all([listener], is_last=True)
    assert early.recv(10) == b"hi"
    with pytest.raises(ConnectionRefusedError):
        late.get()


def test_a_unix_socket_needs_none() -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        refuse_openings(sock)
