"""The sockets of a process: counted, and ended together."""

from wsgi_gateway.websocket.open_sockets import OpenSockets


class Fake:
    def __init__(self) -> None:
        self.drained = 0

    def drain(self) -> None:
        self.drained += 1


def test_no_more_than_there_may_be() -> None:
    sockets = OpenSockets()
    first, second, third = Fake(), Fake(), Fake()
    assert [sockets.enter(first, 2), sockets.enter(second, 2), sockets.enter(third, 2)] == [
        True,
        True,
        False,
    ]
    sockets.leave(first)
    sockets.leave(first)
    assert sockets.enter(third, 2)


def test_all_that_are_open_are_drained() -> None:
    sockets = OpenSockets()
    gone, there = Fake(), Fake()
    assert sockets.enter(gone, 2)
    assert sockets.enter(there, 2)
    sockets.leave(gone)
    sockets.drain()
    sockets.drain()
    assert (gone.drained, there.drained) == (0, 2)
