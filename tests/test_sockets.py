"""What is written to a socket that takes it in parts."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from wsgi_gateway.sockets import keep_unsent_short, send_all


class _Slow:
    """A peer that takes three bytes at a time, or none; waiting is the socket's own matter."""

    def __init__(self) -> None:
        self.taken = b""

    def send(self, data: Any) -> int:
        part = bytes(data[:3]) if len(self.taken) % 2 == 0 else b""
        self.taken += part or bytes(data[:1])
        return len(part) or 1

    def sendall(self, _data: Any) -> None:
        pytest.fail("its timeout would be that of all data together")


def test_each_part_has_the_sockets_whole_time() -> None:
    peer: Any = _Slow()
    send_all(peer, b"one two three")
    assert peer.taken == b"one two three"


def test_a_peer_that_takes_nothing() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(0.01)
        with pytest.raises(TimeoutError):
            send_all(ours, b"x" * 10_000_000)


def test_sockets_that_know_nothing_of_it_stay_as_they_are() -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        keep_unsent_short(listener)
