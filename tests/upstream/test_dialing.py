"""One time for a name's lookup and all of its addresses, by a clock that the test sets.

A lookup that hangs needs gevent, and so a process of its own. Not here: TLS, and what a client is told
(test_transport.py, tests/integration/chaos/test_no_upstream.py).
"""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wsgi_gateway.upstream import dialing
from wsgi_gateway.upstream.dialing import Dialing

Address = tuple[Any, ...]


class Network:
    """Names and addresses, which take as long as they are told by a clock of their own."""

    def __init__(self) -> None:
        self.now = 100.0
        self.lookup = 0.0
        self.silent: set[str] = set()
        self.addresses: list[str] = []
        self.tried: list[tuple[str, float | None]] = []
        """Each address, with the seconds that it had."""

    def getaddrinfo(self, _host: str, port: int, **_: object) -> list[Address]:
        self.now += self.lookup
        inet = socket.AF_INET, socket.SOCK_STREAM, 6, ""
        return [(*inet, (address, port)) for address in self.addresses]

    def open(self, sock: socket.socket, address: Address, timeout: float | None) -> socket.socket:
        sock.close()
        self.tried.append((address[0], timeout))
        if address[0] in self.silent:
            assert timeout is not None
            self.now += timeout
            raise TimeoutError("timed out")
        return sock


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    network = Network()
    monkeypatch.setattr(dialing, "monotonic", lambda: network.now)
    monkeypatch.setattr(dialing, "_open", network.open)
    monkeypatch.setattr(socket, "getaddrinfo", network.getaddrinfo)
    return network


def dial(timeout: float | None) -> None:
    with Dialing(timeout) as dialing:
        dialing.connect("host", 1)


def test_an_address_that_is_silent_leaves_time_for_the_others(network: Network) -> None:
    network.addresses, network.silent = ["a", "b", "c"], {"a", "b"}
    dial(30)
    assert network.tried == [("a", 10), ("b", 10), ("c", 10)]


def test_what_one_leaves_the_others_have(network: Network) -> None:
    network.addresses, network.silent, network.lookup = ["a", "b"], {"a"}, 4
    dial(10)
    assert network.tried == [("a", 3), ("b", 3)]


def test_all_of_them_have_no_more_than_all_the_time(network: Network) -> None:
    network.addresses = [f"a{number}" for number in range(20)]
    network.silent = set(network.addresses)
    with pytest.raises(TimeoutError):
        dial(5)
    assert [timeout for _, timeout in network.tried] == [2, 2, 1]
    assert network.now == 105


def test_a_lookup_may_take_all_of_it(network: Network) -> None:
    network.addresses, network.lookup = ["a"], 5
    with pytest.raises(TimeoutError):
        dial(5)
    assert network.tried == []


def test_without_a_limit_nobody_has_one(network: Network) -> None:
    network.addresses = ["a"]
    dial(None)
    assert network.tried == [("a", None)]


@pytest.mark.usefixtures("network")
def test_no_address_is_an_error() -> None:
    with pytest.raises(OSError, match="no address"):
        dial(5)


def test_the_next_address_is_tried_where_one_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as nobody, socket.create_server(("127.0.0.1", 0)) as somebody:
        nobody.bind(("127.0.0.1", 0))
        inet = socket.AF_INET, socket.SOCK_STREAM, 6, ""
        places = [(*inet, each.getsockname()) for each in (nobody, somebody)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: places)
        with Dialing(10) as dialing, dialing.connect("host", 1) as connection:
            assert connection.getpeername() == somebody.getsockname()
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: places[:1])
        with pytest.raises(ConnectionRefusedError):
            dial(10)


_HANGING_LOOKUP = """
from gevent import monkey

monkey.patch_all()
import os

import gevent
import gevent.resolver.thread as resolver
from wsgi_gateway.client_watch import NoWatch
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.upstream import UpstreamClient, Waits

asleep = monkey.get_original("threading", "Lock")()
asleep.acquire()


class Hanging:
    @staticmethod
    def getaddrinfo(*args, **kwargs):
        asleep.acquire()


gevent.get_hub().resolver  # made of the real one
resolver._socket = Hanging
try:
    UpstreamClient().send(
        "POST", "http://slow.invalid/", {}, b"", NoWatch(), Waits(connect=0.05)
    )
except ApiError as error:
    print(error.kind, error.message, flush=True)
os._exit(0)  # the pool's thread hangs still
"""


def test_under_gevent_a_lookup_that_hangs_is_not_waited_for() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", _HANGING_LOOKUP],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "unreachable connecting to the upstream took too long\n", done.stderr
