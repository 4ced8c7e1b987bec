"""The watch on a request's client, without a server: one end of a pair of sockets is the client."""

import socket
import ssl
from collections.abc import Iterator

import gevent
import pytest
from gevent import monkey

from wsgi_gateway.client_watch import (
    ClientGone,
    ClientWatch,
    GatewayStopping,
    NoWatch,
    StopSwitch,
    interrupt_all,
    watch,
)

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """The client's end and the server's."""
    client, server = socket.socketpair()
    with client, server:
        yield client, server


def test_a_wait_ends_when_the_client_leaves(pair: Pair) -> None:
    client, server = pair
    watching = ClientWatch(server)
    gevent.spawn(client.close)

    with pytest.raises(ClientGone):
        watching.wait(lambda: gevent.sleep(30))
    with pytest.raises(ClientGone):
        watching.wait(lambda: pytest.fail("nobody waits for a client that has left"))


def test_one_of_several_exchanges_leaves_the_watch_to_the_others(pair: Pair) -> None:
    client, server = pair
    watching = ClientWatch(server)
    watching.shared().close()
    gevent.spawn(client.close)

    with pytest.raises(ClientGone):
        watching.shared().wait(lambda: gevent.sleep(30))
    watching.close()
    none = NoWatch()
    assert none.shared().wait(lambda: 3) == 3


def test_a_client_that_sends_more_is_still_there(pair: Pair) -> None:
    client, server = pair
    watching = ClientWatch(server)
    client.send(b"GET / HTTP/1.1")

    assert watching.wait(lambda: gevent.spawn(lambda: "answered").get()) == "answered"
    watching.close()
    watching.close()
    assert server.recv(100) == b"GET / HTTP/1.1", "the watch took what it only looked at"


@pytest.mark.parametrize("is_tls", [False, True])
def test_what_cannot_be_watched_is_not(
    pair: Pair, is_tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monkey, "is_module_patched", lambda _: is_tls)
    client = pair[1]
    if is_tls:
        client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).wrap_socket(
            client, server_side=True, do_handshake_on_connect=False
        )

    watching = watch({"gunicorn.socket": client})

    assert isinstance(watching, NoWatch)
    assert watching.wait(lambda: 3) == 3
    client.close()


# --- exchanges without a client


def test_what_is_stopped_ends_as_if_its_client_had_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monkey, "is_module_patched", lambda _: True)
    switch = StopSwitch()
    assert switch.wait(lambda: 3) == 3
    gevent.spawn(switch.stop)

    with pytest.raises(ClientGone):
        switch.wait(lambda: gevent.sleep(30))
    with pytest.raises(ClientGone):
        switch.wait(lambda: pytest.fail("nobody waits for what was stopped"))


def test_stopping_what_does_not_wait_interrupts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monkey, "is_module_patched", lambda _: True)
    switch = StopSwitch()
    switch.wait(lambda: None)
    switch.stop()
    gevent.sleep(0)
    assert switch.is_stopped
    switch.close()


# --- the end of the process


def test_whoever_waits_is_told_when_the_process_ends(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monkey, "is_module_patched", lambda _: True)
    for watching in (ClientWatch(pair[1]), StopSwitch()):
        gevent.spawn(interrupt_all)
        with pytest.raises(GatewayStopping):
            watching.wait(lambda: gevent.sleep(30))
        assert watching.wait(lambda: "not any more") == "not any more"
        watching.close()
    interrupt_all()
    gevent.sleep(0)
