"""The HTTP client against a raw socket: bytes as they arrive, breaks as errors, connections used again."""

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from time import monotonic

import pytest

from wsgi_gateway.client_watch import NoWatch
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.upstream import UpstreamClient, Waits

CHUNKED = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)


@pytest.fixture(params=["fast", "urllib3"])
def client_of(request: pytest.FixtureRequest) -> Callable[[], UpstreamClient]:
    """A client with each transport."""
    return partial(UpstreamClient, transport=request.param)


def limit(seconds: float) -> Waits:
    """For every silence."""
    return Waits(connect=seconds, begin=seconds, idle=seconds)


class RawServer:
    """Answers each request on each connection with ``script(connection)``."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"
        self.connections = 0
        self.may_go_on = threading.Event()
        self.pieces: list[bytes] = []
        self.keep_open = False
        self.last = b""
        """The newest request."""

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                while self._read_request(connection):
                    for number, piece in enumerate(self.pieces):
                        if number:
                            self.may_go_on.wait(10)
                        connection.sendall(piece)
                    if not self.keep_open:
                        break

    def _read_request(self, connection: socket.socket) -> bool:
        data = b""
        while not data.endswith(b"\r\n\r\n{}"):
            got = connection.recv(65536)
            if not got:
                return False
            data += got
        self.last = data
        return True


@contextmanager
def serving(*pieces: bytes, keep_open: bool = False) -> Iterator[RawServer]:
    server = RawServer()
    server.pieces, server.keep_open = list(pieces), keep_open
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    yield server
    server.may_go_on.set()
    server.listener.close()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def test_what_has_arrived_is_handed_over_at_once(
    client_of: Callable[[], UpstreamClient],
) -> None:
    with serving(CHUNKED + chunk(b"one"), chunk(b"two") + b"0\r\n\r\n") as server:
        reply = client_of().send("POST", server.url, {}, b"{}", NoWatch(), limit(10))
        chunks = reply.chunks()
        assert next(chunks) == b"one"
        server.may_go_on.set()
        assert list(chunks) == [b"two"]


def test_a_close_delimited_body_is_handed_over_at_once(
    client_of: Callable[[], UpstreamClient],
) -> None:
    with serving(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\none", b"two") as server:
        chunks = client_of().send("POST", server.url, {}, b"{}", NoWatch(), limit(10)).chunks()
        assert next(chunks) == b"one"
        server.may_go_on.set()
        assert list(chunks) == [b"two"]


@pytest.mark.parametrize(
    "piece",
    [CHUNKED + chunk(b"one") + b"5\r\ntw", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\none"],
    ids=["chunked", "content-length"],
)
def test_a_body_that_breaks_off_is_an_error(
    client_of: Callable[[], UpstreamClient], piece: bytes
) -> None:
    with serving(piece) as server:
        chunks = client_of().send("POST", server.url, {}, b"{}", NoWatch(), limit(10)).chunks()
        assert next(chunks) in (b"one", b"onetw")
        with pytest.raises(ApiError) as caught:
            list(chunks)
        assert caught.value.kind == "upstream_invalid"


def test_silence_is_a_timeout(client_of: Callable[[], UpstreamClient]) -> None:
    with serving(CHUNKED + chunk(b"one"), b"") as server:
        chunks = client_of().send("POST", server.url, {}, b"{}", NoWatch(), limit(0.2)).chunks()
        assert next(chunks) == b"one"
        with pytest.raises(ApiError) as caught:
            next(chunks)
        assert caught.value.kind == "timeout"


def test_a_silent_reply_gives_nothing_after_our_patience(
    client_of: Callable[[], UpstreamClient],
) -> None:
    with serving(CHUNKED + chunk(b"one"), chunk(b"two") + b"0\r\n\r\n") as server:
        reply = client_of().send("POST", server.url, {}, b"{}", NoWatch(), limit(10))
        chunks = reply.chunks()
        assert next(chunks) == b"one"
        reply.patience = 1e-4
        assert [next(chunks), next(chunks)] == [b"", b""]
        server.may_go_on.set()
        assert b"".join(chunks) == b"two"


def test_our_patience_does_not_prolong_the_timeout(
    client_of: Callable[[], UpstreamClient],
) -> None:
    with serving(CHUNKED + chunk(b"one"), b"") as server:
        reply = client_of().send("POST", server.url, {}, b"{}", NoWatch(), limit(0.05))
        chunks = reply.chunks()
        assert next(chunks) == b"one"
        reply.patience = 1e-4
        with pytest.raises(ApiError) as caught:
            assert set(chunks) == {b""}
        assert caught.value.kind == "timeout"


def test_nobody_there_is_unreachable(client_of: Callable[[], UpstreamClient]) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    listener.close()
    with pytest.raises(ApiError) as caught:
        client_of().send("POST", f"http://127.0.0.1:{port}/", {}, b"{}", NoWatch(), limit(10))
    assert caught.value.kind == "unreachable"


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-x\r\n"], ids=["nothing", "another protocol"])
def test_who_was_reached_is_not_called_unreachable(
    client_of: Callable[[], UpstreamClient], said: bytes
) -> None:
    with serving(said) as server, pytest.raises(ApiError) as caught:
        client_of().send("POST", server.url, {}, b"{}", NoWatch(), limit(10))
    assert caught.value.kind == "unreachable"
    assert "closed the connection" in caught.value.message


def test_a_drained_connection_is_used_again(client_of: Callable[[], UpstreamClient]) -> None:
    with serving(CHUNKED + chunk(b"one") + b"0\r\n\r\n", keep_open=True) as server:
        client = client_of()
        for _ in range(3):
            reply = client.send("POST", server.url, {}, b"{}", NoWatch(), limit(10))
            assert next(reply.chunks()) == b"one"
            reply.drain()
            reply.close()
        assert server.connections == 1


def test_a_body_left_open_is_not_waited_for(client_of: Callable[[], UpstreamClient]) -> None:
    with serving(CHUNKED + chunk(b"data: [DONE]\n\n"), b"") as server:
        reply = client_of().send("POST", server.url, {}, b"{}", NoWatch(), limit(10))
        assert next(reply.chunks()) == b"data: [DONE]\n\n"
        reply.drain()
        reply.close()
        assert not server.may_go_on.is_set()


def test_redirects_are_not_followed_and_cookies_not_kept(
    client_of: Callable[[], UpstreamClient],
) -> None:
    redirect = b"HTTP/1.1 302 Found\r\nlocation: /x\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n"
    with serving(redirect, keep_open=True) as server:
        client = client_of()
        for _ in range(2):
            reply = client.send("POST", server.url, {}, b"{}", NoWatch(), limit(10))
            assert (reply.status, reply.read()) == (302, b"")
            reply.close()
        assert b"cookie" not in server.last.lower()


def test_other_waits_hold_once_a_stream_has_begun(client_of: Callable[[], UpstreamClient]) -> None:
    with serving(CHUNKED + chunk(b"one"), b"") as server:
        waits = Waits(connect=10, begin=10, idle=0.05)
        chunks = (
            reply := client_of().send("POST", server.url, {}, b"{}", NoWatch(), waits)
        ).chunks()
        assert next(chunks) == b"one"
        reply.begin()
        with pytest.raises(ApiError) as caught:
            next(chunks)
        assert caught.value.kind == "timeout"


@pytest.mark.parametrize("patience", [None, 1e-4])
def test_what_arrives_does_not_prolong_a_deadline(
    client_of: Callable[[], UpstreamClient], patience: float | None
) -> None:
    with serving(CHUNKED + chunk(b"one"), b"") as server:
        waits = Waits(connect=10, begin=10, idle=10, done_by=monotonic() + 0.1)
        chunks = (
            reply := client_of().send("POST", server.url, {}, b"{}", NoWatch(), waits)
        ).chunks()
        assert next(chunks) == b"one"
        reply.begin()
        reply.patience = patience
        with pytest.raises(ApiError) as caught:
            assert set(chunks) <= {b""}
        assert caught.value.kind == "timeout"


def test_a_stream_that_does_not_begin_is_a_timeout(
    client_of: Callable[[], UpstreamClient],
) -> None:
    with serving(CHUNKED + chunk(b": working\n\n"), b"") as server:
        waits = Waits(connect=10, begin=10, idle=10, begun_by=monotonic() + 0.1)
        reply = client_of().send("POST", server.url, {}, b"{}", NoWatch(), waits)
        with pytest.raises(ApiError) as caught:
            assert set(reply.chunks()) == {b": working\n\n"}
        assert caught.value.kind == "timeout"


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001,
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n" + gzip.compress(b"x" * 2_000_000),
    ],
    ids=["as it is", "packed"],
)
def test_no_more_of_a_reply_is_read_than_may_be_held(
    client_of: Callable[[], UpstreamClient], reply: bytes
) -> None:
    with serving(reply) as server:
        got = client_of().send("POST", server.url, {}, b"{}", NoWatch(), limit(10), largest=1000)
        with pytest.raises(ApiError, match="larger than 1000 bytes") as caught:
            got.read()
        assert caught.value.kind == "upstream_invalid"
        got.close()


def test_as_much_as_may_be_held_is_read(client_of: Callable[[], UpstreamClient]) -> None:
    with serving(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1000) as server:
        got = client_of().send("POST", server.url, {}, b"{}", NoWatch(), limit(10), largest=1000)
        assert got.read() == b"x" * 1000
        got.close()


def test_a_connection_whose_packed_reply_was_not_read_whole_is_not_used_again() -> None:
    bomb = gzip.compress(b"x" * 2_000_000)
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb)
    with serving(head + bomb, keep_open=True) as server:
        client = UpstreamClient()
        for _ in range(2):
            got = client.send("POST", server.url, {}, b"{}", NoWatch(), limit(10), largest=1000)
            with pytest.raises(ApiError):
                got.read()
            got.close()
        assert server.connections == 2
