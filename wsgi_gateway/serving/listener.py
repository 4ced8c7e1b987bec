"""Accepts a worker's connections, and stops without losing one.

Theory of operation. What a listener has in its queue when the last process closes it is reset, and a client that has
sent its request by then cannot know whether it was read. So a worker takes what is in the queue before it closes.
Between the two a connection may still come in. Where no other worker will be left to take it, the master has told the
kernel before to drop what opens a connection (a packet with SYN and without ACK), and handshakes under way get a moment
to end. A client whose packet was dropped sends it again, and is refused then: it has sent nothing else, so it goes
elsewhere.

Source: Linux socket(7), SO_ATTACH_FILTER; bpf(4) for the program.
"""

import ctypes
import socket
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import gevent
from gevent.server import StreamServer

_SO_ATTACH_FILTER = 26
_HANDSHAKES = 0.2
"""Seconds in which a handshake that has begun is over."""
_NO_OPENING = (
    (0x30, 0, 0, 13),  # load the byte of TCP's header that has its flags
    (0x54, 0, 0, 0x12),  # of them SYN and ACK
    (0x15, 0, 1, 0x02),  # SYN alone?
    (0x06, 0, 0, 0),  # drop
    (0x06, 0, 0, 0xFFFFFFFF),  # keep
)


def refuse_openings(sock: Any) -> None:
    """No connection is opened any more, in whichever process this listening socket is. On Linux, for TCP."""
    if sys.platform != "linux" or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    program = b"".join(struct.pack("HBBI", *step) for step in _NO_OPENING)
    memory = ctypes.create_string_buffer(program, len(program))
    told = struct.pack("HL", len(_NO_OPENING), ctypes.addressof(memory))
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, told)


class Listener(StreamServer):
    """gevent's server, but for its end."""

    def close(self) -> None:
        """Accept what has been waiting, then close."""
        self.stop_accepting()
        with suppress(OSError):
            while not self.closed and not self.full():
                accepted: tuple[Any, ...] | None = self.do_read()
                if accepted is None:
                    break
                self.do_handle(*accepted)
        super().close()


def close_all(listeners: Sequence[Listener], *, is_last: bool) -> None:
    """``is_last``: whether nobody else accepts what would still come to these sockets."""
    if is_last:
        gevent.sleep(_HANDSHAKES)
    for listener in listeners:
        listener.close()
